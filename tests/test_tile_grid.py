"""The tile grid: every place has a tile of its own, neighbours lie beside each other, and it is always the same."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analytics.layout import layout, reference_geometry
from analytics.tile_grid import block, neighbour_score, tile_grid, with_others

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("FORERUNNER_REFERENCE", ROOT.parent / "shared" / "reference"))


@pytest.fixture(scope="module")
def reference() -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """The grid of the 83 regions as it is shown, and the pairs that share a border."""
    found = reference_geometry()
    pairs = [(found.ids[a], found.ids[b]) for a, b in found.neighbours]
    return pd.read_csv(ROOT / "data" / "reference" / "ru_tiles.csv"), pairs


def one_to_a_cell(grid: pd.DataFrame) -> bool:
    return not grid.duplicated(["row", "column"]).any() and bool((grid[["row", "column"]] >= 0).all(axis=None))


def test_neighbours_are_those_that_share_a_border(reference: tuple[pd.DataFrame, list[tuple[str, str]]]) -> None:
    _, pairs = reference
    known = {frozenset(pair) for pair in pairs}
    assert len(known) == len(pairs) == 188
    assert {frozenset(("RU-AD", "RU-KDA")), frozenset(("RU-MOW", "RU-MOS")), frozenset(("RU-CHU", "RU-MAG"))} <= known
    assert frozenset(("RU-MOW", "RU-TVE")) not in known
    assert not [pair for pair in pairs if "RU-KGD" in pair]


def test_every_region_has_a_tile_of_its_own(reference: tuple[pd.DataFrame, list[tuple[str, str]]]) -> None:
    grid, _ = reference
    assert set(grid["id"]) == set(reference_geometry().ids)
    assert len(grid) == 83
    assert one_to_a_cell(grid)


def test_as_many_neighbours_touch_as_in_the_yardstick(
    reference: tuple[pd.DataFrame, list[tuple[str, str]]],
) -> None:
    file = SHARED / "tile_layout_yardstick.csv"
    if not file.is_file():
        pytest.skip("no yardstick beside the project")
    grid, pairs = reference
    yardstick = pd.read_csv(file).rename(columns={"iso": "id", "col": "column"})
    for corners in (False, True):
        ours, theirs = (neighbour_score(table, pairs, corners=corners) for table in (grid, yardstick))
        print(f"{'with corners' if corners else 'side by side'}: {ours:.1%}, yardstick {theirs:.1%}")
        assert ours >= theirs


def test_the_grid_lies_as_the_country_does(reference: tuple[pd.DataFrame, list[tuple[str, str]]]) -> None:
    grid, _ = reference
    at = grid.set_index("id")
    assert at.loc["RU-KAM", "column"] > at.loc["RU-NVS", "column"] > at.loc["RU-MOS", "column"]
    assert at.loc["RU-MUR", "row"] < at.loc["RU-MOS", "row"] < at.loc["RU-DA", "row"]


def test_a_grid_is_computed_anew_the_same_and_as_good() -> None:
    found = reference_geometry()
    kept = [place for place, code in enumerate(found.ids) if found.centres[place, 0] < -1500]
    pairs = [(kept.index(a), kept.index(b)) for a, b in found.neighbours if a in kept and b in kept]
    ids = [found.ids[place] for place in kept]
    grid = tile_grid(ids, found.centres[kept], pairs)
    assert one_to_a_cell(grid)
    pd.testing.assert_frame_equal(grid, tile_grid(ids, found.centres[kept], pairs))
    assert neighbour_score(grid, [(ids[a], ids[b]) for a, b in pairs]) >= 0.5


def test_places_on_a_chessboard_keep_their_places() -> None:
    centres = np.array([(100.0 * column, -100.0 * row) for row in range(3) for column in range(3)])
    near = [(a, b) for a in range(9) for b in range(a) if np.abs(centres[a] - centres[b]).sum() == 100]
    grid = tile_grid([str(place) for place in range(9)], centres, near)
    assert neighbour_score(grid, [(str(a), str(b)) for a, b in near]) == 1.0


@pytest.mark.parametrize("places", [0, 1, 2, 5])
def test_few_places_and_those_in_one_spot_have_tiles_too(places: int) -> None:
    grid = tile_grid([str(place) for place in range(places)], np.zeros((places, 2)))
    assert len(grid) == places
    assert one_to_a_cell(grid)


def test_unknown_places_form_a_block_below_in_their_order() -> None:
    grid = with_others(block(["a", "b", "c"], columns=2), ["x", "y", "z"])
    assert grid.set_index("id").loc["x"].tolist() == [3, 0]
    assert grid.set_index("id").loc["z"].tolist() == [4, 0]
    assert one_to_a_cell(grid)
    assert one_to_a_cell(with_others(tile_grid([], np.zeros((0, 2))), ["x", "y"]))


def test_a_layout_says_which_regions_have_no_geometry() -> None:
    codes = {"Калужская область": "RU-KLU", "Тульская область": "RU-TUL", "Houston": None, "Mars": "RU-MRS"}
    found = layout(codes).set_index("region")
    assert found["has_geometry"].to_dict() == {
        "Калужская область": True,
        "Тульская область": True,
        "Houston": False,
        "Mars": False,
    }
    assert one_to_a_cell(found.reset_index())
    assert len(layout({})) == 0
