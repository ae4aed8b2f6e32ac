"""What only the reader's browser can do: copy the address, save a chart as a picture, print. All offline."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared.text import Text

HERE = Path(__file__).parent
STYLE = (HERE / "buttons.css").read_text(encoding="utf-8")

ICON = (  # of a link, in the page itself: a font of icons does not reach into a component
    '<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path fill="currentColor" d="M3.9 12a3.1 3.1 0 0 1'
    " 3.1-3.1h4V7H7a5 5 0 0 0 0 10h4v-1.9H7A3.1 3.1 0 0 1 3.9 12zM8 13h8v-2H8v2zm9-6h-4v1.9h4a3.1 3.1 0 0 1 0 6.2h-4V17h4"
    'a5 5 0 0 0 0-10z"/></svg>'
)

_pictures = st.components.v2.component(
    "forerunner_pictures",
    html='<button data-format="png"></button><button data-format="svg"></button><p role="status"></p>',
    css=STYLE,
    js=(HERE / "pictures.js").read_text(encoding="utf-8"),
)
_link = st.components.v2.component(
    "forerunner_link",
    html='<button class="quiet">' + ICON + '<span></span></button><p role="status"></p><input readonly hidden>',
    css=STYLE,
    js=(HERE / "view.js").read_text(encoding="utf-8"),
)


def pictures(chart: str, title: str, notes: list[str], text: Text) -> None:
    """Two buttons that save the chart of this key as PNG and SVG, with its title and notes inside the picture."""
    words = {kind: text("take.picture", kind=kind.upper()) for kind in ("png", "svg")}
    data = {"chart": chart, "title": title, "notes": notes, "words": words, "failed": text("take.failed")}
    _pictures(key=f"pictures_{chart}", data=data, height="content", width="content")


def link(text: Text) -> None:
    """A button that copies the address of what is shown now, with the language in it."""
    words = {"copy": text("filters.link"), "copied": text("filters.link_copied"), "by_hand": text("filters.link_help")}
    _link(key="copy_link", data={"language": text.language, "words": words}, height="content")
