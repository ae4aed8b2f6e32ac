"""The colours: readable in both themes, and told apart by those who see colours differently."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from pages.shared.charts import MARKS
from pages.shared.fragments import SIGNS
from pages.shared.look import PALETTE
from pages.shared.scales import DIVERGING, SEQUENTIAL, UNKNOWN, blended, ink, luminance

ROOT = Path(__file__).resolve().parent.parent
THEMES = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
TEXT = 4.5  # contrast that WCAG 2 asks of words
GRAPHICS = 3.0  # and of marks
APART = 15.0  # difference in CIELAB (CIE76) of colours that stand beside one another: 2.3 is just noticeable

# Machado, Oliveira and Fernandes 2009, table 1, severity 1.0: on linear RGB.
SIGHT = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
BESIDE = [  # told apart within one chart
    ("received", "closed"),
    ("rising", "falling"),
    ("loaded", "looks_unloaded"),
    ("loaded", "not_loaded"),
    ("loaded", "partly"),
]


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def lab(color: str, sight: str) -> np.ndarray:
    """A colour in CIELAB (D65) as it is seen."""
    coded = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    seen = np.clip(SIGHT[sight] @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ seen / np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def apart(one: str, other: str, sight: str) -> float:
    return float(np.linalg.norm(lab(one, sight) - lab(other, sight)))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["textColor", "grayTextColor", "redTextColor", "blueTextColor"])
def test_words_can_be_read_on_every_ground_of_both_themes(theme: str, name: str) -> None:
    for ground in ("backgroundColor", "secondaryBackgroundColor"):
        assert contrast(THEMES[theme][name], THEMES[theme][ground]) >= TEXT


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_on_a_pressed_button_can_be_read(theme: str) -> None:
    assert contrast("#ffffff", THEMES[theme]["primaryColor"]) >= TEXT


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PALETTE)
def test_marks_stand_out_from_both_grounds(theme: str, name: str) -> None:
    """One palette serves both themes: between white and #10161d no colour can have more than 4.26 against each."""
    assert contrast(PALETTE[name], THEMES[theme]["backgroundColor"]) >= GRAPHICS


@pytest.mark.parametrize("colors", [SEQUENTIAL, DIVERGING], ids=["sequential", "diverging"])
def test_words_on_tiles_can_be_read_wherever_the_value_lies(colors: tuple[str, ...]) -> None:
    grounds = [blended(colors, place / 100) for place in range(101)] + [UNKNOWN]
    assert min(contrast(ink(ground), ground) for ground in grounds) >= TEXT


def test_marks_on_the_cells_of_days_can_be_read() -> None:
    marked = [PALETTE[state] for state, mark in MARKS.items() if mark]
    assert min(contrast(ink(PALETTE["looks_unloaded"]), ground) for ground in marked) >= TEXT


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("pair", BESIDE, ids="-".join)
def test_colours_beside_one_another_are_told_apart_by_all_eyes(pair: tuple[str, str], sight: str) -> None:
    assert apart(PALETTE[pair[0]], PALETTE[pair[1]], sight) >= APART


@pytest.mark.parametrize("sight", SIGHT)
def test_more_is_darker_for_all_eyes(sight: str) -> None:
    lightness = [lab(blended(SEQUENTIAL, place / 20), sight)[0] for place in range(21)]
    assert all(after < before for before, after in zip(lightness, lightness[1:], strict=False))


@pytest.mark.parametrize("sight", SIGHT)
def test_above_and_below_the_usual_are_told_apart_by_all_eyes(sight: str) -> None:
    for step in (0.1, 0.25, 0.5):
        assert apart(blended(DIVERGING, 0.5 - step), blended(DIVERGING, 0.5 + step), sight) >= APART / 2
    assert apart(DIVERGING[0], DIVERGING[-1], sight) >= APART


def test_directions_and_states_differ_by_shape_too() -> None:
    assert len({SIGNS["rising", True], SIGNS["falling", True]}) == 2
    assert len({MARKS["loaded"], MARKS["looks_unloaded"], MARKS["not_loaded"]}) == 3
