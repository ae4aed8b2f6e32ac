"""The import rule: app.py, pages/*.py -> pages/shared -> analytics -> libraries; and who may do what."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]
SHARED = sorted((ROOT / "pages" / "shared").glob("*.py"))
ANALYTICS = sorted((ROOT / "analytics").rglob("*.py"))
PURE = (
    "charts.py",
    "event_charts.py",
    "event_fragments.py",
    "forecast_charts.py",
    "fragments.py",
    "grids.py",
    "look.py",
    "maps.py",
    "multiples.py",
    "scales.py",
    "spike_charts.py",
    "text.py",
    "trend_charts.py",
)  # table in, figure or words out
STATE = ("address.py", "frame.py", "choosing.py", "bound.py", "event_choices.py")  # widget state and the URL
CACHES = ("answers.py", "derived.py", "rehearsed.py")
LONGEST_PAGE = 30
LONGEST_MODULE = 300


def imported(source: Path) -> set[str]:
    """The modules that a file imports, in full."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def tops(source: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(source)}


def attributes(source: Path) -> set[str]:
    """Everything of the form `st.name` that a file uses."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "st"
    }


@pytest.mark.parametrize("source", ANALYTICS, ids=lambda path: path.name)
def test_analytics_knows_neither_streamlit_nor_plotly_nor_pages(source: Path) -> None:
    assert tops(source).isdisjoint({"streamlit", "plotly", "pages", "app"})


@pytest.mark.parametrize("source", PAGES, ids=lambda path: path.name)
def test_a_page_is_a_short_table_of_contents(source: Path) -> None:
    assert all(name.startswith("pages.shared") for name in imported(source))
    assert len(source.read_text(encoding="utf-8").splitlines()) <= LONGEST_PAGE
    tree = ast.parse(source.read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, (ast.BinOp, ast.FunctionDef, ast.Lambda))]


@pytest.mark.parametrize("source", SHARED, ids=lambda path: path.name)
def test_what_pages_share_imports_no_page(source: Path) -> None:
    names = imported(source)
    assert "app" not in names
    assert not {name for name in names if name.startswith("pages.") and not name.startswith("pages.shared")}


@pytest.mark.parametrize("name", PURE)
def test_what_draws_and_words_is_pure(name: str) -> None:
    assert "streamlit" not in tops(ROOT / "pages" / "shared" / name)


@pytest.mark.parametrize("source", [*PAGES, *SHARED], ids=lambda path: path.name)
def test_state_and_caches_have_one_home(source: Path) -> None:
    used = attributes(source)
    if source.name not in STATE:
        assert used.isdisjoint({"session_state", "query_params", "set_page_config"})
    if source.name not in CACHES:
        assert used.isdisjoint({"cache_data", "cache_resource"})


@pytest.mark.parametrize("source", SHARED, ids=lambda path: path.name)
def test_no_page_module_is_too_long_nor_lets_raw_html_into_markdown(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE
    assert "unsafe_allow" not in text


@pytest.mark.parametrize("source", [*PAGES, *SHARED], ids=lambda path: path.name)
def test_every_cache_has_a_greatest_number_of_entries(source: Path) -> None:
    """Else the memory of a server that runs for months grows without bounds."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    made = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("cache_")]
    bounded = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr.startswith("cache_")
        and any(keyword.arg == "max_entries" for keyword in node.keywords)
    ]
    assert len(made) == len(bounded)
