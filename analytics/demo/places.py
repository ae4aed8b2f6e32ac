"""The places of the demo country: real regions, invented municipalities, their cells and the spots that complain."""

from __future__ import annotations

import csv
import json
import tomllib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.demo.cells import Ring, contains, polygons, voronoi_cells
from analytics.settings import ROOT

REFERENCE = ROOT / "data" / "reference"
MUNICIPALITIES = 2300
USUAL_COMPLAINTS = 1_500_000
GRID = np.array([0.003, 0.002])  # degrees of longitude and latitude, about 200 m
EASTMOST = 179.0  # seeds and spots stay west of 180 degrees, so that a complaint never needs a negative longitude


@dataclass(frozen=True)
class Places:
    """Regions and municipalities as parallel arrays; the municipalities of a region stand together, its capital first.

    `first[r]:first[r + 1]` are the municipalities of region r; `spots_from[m]:spots_from[m + 1]` are the spots
    (latitude, longitude on a grid of about 200 m) of municipality m.
    """

    iso: list[str]
    regions: list[str]
    latitude: NDArray[np.float64]  # of the region's capital
    longitude: NDArray[np.float64]
    names: list[str]
    administrations: list[str]  # "Администрация Сосновского района (Томская область)"
    region_of: NDArray[np.int64]
    population: NDArray[np.int64]  # of each municipality
    first: NDArray[np.int64]
    spots: NDArray[np.float64]  # (spots, 2): latitude, longitude
    spots_from: NDArray[np.int64]


def stream(seed: int, purpose: str) -> np.random.Generator:
    """A random generator of its own for each purpose, so that a change in one part leaves the others as they were."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of a CSV file of data/reference."""
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_settings(name: str) -> dict[str, Any]:
    """A TOML file of data/reference."""
    return tomllib.loads((REFERENCE / name).read_text(encoding="utf-8"))


def build_places(seed: int, geometry: Path, *, complaints: int = USUAL_COMPLAINTS) -> Places:
    """Invents the municipalities, writes their cells to `geometry` (GeoJSON) and returns all places.

    More complaints get more spots, or else far too many would come from the same one by chance.
    """
    rng, spot_rng = stream(seed, "places"), stream(seed, "spots")
    crowding = max(1.0, complaints / USUAL_COMPLAINTS) ** 0.7
    settings, rows = read_settings("demo_country.toml"), read_table("ru_regions.csv")
    outlines = _region_outlines()
    population = np.array([int(row["population_2020"]) for row in rows])
    counts = np.clip(MUNICIPALITIES * np.sqrt(population) / np.sqrt(population).sum(), 4, 75).round().astype(int)
    names, administrations, people, seats, spots, features = [], [], [], [], [], []
    for row, residents, count in zip(rows, population, counts, strict=True):
        region_names, genitives = _names(settings, count, row["iso"] in settings["federal_cities"], rng)
        rings, squeeze = outlines[row["iso"]]
        seeds = _seeds(rings, count, rng)
        shares = _shares(count, row["iso"] in settings["federal_cities"], rng)
        cells = voronoi_cells(rings, seeds)
        for squeezed, at, share, name in zip(cells, seeds, shares, region_names, strict=True):
            cell = [ring * [1 / squeeze, 1] for ring in squeezed]
            spots.append(_spots(cell, at * [1 / squeeze, 1], int(residents * share), crowding, spot_rng))
            features.append(_feature(row["name_ru"], name, cell))
        names += region_names
        administrations += [f"{genitive} ({row['name_ru']})" for genitive in genitives]
        people.append(np.maximum(200, residents * shares).round().astype(np.int64))
        seats.append(seeds[0] * [1 / squeeze, 1])
    _write_geometry(geometry, features)
    first = np.concatenate([[0], counts.cumsum()])
    capitals = np.array(seats)
    return Places(
        iso=[row["iso"] for row in rows],
        regions=[row["name_ru"] for row in rows],
        latitude=capitals[:, 1],
        longitude=capitals[:, 0],
        names=names,
        administrations=administrations,
        region_of=np.repeat(np.arange(len(rows)), counts),
        population=np.concatenate(people),
        first=first,
        spots=np.vstack(spots)[:, ::-1],
        spots_from=np.concatenate([[0], np.cumsum([len(part) for part in spots])]),
    )


def _region_outlines() -> dict[str, tuple[list[Ring], float]]:
    """By ISO code: the rings with longitudes squeezed so that distances are about right, and the squeeze."""
    collection = json.loads((REFERENCE / "ru_regions.geojson").read_text(encoding="utf-8"))
    outlines = {}
    for feature in collection["features"]:
        rings = [np.array(ring[:-1]) for polygon in feature["geometry"]["coordinates"] for ring in polygon]
        low, high = np.vstack(rings)[:, 1].min(), np.vstack(rings)[:, 1].max()
        squeeze = float(np.cos(np.radians((low + high) / 2)))
        outlines[feature["properties"]["iso"]] = ([ring * [squeeze, 1] for ring in rings], squeeze)
    return outlines


