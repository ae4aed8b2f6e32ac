"""A tile for each place: equal squares that lie about as the places do, neighbours beside each other.

Optimal assignment of centroids to the cells of a grid (scipy's linear_sum_assignment), for several widths of the grid
and degrees of evening out; the best is then improved by exchanging tiles (simulated annealing, Kirkpatrick, Gelatt
and Vecchi 1983) with a fixed seed, so the same geometry always gives the same grid.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata

EVENED = (0.4, 0.6, 0.8)  # between the true positions (0) and evenly spread ones (1)
ASPECTS = (1.4, 1.8, 2.2)  # columns to rows
ROOM = 1.7  # cells for each tile
CORNER = 0.45  # what neighbours cost whose tiles touch at a corner only; beside each other they cost nothing
APART = 1.0  # what those cost that do not touch, and …
FARTHER = 0.12  # … for each step further
STRAYED = 0.02  # for each square step from where the place lies
TURNED = 0.35  # for neighbours that lie in another direction than in truth, at most
FEW = 1.5  # how much more a pair counts, divided by the neighbours of the one that has fewer
ALONE = 8.0  # how much more a place without neighbours keeps to where it lies
STEPS = 2500  # exchanges tried for each tile
WARMTH = (0.6, 0.03)  # first and last


def tile_grid(ids: Sequence[str], centres: np.ndarray, neighbours: Sequence[tuple[int, int]] = ()) -> pd.DataFrame:
    """id, row, column: a tile for each place, no two in one cell; rows from the north, columns from the west.

    `centres`: kilometres east and north; `neighbours`: pairs of positions that touch.
    """
    if not len(ids):
        return pd.DataFrame({"id": [], "row": [], "column": []}).astype({"row": int, "column": int})
    start = [_assigned(centres, evened, aspect) for evened in EVENED for aspect in ASPECTS]
    grids = [_Grid(cells, targets, centres, neighbours) for cells, targets in start]
    best = min(grids, key=lambda grid: grid.cost())
    best.improve(random.Random(len(ids)))  # the same each time
    cells = best.cells()
    return pd.DataFrame({"id": list(ids), "row": cells[:, 0], "column": cells[:, 1]})


def block(ids: Sequence[str], *, columns: int | None = None) -> pd.DataFrame:
    """id, row, column: places whose position is unknown, in their order, line by line."""
    columns = columns or max(1, math.ceil(math.sqrt(1.8 * len(ids))))
    position = np.arange(len(ids))
    return pd.DataFrame({"id": list(ids), "row": position // columns, "column": position % columns})


def with_others(grid: pd.DataFrame, others: Sequence[str]) -> pd.DataFrame:
    """A grid, and below it, after an empty row, the places whose position is unknown."""
    if grid.empty or not others:
        return grid if len(grid) else block(others)
    below = block(others, columns=int(grid["column"].max()) + 1)
    return pd.concat([grid, below.assign(row=below["row"] + int(grid["row"].max()) + 2)], ignore_index=True)


def neighbour_score(grid: pd.DataFrame, neighbours: Sequence[tuple[str, str]], *, corners: bool = False) -> float:
    """The share of true neighbours whose tiles lie side by side; with `corners` also those that touch at a corner."""
    at = {name: (row, column) for name, row, column in grid[["id", "row", "column"]].itertuples(index=False)}
    steps = [(abs(at[a][0] - at[b][0]), abs(at[a][1] - at[b][1])) for a, b in neighbours if a in at and b in at]
    if not steps:
        return math.nan
    return sum(max(step) == 1 if corners else sum(step) == 1 for step in steps) / len(steps)


def _assigned(centres: np.ndarray, evened: float, aspect: float) -> tuple[np.ndarray, np.ndarray]:
    """Cells (row, column) by optimal assignment, and where in the grid each place lies."""
    rows = max(1, math.ceil(math.sqrt(len(centres) * ROOM / aspect)))
    columns = max(1, math.ceil(len(centres) * ROOM / rows))
    place = np.column_stack([-centres[:, 1], centres[:, 0]])
    spread = np.ptp(place, axis=0)
    true = (place - place.min(axis=0)) / np.where(spread > 0, spread, 1.0)
    ranks = np.column_stack([rankdata(place[:, axis]) for axis in (0, 1)]) - 1
    even = ranks / max(len(centres) - 1, 1)
    targets = ((1 - evened) * true + evened * even) * [rows - 1, columns - 1]
    grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1).reshape(-1, 2)
    distance = ((targets[:, None, :] - grid[None, :, :]) ** 2).sum(axis=2)
    return grid[linear_sum_assignment(distance)[1]], targets


class _Grid:
    """Tiles in cells, and what their places cost."""

    def __init__(
        self, cells: np.ndarray, targets: np.ndarray, centres: np.ndarray, neighbours: Sequence[tuple[int, int]]
    ) -> None:
        self.at = [(int(row), int(column)) for row, column in cells]
        self.targets = [(float(row), float(column)) for row, column in targets]
        self.size = (int(cells[:, 0].max()) + 1, int(cells[:, 1].max()) + 1)
        self.beside: list[list[tuple[int, float, float, float]]] = [[] for _ in self.at]
        number = np.bincount(np.array(neighbours, dtype=int).ravel(), minlength=len(self.at))
        self.free = [ALONE if not of_place else 1.0 for of_place in number]
        for one, other in neighbours:
            east, north = centres[other] - centres[one]
            length = math.hypot(east, north) or 1.0
            weight = 1.0 + FEW / min(number[one], number[other])
            self.beside[one].append((other, -north / length, east / length, weight))
            self.beside[other].append((one, north / length, -east / length, weight))

    def cells(self) -> np.ndarray:
        """The cells, the northernmost row and the westernmost column being 0."""
        cells = np.array(self.at)
        return np.asarray(cells - cells.min(axis=0))

    def cost(self) -> float:
        return sum(self._of(tile) + self._strayed(tile) for tile in range(len(self.at)))

    def improve(self, chance: random.Random) -> None:
        """Move tiles to other cells, exchanging them with who is there; colder and colder, then keep the best."""
        there = {cell: tile for tile, cell in enumerate(self.at)}
        tiles = len(self.at)
        steps = STEPS * tiles
        cost = best = self.cost()
        kept = list(self.at)
        for step in range(steps):
            warmth = WARMTH[0] * (WARMTH[1] / WARMTH[0]) ** (step / steps)
            tile = chance.randrange(tiles)
            cell = self._somewhere(tile, chance)
            other = there.get(cell)
            if cell == self.at[tile]:
                continue
            home = self.at[tile]
            moved = (tile,) if other is None else (tile, other)
            before = self._together(moved)
            self._put(tile, cell, other, home)
            change = self._together(moved) - before
            if change > 0 and chance.random() >= math.exp(-change / warmth):
                self._put(tile, home, other, cell)
                continue
            del there[home]
            there[cell] = tile
            if other is not None:
                there[home] = other
            cost += change
            if cost < best - 1e-9:
                best, kept = cost, list(self.at)
        self.at = kept

    def _put(self, tile: int, cell: tuple[int, int], other: int | None, home: tuple[int, int]) -> None:
        self.at[tile] = cell
        if other is not None:
            self.at[other] = home

    def _somewhere(self, tile: int, chance: random.Random) -> tuple[int, int]:
        """A cell near the tile, or beside one of its neighbours."""
        beside = self.beside[tile]
        row, column = self.at[beside[chance.randrange(len(beside))][0] if beside and chance.random() < 0.5 else tile]
        row = min(max(row + chance.randint(-2, 2), 0), self.size[0] - 1)
        return row, min(max(column + chance.randint(-2, 2), 0), self.size[1] - 1)

    def _together(self, tiles: tuple[int, ...]) -> float:
        """What changes when these tiles move: their pairs count twice, as in the whole."""
        return sum(2 * self._of(tile) + self._strayed(tile) for tile in tiles)

    def _strayed(self, tile: int) -> float:
        (row, column), (to_row, to_column) = self.at[tile], self.targets[tile]
        return STRAYED * self.free[tile] * ((row - to_row) ** 2 + (column - to_column) ** 2)

    def _of(self, tile: int) -> float:
        """What the tile's pairs cost."""
        row, column = self.at[tile]
        cost = 0.0
        for other, south, east, weight in self.beside[tile]:
            down, right = self.at[other][0] - row, self.at[other][1] - column
            steps = abs(down) + abs(right)
            pair = 0.0
            if steps == 2 and down and right:
                pair = CORNER
            elif steps > 1:
                pair = APART + FARTHER * (steps - 2)
            length = math.hypot(down, right) or 1.0
            cost += weight * (pair + TURNED * (1.0 - (down * south + right * east) / length) / 2)
        return cost
