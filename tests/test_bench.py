"""The page of benchmarks: a section measured again changes nothing of the others, and a miss is marked."""

from __future__ import annotations

from pathlib import Path

from tests.bench.page import against, keep


def test_a_section_measured_again_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    page, order = tmp_path / "benchmarks.md", ["Imports", "Stores", "Forecasts"]
    keep("Stores", ["| 1 s |"], order=order, path=page)
    keep("Imports", ["| 4 s |", "", "So it is."], order=order, path=page)
    keep("Stores", ["| 2 s |"], order=order, path=page)
    text = page.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Imports", "## Stores"]
    assert "| 4 s |\n\nSo it is." in text
    assert "| 2 s |" in text and "| 1 s |" not in text
    assert text.count("python -m tests.bench") == 2  # each part says with what it was measured


def test_what_misses_its_bar_is_marked() -> None:
    assert [against(seconds, 0.3, f"{seconds} s") for seconds in (0.2, 0.3, 0.34)] == ["0.2 s", "0.3 s", "0.34 s ✗"]
