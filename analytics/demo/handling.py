"""How the demo country's complaints were handled: deadline, first answer, closing and status as of the last day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from analytics.demo.counts import Floats, Integers
from analytics.demo.places import stream
from analytics.demo.rows import DAY, Country, Rows

STATUSES = ["new", "in_progress", "postponed", "closed", "declined"]
NEVER = -1
SPREAD = 0.9  # standard deviation of the logarithm of the days to close


@dataclass(frozen=True)
class Handling:
    """Parallel to Rows; times in seconds since the first day's midnight, NEVER where there is none by the last day."""

    due: Integers
    first_answer: Integers
    closed: Integers
    status: Integers  # position in STATUSES


class Clerks:
    """Answers complaints: lognormal days to close, late in a share that differs by topic group, region and month."""

    def __init__(self, country: Country) -> None:
        self._rng = stream(country.seed, "handling")
        self._weekday, self._end = country.weekday, country.days * DAY - 1
        self._deadline = np.array([int(row["deadline_days"]) for row in country.groups])
        overdue = np.array([float(row["overdue_percent"]) / 100 for row in country.groups])
        regions = len(country.places.regions)
        pace = self._rng.lognormal(0, 0.3, (regions, 1)) * self._rng.lognormal(0, 0.2, (regions, len(overdue)))
        self._overdue = 0.9 * overdue * pace
        self._month = np.zeros((regions, 1))

    def handle(self, rows: Rows) -> Handling:
        """What became of these complaints; stretches must be handled in order, as a region's backlog lasts months."""
        rng, count = self._rng, len(rows.opened)
        self._month = 0.7 * self._month + rng.normal(0, 0.2, self._month.shape)
        late = np.clip(self._overdue * np.exp(self._month), 0.01, 0.6)
        thanks, question = rows.kind == 3, rows.kind == 2
        days = self._deadline[rows.topic_group]
        typical = np.log(days) - SPREAD * scipy.special.ndtri(1 - late)[rows.region, rows.topic_group]
        typical = np.where(thanks, 0.0, np.where(question, typical - 0.25, typical))
        postponed = ~thanks & (rng.random(count) < 0.015)
        length = np.exp(typical + SPREAD * rng.standard_normal(count)) * np.where(postponed, 4.0, 1.0)
        closed = self._in_office_hours(rows.opened, rows.opened + (length * DAY).astype(np.int64))
        first_answer = rows.opened + ((closed - rows.opened) * rng.random(count) ** 1.7).astype(np.int64)
        answered = (first_answer <= self._end) & (rng.random(count) < 0.92)
        declined = ~thanks & (rng.random(count) < 0.05)
        status = np.where(answered | (rows.opened < self._end - 5 * DAY), 1, 0)
        status[postponed & answered] = 2
        done = closed <= self._end
        status[done] = np.where(declined[done], 4, 3)
        due = (rows.opened // DAY + days) * DAY + DAY - 1
        return Handling(
            due=np.where(thanks, NEVER, due),
            first_answer=np.where(answered, first_answer, NEVER),
            closed=np.where(done, closed, NEVER),
            status=status,
        )

    def _in_office_hours(self, opened: Integers, closed: Integers) -> Integers:
        """Closing moves to between 9 and 18, and mostly off weekends; what is closed on its first day stays."""
        rng = self._rng
        opened_day, day = opened // DAY, closed // DAY
        weekday = (self._weekday[0] + day) % 7
        day = day + np.where((weekday >= 5) & (rng.random(len(day)) < 0.8), 7 - weekday, 0)
        office: Floats = 9 * 3600 + (rng.random(len(day)) + rng.random(len(day))) * 4.5 * 3600
        same_day = np.minimum(np.maximum(closed, opened + 300), opened_day * DAY + DAY - 1)
        return np.where(day == opened_day, same_day, day * DAY + office.astype(np.int64))
