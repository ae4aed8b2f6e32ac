"""What only the reader's browser can do: copy the address, save a chart as a picture, print. All offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from pages.shared.text import Text

HERE = Path(__file__).parent
STYLE = (HERE / "buttons.css").read_text(encoding="utf-8")

ICON = (HERE / "link.svg").read_text(encoding="utf-8")  # in the page itself: Streamlit's icons do not reach into it

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


def link(chosen: dict[str, list[str]], keys: Sequence[str], text: Text) -> None:
    """A button that copies the address of what is shown now: the filters chosen (of `keys`), and the language."""
    words = {"copy": text("filters.link"), "copied": text("filters.link_copied"), "by_hand": text("filters.link_help")}
    _link(
        key="copy_link",
        data={"language": text.language, "words": words, "chosen": chosen, "keys": list(keys)},
        height="content",
    )
