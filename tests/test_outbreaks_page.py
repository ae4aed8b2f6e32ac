"""Outbreaks now on the Signals page: told in a sentence, said to be none where there is none."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from analytics.refresh import refresh
from analytics.store import open_store
from pages.shared.text import Text
from tests.countries import NOW, REGIONS, make_store

ROOT = Path(__file__).resolve().parent.parent
TOLD = {
    "en": "**126** complaints since 13 November, in 7 days; about 21 would be usual (×6).",
    "ru": "**126** обращений с 13 ноября, за 7 дней; обычно было бы около 21 (×6).",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a surge in its last week, refreshed."""
    made = make_store(tmp_path_factory.mktemp("outbreaks"), a_day=3, days=300)
    with closing(open_store(made)) as store:
        refresh(store, now=NOW + timedelta(hours=1), reconstruct=0, municipalities=False)
    return made


def opened(folder: str, language: str, monkeypatch: pytest.MonkeyPatch, **chosen: object) -> AppTest:
    monkeypatch.setenv("FORERUNNER_STORE", folder)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.session_state["lang"] = language
    for key, value in chosen.items():
        app.session_state[key] = value
    app.run()
    app.switch_page("pages/signals.py").run()
    assert not app.exception
    return app


def test_an_outbreak_is_told_by_place_start_and_size(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In both languages; how unusual and whether it is new stand in badges beside it."""
    for language, told in TOLD.items():
        text = Text(language)
        app = opened(folder, language, monkeypatch)
        written = [str(element.value) for element in app.markdown]
        place, topic = text.name("region", REGIONS[0]), text.name("topic_group", "Благоустройство")
        assert any(place in line and topic.split(" /")[0] in line for line in written)
        assert told in written
        assert text("outbreaks.title") in [str(element.value) for element in app.subheader]


def test_a_place_without_an_outbreak_says_so(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(folder, "en", monkeypatch, region=[REGIONS[1]])
    assert "Nothing unusual is going on up to 19 November 2026." in [str(element.value) for element in app.success]


def test_a_run_without_a_judgement_says_so(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_store(folder)) as store:
        store.write(lambda cursor: cursor.execute("delete from outbreak_runs"))
    app = opened(folder, "en", monkeypatch)
    assert "Not judged yet: the next refresh does it." in [str(element.value) for element in app.caption]
