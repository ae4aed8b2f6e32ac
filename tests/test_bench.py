"""The page of benchmarks: a section measured again changes nothing of the others, and a miss is marked."""

from __future__ import annotations

from pathlib import Path

from tests.bench.page import against, keep


def test_a_section_measured_again_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("# Benchmarks\n\n<!-- forecast: begin -->\n| 9 s |\n<!-- forecast: end -->\n", encoding="utf-8")
    keep("store", "Stores", ["| 1 s |"], path=page)
    keep("import", "Imports", ["| 4 s |", "", "So it is."], path=page)
    keep("store", "Stores", ["| 2 s |"], path=page)
    text = page.read_text(encoding="utf-8")
    marks = [line.split()[1] for line in text.splitlines() if line.startswith("<!--") and line.endswith("begin -->")]
    assert marks == ["forecast:", "store:", "import:"]
    assert "| 9 s |" in text and "| 4 s |\n\nSo it is." in text
    assert "| 2 s |" in text and "| 1 s |" not in text
    assert text.count("python -m tests.bench") == 2  # each part says with what it was measured


def test_what_misses_its_bar_is_marked() -> None:
    assert [against(seconds, 0.3, f"{seconds} s") for seconds in (0.2, 0.3, 0.34)] == ["0.2 s", "0.3 s", "0.34 s ✗"]
