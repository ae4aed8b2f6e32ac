"""What the places of the Heatmap say, in plain words."""

from __future__ import annotations

import math

import streamlit as st

from analytics.filters import Filters
from pages.shared.answers import Answers
from pages.shared.scales import scale
from pages.shared.text import Text, plain

FEWEST = 20  # complaints of a place that is named
NOTED = 1.2  # times the usual that is worth naming


def headline(answers: Answers, filters: Filters, text: Text) -> None:
    """What the places say, in plain words: where most, where most per head, what stands out."""
    places = answers.places(filters)
    table = answers.compared(filters, (places,) if places == "region" else ("region", places))
    named = table[(table[places] != "") & (table["complaints"] >= FEWEST)]
    lines: list[str] = []
    for measure, words in (("complaints", "most"), ("per_1000", "most_per_head"), ("against_usual", "most_above")):
        known = named.dropna(subset=measure)
        if known.empty:
            continue
        best = known.loc[known[measure].idxmax()]
        if measure == "against_usual" and best[measure] < NOTED:
            lines.append(text("heatmap.none_above"))
            continue
        shade = scale(measure, known[measure])
        lines.append(
            text(
                f"heatmap.{words}",
                place=plain(text.name(places, best[places])),
                value=shade.words(best[measure], text),
                per=shade.per,
                complaints=int(best["complaints"]),
                usual=round(best["usual"]) if not math.isnan(best["usual"]) else 0,
            )
        )
    if not lines:
        lines.append(text("heatmap.thin", fewest=FEWEST))
    st.markdown("\n".join(f"- {line}" for line in lines))
