"""Which tile stands for which region: the reference grid, one of its own for a few, a block for unknown ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

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


def own_layout(geometry: Geometry, names: Sequence[str]) -> pd.DataFrame:
    """name, code (the name), row, column, has_geometry: a tile for each place, by outlines whose ids are names.

    Places without one follow below the grid, in their order.
    """
    place = {name: position for position, name in enumerate(geometry.ids)}
    kept = [name for name in names if name in place]
    others = [name for name in names if name not in place]
    positions = [place[name] for name in kept]
    pairs = tuple(
        (positions.index(a), positions.index(b)) for a, b in geometry.neighbours if a in positions and b in positions
    )
    grid = _computed(tuple(kept), geometry.centres[positions].round(3).tobytes(), pairs)
    table = with_others(grid.copy(), others).rename(columns={"id": "name"})
    return table.assign(code=table["name"], has_geometry=~table["name"].isin(others)).astype(
        {"row": int, "column": int}
    )


@lru_cache(maxsize=32)
def _computed(names: tuple[str, ...], centres: bytes, pairs: tuple[tuple[int, int], ...]) -> pd.DataFrame:
    """Seconds for a hundred places, so it is remembered."""
    return tile_grid(names, np.frombuffer(centres).reshape(-1, 2), pairs)


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
