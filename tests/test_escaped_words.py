"""Words that escaped the catalogue: with every sentence of it in brackets, nothing is written without them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import text
from pages.shared.frame import PAGES
from tests.countries import make_store

ROOT = Path(__file__).resolve().parent.parent
FILES = {**{name: file for name, (file, _) in PAGES.items()}, "definitions": "pages/definitions.py"}
KINDS = ("title", "subheader", "caption", "info", "warning", "success", "error", "metric", "button", "selectbox")
KINDS += ("multiselect", "toggle", "slider", "expander", "text_input", "number_input", "date_input", "checkbox")
DATA = re.compile(r"«[^»]*»|“[^”]*”|:\w+/\w+:|/\S+|[\W\d_]|python -m analytics \w+", re.S)


class Bracketed:
    """A catalogue whose every sentence stands in brackets."""

    def __init__(self, catalogue: object) -> None:
        self.catalogue = catalogue

    def gettext(self, key: str) -> str:
        found: str = self.catalogue.gettext(key)  # type: ignore[attr-defined]
        return found if found == key else f"⟦{found}⟧"

    def ngettext(self, one: str, many: str, n: int) -> str:
        return f"⟦{self.catalogue.ngettext(one, many, n)}⟧"  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_store(tmp_path_factory.mktemp("full"), a_day=3, days=400, forecast=True)


@pytest.fixture
def bracketed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    real = text._catalogue
    monkeypatch.setattr(text, "_catalogue", lambda language: Bracketed(real(language)))
    yield


@pytest.mark.parametrize("page", FILES)
def test_no_word_escapes_the_catalogue(page: str, store: str, bracketed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORERUNNER_STORE", store)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.session_state["lang"] = "en"
    app.run()
    if page != "overview":
        app.switch_page(FILES[page]).run()
    assert not app.exception
    written = [str(getattr(one, "label", "") or getattr(one, "value", "")) for kind in KINDS for one in app.get(kind)]
    assert len(written) > 5
    assert [words for words in written if "⟦" not in words and DATA.sub("", words)] == []
