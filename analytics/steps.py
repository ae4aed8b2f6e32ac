"""Lasting changes of a level: where a series stepped up or down, how surely, and that it did not merely drift.

A regression on a straight line, the year's first harmonics (both from two years on) and a step for each change: a
partial structural change model (Bai and Perron 1998), its steps chosen forward and revised, their number by a penalised
likelihood in which weeks that resemble their neighbours count for less. A step's probability is its BIC weight (Raftery
1995) against no step and against a gradual slope in its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHORTEST = 4  # weeks on each side of a change: anything shorter is a spike
MOST = 6
PENALTY = 3.0  # times log(weeks): a step's size and its place
RAMPS = (13, 26, 52)  # weeks that a gradual change may take instead
SHIFTS = (-6, 0, 6)  # weeks from the step to the middle of the gradual change
YEAR = 365.25 / 7
SEASONS = (0, 1, 3)  # harmonics that a short history may have


@dataclass(frozen=True)
class Step:
    """`week`: the first at the new level; `before` and `after`: the model on both sides of it; how surely it is one."""

    week: int
    before: float
    after: float
    probability: float


def find_steps(values: np.ndarray, harmonics: int) -> list[Step]:
    """Steps in weekly `values` (nan = unknown) of about normal errors, in order of time.

    `harmonics`: of the year, 0 where the history is too short to tell a season from a change.
    """
    known = np.flatnonzero(~np.isnan(values))
    if len(known) < 2 * SHORTEST + 2:
        return []
    y, base = values[known], _base(known, harmonics)
    places = known[SHORTEST:-SHORTEST]
    path = _forward(y, base, known, places)
    chosen: list[int] = []
    for _ in range(3):  # how alike weeks are is seen once the steps are known, and the steps once that is
        similar = _similarity(_residual(y, _with_steps(base, known, path[min(max(2, len(chosen) + 1), len(path) - 1)])))
        sure = len(y) * (1 - similar) / (1 + similar)
        chosen = min(path, key=lambda weeks: _criterion(y, base, known, weeks, sure))
    return [_step(y, base, known, chosen, week, sure) for week in sorted(chosen)]


def find_steps_beside_season(values: np.ndarray) -> list[Step]:
    """Steps where two years, but hardly more, are known: with a season of 0, 1 or 3 harmonics, whichever fits best.

    In so short a history a season and a step backward a year before can stand for one step: by the information
    criterion (Schwarz 1978) of both together the simpler account is taken.
    """
    known = np.flatnonzero(~np.isnan(values))
    y = values[known]
    found = [(find_steps(values, harmonics), _base(known, harmonics)) for harmonics in SEASONS]
    designs = [_with_steps(base, known, [step.week for step in steps]) for steps, base in found]
    similar = _similarity(_residual(y, designs[-1]))
    sure = len(y) * (1 - similar) / (1 + similar)
    told = [
        sure * np.log(_squares(y, design)) + np.log(len(y)) * (base.shape[1] + PENALTY * len(steps))
        for design, (steps, base) in zip(designs, found, strict=True)
    ]
    return found[int(np.argmin(told))][0]


def _base(weeks: np.ndarray, harmonics: int) -> np.ndarray:
    turn = 2 * np.pi * weeks / YEAR
    waves = [wave(number * turn) for number in range(1, harmonics + 1) for wave in (np.sin, np.cos)]
    line = [(weeks - weeks.mean()) / len(weeks)] if harmonics else []  # in a short history a line takes half a step
    return np.column_stack([np.ones(len(weeks)), *line, *waves])


def _with_steps(base: np.ndarray, known: np.ndarray, weeks: list[int]) -> np.ndarray:
    return np.column_stack([base, *((known >= week).astype(float) for week in weeks)])


def _residual(y: np.ndarray, design: np.ndarray) -> np.ndarray:
    basis = np.linalg.qr(design)[0]
    return y - basis @ (basis.T @ y)


def _forward(y: np.ndarray, base: np.ndarray, known: np.ndarray, places: np.ndarray) -> list[list[int]]:
    """The best steps found, for each number of them from 0; each is placed anew once the next is known."""
    path: list[list[int]] = [[]]
    for _ in range(MOST):
        weeks = [*path[-1]]
        added = _best(y, base, known, places, weeks)
        if added is None:
            break
        weeks.append(added)
        for at in range(len(weeks)) if len(weeks) > 1 else ():
            others = weeks[:at] + weeks[at + 1 :]
            again = _best(y, base, known, places, others)
            weeks[at] = weeks[at] if again is None else again
        path.append(weeks)
    return path


def _best(y: np.ndarray, base: np.ndarray, known: np.ndarray, places: np.ndarray, weeks: list[int]) -> int | None:
    """The place where one more step explains most."""
    free = places[(np.abs(places[:, None] - np.array(weeks, dtype=int)) >= SHORTEST).all(axis=1)]
    if not len(free):
        return None
    basis = np.linalg.qr(_with_steps(base, known, weeks))[0]
    at = np.searchsorted(known, free)  # a step is a sum from its place on, and so is what the model has of it already
    told = np.cumsum(basis[::-1], axis=0)[::-1][at]
    size = len(known) - at - (told**2).sum(axis=1)
    left = np.cumsum((y - basis @ (basis.T @ y))[::-1])[::-1][at]
    gain = np.where(size > 1e-6, left**2 / np.maximum(size, 1e-6), 0.0)
    return int(free[gain.argmax()])


def _similarity(residual: np.ndarray) -> float:
    """Correlation of neighbouring weeks, corrected for what a fitted model takes away, from 0 to 0.8."""
    squares = residual @ residual
    found = (residual[1:] @ residual[:-1]) / squares if squares > 0 else 0.0
    return float(np.clip(found + (1 + 3 * found) * 2 / len(residual), 0.0, 0.8))


def _squares(y: np.ndarray, design: np.ndarray) -> float:
    return float(max((_residual(y, design) ** 2).sum(), 1e-9))


def _criterion(y: np.ndarray, base: np.ndarray, known: np.ndarray, weeks: list[int], sure: float) -> float:
    return sure * np.log(_squares(y, _with_steps(base, known, weeks))) + PENALTY * np.log(len(y)) * len(weeks)


def _step(y: np.ndarray, base: np.ndarray, known: np.ndarray, weeks: list[int], week: int, sure: float) -> Step:
    others = [other for other in weeks if other != week]
    without = _with_steps(base, known, others)
    whole = np.column_stack([without, known >= week])
    gain = _log_weight(y, without, whole, sure)
    ramps = [np.column_stack([without, _ramp(known, week + shift, width)]) for width in RAMPS for shift in SHIFTS]
    gradual = [_log_weight(y, without, ramp, sure) for ramp in ramps]
    effects = np.linalg.lstsq(whole, y, rcond=None)[0]
    first = int(np.searchsorted(known, week))
    after = float(whole[first] @ effects)
    top = max(gain, *gradual, 0.0)
    mine, slow, none = np.exp(gain - top), np.exp(np.array(gradual) - top).mean(), np.exp(-top)
    return Step(week, after - float(effects[-1]), after, float(mine / (mine + slow + none)))


def _log_weight(y: np.ndarray, without: np.ndarray, whole: np.ndarray, sure: float) -> float:
    return (sure * np.log(_squares(y, without) / _squares(y, whole)) - PENALTY * np.log(len(y))) / 2


def _ramp(known: np.ndarray, middle: int, width: int) -> np.ndarray:
    return np.clip((known - middle) / width + 0.5, 0.0, 1.0)
