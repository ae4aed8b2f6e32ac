"""What a reader chose is in the address: every page is walked, and no widget that selects may keep it to itself."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from analytics.refresh import refresh
from analytics.store import open_store
from pages.shared import heat
from pages.shared.own_settings import KINDS
from pages.shared.text import Text
from tests.happenings import NOW, PLANNED, make_happening_store

ROOT = Path(__file__).resolve().parent.parent
SELECT = (
    *("selectbox", "multiselect", "slider", "select_slider", "number_input", "text_input", "text_area"),
    *("date_input", "time_input", "checkbox", "toggle", "radio", "segmented_control", "pills", "feedback"),
    *("color_picker", "tabs", "data_editor", "expander"),
)
SEEN = ("selectbox", "multiselect", "slider", "number_input", "text_input", "text_area", "date_input", "toggle")
UNBOUND = {  # function -> why what is chosen there is in no address
    "event_form.add": "opens a form that changes the store",
    "event_form.edit": "opens a form that changes the store",
    "event_form._form": "a form that changes the store",
    "event_intake._events": "says what a file holds that is being taken in",
    "intake._preview": "says how a file is read that is being taken in",
    "intake._edited": "says how a file is read that is being taken in",
    "own_limits.one_limit": "a form that changes the store",
    "own_limits._one": "a form that changes the store",
    "records._setting": "changes a setting of the store, for every reader",
    "signal_cards._say": "changes what the store keeps of a signal, for every reader",
}
FORMS = re.compile(r"^(form_|said_|owner_|word_|take_|limit_)")  # the keys of widgets of these
SETTINGS = ("home_region", "budget", "language")
VIEWS = {
    "overview": [{}],
    "heatmap": [{"view": view, "measure": measures[-1]} for view, measures in heat.MEASURES.items()],
    "trends": [{}],
    "forecast": [{}],
    "signals": [{}],
    "events": [
        *({"part": part} for part in ("rehearsal", "calendar", "effects", "import")),
        {"ask": "planned", "planned": [PLANNED]},
        {"part": "calendar", "month": "2026-12", "event": PLANNED},
    ],
    "data": [{"table": kind} for kind in KINDS],
    "definitions": [{}],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = make_happening_store(tmp_path_factory.mktemp("walked"), prepared=False)
    store = open_store(path)
    refresh(store, now=NOW, reconstruct=1)
    store.close()
    return path


@pytest.mark.parametrize("page", VIEWS)
def test_every_widget_of_every_page_that_selects_is_in_the_address(
    folder: str, page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORERUNNER_STORE", folder)
    text, walked = Text("en"), 0
    for chosen in VIEWS[page]:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.session_state["lang"] = "en"
        for key, value in chosen.items():
            app.session_state[key] = value
        app.run()
        if page != "overview":
            app.switch_page(f"pages/{page}.py").run()
        assert not app.exception
        kept = {text.of("setting", name) for name in SETTINGS}
        for widget in (*(one for kind in SEEN for one in app.get(kind)), *app.get("button_group")):
            walked += 1
            bound = widget.proto.query_param_key
            told = f"{page} {chosen}: {widget.proto.label!r} ({widget.key})"
            assert bound or FORMS.match(str(widget.key)) or widget.proto.label in kept, told
    assert walked >= 5


def test_every_call_of_a_widget_that_selects_is_bound_or_said_why_not() -> None:
    loose = set()
    for source in sorted((ROOT / "pages").rglob("*.py")):
        for function in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                loose |= {f"{source.stem}.{function.name}" for call in ast.walk(function) if _selects_unbound(call)}
    assert loose == set(UNBOUND)


def _selects_unbound(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in SELECT
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("st", "left", "right", "middle")
        and not any(given.arg == "bind" for given in node.keywords)
    )
