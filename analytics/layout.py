"""Which tile stands for which region: the reference grid, one of its own for a few, a block for unknown ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from analytics.geometry import Geometry, read_geometry
from analytics.tile_grid import neighbour_score, tile_grid, with_others

REFERENCE_TILES = Path(__file__).resolve().parents[1] / "data" / "reference" / "ru_tiles.csv"
MOST = 0.6  # of the reference regions: with fewer, the gaps between them would say nothing


def layout(codes: Mapping[str, str | None]) -> pd.DataFrame:
    """region, code, row, column, has_geometry: a tile for each region; `codes`: region -> code of the reference.

    Regions without geometry follow below the grid, in their order.
    """
    found = reference_geometry()
    known = {code: region for region, code in codes.items() if code in found.ids}
    others = [region for region, code in codes.items() if code not in found.ids]
    grid = _grid(tuple(sorted(known)))
    grid["id"] = grid["id"].map(known)
    table = with_others(grid, others).rename(columns={"id": "region"})
    table["code"] = table["region"].map(codes)
    return table.assign(has_geometry=~table["region"].isin(others)).astype({"row": int, "column": int})


class Places(NamedTuple):
    """What a grid is computed from: names in order, their centres (bytes), pairs of neighbours (positions)."""

    names: tuple[str, ...]
    centres: bytes
    neighbours: tuple[tuple[int, int], ...]


def places_of(geometry: Geometry, names: Iterable[str]) -> Places:
    """Those of the names that have an outline; in order of the alphabet, so that tiles stay where they are."""
    place = {name: position for position, name in enumerate(geometry.ids)}
    kept = sorted({name for name in names if name in place})
    positions = [place[name] for name in kept]
    row = {position: number for number, position in enumerate(positions)}
    pairs = tuple((row[one], row[other]) for one, other in geometry.neighbours if one in row and other in row)
    return Places(tuple(kept), geometry.centres[positions].round(3).tobytes(), pairs)


@lru_cache(maxsize=32)
def computed_grid(places: Places) -> pd.DataFrame:
    """id, row, column. Seconds for a hundred places, so it is remembered."""
    return tile_grid(places.names, np.frombuffer(places.centres).reshape(-1, 2), places.neighbours)


def own_layout(
    geometry: Geometry, names: Sequence[str], grid_of: Callable[[Places], pd.DataFrame] = computed_grid
) -> pd.DataFrame:
    """name, code (the name), row, column, has_geometry: a tile for each place, by outlines whose ids are names.

    Places without one follow below the grid, in their order. `grid_of`: where a grid may be kept already.
    """
    known = set(geometry.ids)
    others = [name for name in names if name not in known]
    table = with_others(grid_of(places_of(geometry, names)).copy(), others).rename(columns={"id": "name"})
    return table.assign(code=table["name"], has_geometry=~table["name"].isin(others)).astype(
        {"row": int, "column": int}
    )


@lru_cache(maxsize=1)
def reference_geometry() -> Geometry:
    """The regions of data/reference/ru_regions.geojson."""
    return read_geometry()


def _grid(codes: tuple[str, ...]) -> pd.DataFrame:
    """id, row, column of reference regions; the whole grid was computed once and lies beside the geometry."""
    found = reference_geometry()
    if len(codes) >= MOST * len(found.ids):
        grid = pd.read_csv(REFERENCE_TILES)
        return grid[grid["id"].isin(codes)].reset_index(drop=True)
    place = {code: position for position, code in enumerate(found.ids)}
    kept = [place[code] for code in codes]
    pairs = [(kept.index(a), kept.index(b)) for a, b in found.neighbours if a in kept and b in kept]
    return tile_grid(codes, found.centres[kept], pairs)


def main() -> None:
    """Compute the grid of the reference geometry anew, keep it beside the geometry and say how good it is."""
    found = reference_geometry()
    grid = tile_grid(found.ids, found.centres, found.neighbours)
    grid.to_csv(REFERENCE_TILES, index=False)
    pairs = [(found.ids[a], found.ids[b]) for a, b in found.neighbours]
    sides, corners = neighbour_score(grid, pairs), neighbour_score(grid, pairs, corners=True)
    print(f"{len(pairs)} pairs of neighbours: {sides:.1%} of the tiles side by side, {corners:.1%} with corners")


if __name__ == "__main__":
    main()