def _names(
    settings: dict[str, Any], count: int, in_city: bool, rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """`count` different names, and "Администрация" with each in the genitive."""
    of_towns = max(2, count // 4)
    towns = rng.permutation(settings["towns"])[:of_towns]
    stems = rng.permutation(settings["stems"])[: count - of_towns]
    if in_city:
        pairs = [(f"муниципальный округ {town}", f"муниципального округа {town}") for town in towns]
        pairs += [(f"район {stem}ий", f"района {stem}ий") for stem in stems]
    else:
        pairs = [(f"городской округ {town}", f"городского округа {town}") for town in towns]
        for stem, merged in zip(stems, rng.random(len(stems)) < 0.4, strict=True):
            kind, genitive = ("муниципальный округ", "муниципального округа") if merged else ("район", "района")
            pairs.append((f"{stem}ий {kind}", f"{stem}ого {genitive}"))
    return [name for name, _ in pairs], [f"Администрация {genitive}" for _, genitive in pairs]


def _shares(count: int, in_city: bool, rng: np.random.Generator) -> NDArray[np.float64]:
    """Shares of the region's people: falling by rank (Zipf), the capital first and largest, a city more even."""
    weights = (np.arange(count) + (8.0 if in_city else 1.0)) ** -0.9 * rng.lognormal(0, 0.25, count)
    weights[0] = max(weights.max() * 1.2, weights[0] * (1.0 if in_city else 2.0))
    return weights / weights.sum()


def _seeds(rings: list[Ring], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Seats of municipalities inside the rings, well spread, denser in the south of a large region."""
    corners = np.vstack(rings)
    low, high = corners.min(axis=0), corners.max(axis=0)
    candidates = np.empty((0, 2))
    while len(candidates) < 12 * count:
        points = rng.uniform(low, high, (20 * count, 2))
        points = points[rng.random(len(points)) < np.exp(-(points[:, 1] - low[1]) / 5)]
        candidates = np.vstack([candidates, points[contains(rings, points)]])
    squeeze = np.cos(np.radians((low[1] + high[1]) / 2))
    candidates = candidates[candidates[:, 0] / squeeze < EASTMOST - 1]
    chosen = [candidates.mean(axis=0)]
    chosen[0] = candidates[((candidates - chosen[0]) ** 2).sum(axis=1).argmin()]
    nearest = ((candidates - chosen[0]) ** 2).sum(axis=1)
    for _ in range(count - 1):  # the best of ten candidates is the one farthest from all seats so far
        few = rng.integers(0, len(candidates), 10)
        chosen.append(candidates[few[nearest[few].argmax()]])
        nearest = np.minimum(nearest, ((candidates - chosen[-1]) ** 2).sum(axis=1))
    return np.array(chosen)


def _spots(
    cell: list[Ring], seat: NDArray[np.float64], people: int, crowding: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Grid points (longitude, latitude) inside the cell, most of them near the seat, the rest in a few villages."""
    wanted = int(np.clip(2.5 * np.sqrt(people), 60, 2500) * crowding)
    corners = np.vstack(cell)
    size = np.minimum((corners.max(axis=0) - corners.min(axis=0)) / 4, [2.0, 1.0])
    town = min(1.0, np.sqrt(people) / 700)
    centres = np.vstack([np.tile(seat, (8, 1)), seat + rng.normal(0, 1, (4, 2)) * size])
    spread = np.minimum(size / 3, [0.16 * town, 0.09 * town])
    points = centres[rng.integers(0, 12, 2 * wanted)] + rng.normal(0, 1, (2 * wanted, 2)) * spread
    points = np.round(points / GRID) * GRID
    points = points[contains(cell, points) & (points[:, 0] < EASTMOST)][:wanted]
    return points if len(points) else seat[None, :]


def _feature(region: str, municipality: str, cell: list[Ring]) -> dict[str, Any]:
    shapes = [[[*ring.round(3).tolist(), ring[0].round(3).tolist()] for ring in polygon] for polygon in polygons(cell)]
    return {
        "type": "Feature",
        "properties": {"region": region, "municipality": municipality},
        "geometry": {"type": "MultiPolygon", "coordinates": shapes},
    }


def _write_geometry(path: Path, features: list[dict[str, Any]]) -> None:
    note = "invented municipalities of a synthetic demo country; regions: Natural Earth 1:10m, public domain"
    collection = {"type": "FeatureCollection", "metadata": {"note": note}, "features": features}
    path.write_text(json.dumps(collection, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
