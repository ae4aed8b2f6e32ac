"""A chart's twin: made only once it is opened, and honest when it fails."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def whole() -> None:
    import pandas as pd  # noqa: PLC0415 - Streamlit's driver runs the source of this function by itself
    import streamlit as st  # noqa: PLC0415

    from pages.shared import twins  # noqa: PLC0415
    from pages.shared.text import Text  # noqa: PLC0415

    def table() -> pd.DataFrame:
        st.session_state["made"] = True
        return pd.DataFrame({"Complaints": [3, 4]})

    twins.twin("x", table, "Title", twins.About(), Text("en"))


def broken() -> None:
    from pages.shared import twins  # noqa: PLC0415
    from pages.shared.text import Text  # noqa: PLC0415

    twins.twin("x", lambda: 1 / 0, "Title", twins.About(), Text("en"))  # type: ignore[arg-type,return-value]


def opened(page: object, *, twin: bool) -> AppTest:
    app = AppTest.from_function(page)  # type: ignore[arg-type]
    app.session_state["twin_x"] = twin
    return app.run(timeout=60)


def test_the_table_is_not_made_before_it_is_asked_for() -> None:
    closed = opened(whole, twin=False)
    assert "made" not in closed.session_state
    assert not closed.dataframe
    asked = opened(whole, twin=True)
    assert asked.session_state["made"]
    assert asked.dataframe[0].value["Complaints"].tolist() == [3, 4]


def test_a_table_that_fails_is_one_sentence_with_a_number() -> None:
    app = opened(broken, twin=True)
    assert not app.exception
    assert len(app.error) == 1
    assert "number" in app.error[0].value
    assert "division" not in app.error[0].value
