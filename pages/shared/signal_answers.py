"""What the pages ask about signals, beside `answers`: the days around them, the matrix, the budget."""

from __future__ import annotations

import pandas as pd

from analytics import signal_days
from analytics.filters import Filters
from analytics.signals import BUDGET
from pages.shared.answers import Answers


def courses(answers: Answers, filters: Filters) -> pd.DataFrame:
    """The days around the signals; see analytics.signal_days.courses."""
    found: pd.DataFrame = answers.ask("signal_courses", filters)
    return found


def matrix(answers: Answers, filters: Filters) -> pd.DataFrame:
    """Places × days ahead: the probability of the likeliest spike, the most pressing place first."""
    order = answers.signals(filters)["region"].drop_duplicates()
    return signal_days.by_region(courses(answers, filters)).reindex(order)


def over(answers: Answers, filters: Filters) -> pd.DataFrame:
    """What came of the signals of the last two weeks; see analytics.signal_days.over."""
    found: pd.DataFrame = answers.ask("signals_over", filters)
    return found


def budget(answers: Answers) -> int:
    """Signals of a region and week that are shown: as set, else 5."""
    return int(answers.setting("budget") or BUDGET)
