"""A progress bar in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

SPEED = 600.0  # seconds over which the time left is estimated: steps may be a minute apart
errors = Console(stderr=True, soft_wrap=True, highlight=False)


@contextmanager
def progress(unit: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on standard error with the time left."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    hidden = not errors.is_terminal
    with Progress(*columns, console=errors, transient=True, disable=hidden, speed_estimate_period=SPEED) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share, name: bar.update(task, completed=share, description=name)
