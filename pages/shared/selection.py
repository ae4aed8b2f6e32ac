"""What the reader has chosen, in words."""

from __future__ import annotations

from analytics.filters import COUNTED, Filters
from pages.shared import choosing
from pages.shared.answers import Answers
from pages.shared.text import Text


def in_words(answers: Answers, chosen: Filters, text: Text) -> str:
    """The reader's choice as one line: the period, the places, the topics."""
    parts = [text.period(chosen.first_day, chosen.last_day)] if chosen.first_day and chosen.last_day else []
    for meaning, values in (
        ("region", chosen.regions),
        ("municipality", chosen.municipalities),
        ("topic_group", chosen.topic_groups),
        ("topic", chosen.topics),
        ("channel", chosen.channels),
    ):
        if len(values) > 3:
            parts.append(text(f"filters.many_{meaning}", n=len(values)))
        elif values:
            parts.append(", ".join(text.name(meaning, value) for value in values))
        elif meaning == "region" and answers.places(chosen) == "region":
            parts.append(text("filters.all_regions"))
    if set(chosen.kinds) != set(COUNTED):
        parts.append(", ".join(text.name("kind", kind) for kind in chosen.kinds or choosing.KINDS))
    return " · ".join(parts)
