"""Outlines of places from GeoJSON: unwrapped at 180°, wound alike, projected with true areas. File in, numbers out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from analytics.errors import BadInput

REFERENCE = Path(__file__).resolve().parents[1] / "data" / "reference" / "ru_regions.geojson"
DIGITS = 3  # of a degree: two outlines share a vertex where they agree to about 100 m
EARTH_KM = 6371.0
PARALLELS = (0.25, 0.55)  # where between south and north the projection is true: people live in the south


@dataclass(frozen=True, eq=False)
class Geometry:
    """Places and their outlines.

    `rings`: for each place its exterior rings, kilometres east and north, clockwise; `centres`: their area centroids;
    `neighbours`: pairs of positions whose outlines share a line.
    """

    ids: tuple[str, ...]
    rings: tuple[tuple[np.ndarray, ...], ...]
    centres: np.ndarray
    neighbours: tuple[tuple[int, int], ...]
    projection: Projection


@dataclass(frozen=True)
class Projection:
    """Albers' equal-area conic (Snyder 1987, page 100) for a stretch of the northern or southern hemisphere."""

    longitude: float
    parallels: tuple[float, float]

    def __call__(self, longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Kilometres east and north of the middle."""
        first, second = np.radians(self.parallels)
        n = (np.sin(first) + np.sin(second)) / 2
        c = np.cos(first) ** 2 + 2 * n * np.sin(first)
        if abs(n) < 1e-6:  # about the equator: the cylinder of equal areas
            return EARTH_KM * np.radians(longitude - self.longitude), EARTH_KM * np.sin(np.radians(latitude))
        radius = np.sqrt(np.maximum(c - 2 * n * np.sin(np.radians(latitude)), 0.0)) / n
        middle = np.sqrt(c - 2 * n * np.sin((first + second) / 2)) / n
        angle = n * np.radians(longitude - self.longitude)
        return EARTH_KM * radius * np.sin(angle), EARTH_KM * (middle - radius * np.cos(angle))


def read_geometry(file: Path = REFERENCE, id_property: str = "iso") -> Geometry:
    """The places of a GeoJSON file in degrees; raises BadInput when it holds none or other coordinates."""
    features = json.loads(file.read_text(encoding="utf-8")).get("features", [])
    return geometry((str(feature["properties"].get(id_property, "")), feature["geometry"]) for feature in features)


def geometry(shapes: Iterable[tuple[str, dict[str, Any]]]) -> Geometry:
    """The same from pairs of an id and a GeoJSON geometry (Polygon or MultiPolygon)."""
    whole = {name: rings_of(shape) for name, shape in shapes}
    found = {name: [ring[0] for ring in polygons] for name, polygons in whole.items() if polygons}
    if not found:
        raise BadInput("no_polygons", "There is no polygon in the geometry.")
    corners = np.concatenate([ring for rings in found.values() for ring in rings])
    refuse_no_degrees(corners)
    projection = _projection(corners)
    rings = tuple(
        tuple(_clockwise(np.column_stack(projection(ring[:, 0], ring[:, 1]))) for ring in of_place)
        for of_place in found.values()
    )
    centres = np.array([_centre(of_place) for of_place in rings])
    return Geometry(tuple(found), rings, centres, _neighbours([whole[name] for name in found]), projection)


def refuse_no_degrees(corners: np.ndarray) -> None:
    """Raise BadInput for corners that are no longitudes and latitudes in degrees."""
    if np.abs(corners[:, 1]).max() > 90 or np.abs(corners[:, 0]).max() > 540:
        raise BadInput("not_degrees", "The coordinates of the geometry are not degrees of longitude and latitude.")


def exterior_against_the_clock(ring: np.ndarray, *, outer: bool) -> np.ndarray:
    """A ring of degrees as RFC 7946 winds it: the outer one against the clock, holes with it."""
    return ring if (_area(ring) > 0) == outer else ring[::-1]


def rings_of(shape: dict[str, Any]) -> list[list[np.ndarray]]:
    """The polygons of a shape in degrees, exterior ring first, all on one side of the 180° meridian."""
    polygons = {"Polygon": [shape.get("coordinates")], "MultiPolygon": shape.get("coordinates")}.get(shape["type"], [])
    return [
        [_unwrapped(np.asarray(ring, dtype=float)[:, :2]) for ring in polygon] for polygon in polygons or () if polygon
    ]


def _unwrapped(ring: np.ndarray) -> np.ndarray:
    """A ring without jumps over the 180° meridian; what lies just behind it counts on beyond 180°."""
    longitude = np.degrees(np.unwrap(np.radians(ring[:, 0])))
    if longitude.mean() < -168:  # the tip of Asia beyond the meridian
        longitude = longitude + 360
    return np.column_stack([longitude, ring[:, 1]])


def _projection(corners: np.ndarray) -> Projection:
    west, east = corners[:, 0].min(), corners[:, 0].max()
    south, north = corners[:, 1].min(), corners[:, 1].max()
    parallels = (south + PARALLELS[0] * (north - south), south + PARALLELS[1] * (north - south))
    return Projection(float((west + east) / 2), parallels)


def _clockwise(ring: np.ndarray) -> np.ndarray:
    return ring[::-1] if _area(ring) > 0 else ring


def _area(ring: np.ndarray) -> float:
    """Signed: positive when wound against the clock."""
    x, y = ring[:, 0], ring[:, 1]
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def _centre(rings: tuple[np.ndarray, ...]) -> np.ndarray:
    """The centroid of the area; the middle of the corners where there is no area."""
    total, centre = 0.0, np.zeros(2)
    for ring in rings:
        x, y = ring[:, 0], ring[:, 1]
        cross = x * np.roll(y, -1) - np.roll(x, -1) * y
        total += cross.sum() / 2
        centre += np.array([((x + np.roll(x, -1)) * cross).sum(), ((y + np.roll(y, -1)) * cross).sum()]) / 6
    return np.asarray(centre / total) if abs(total) > 1e-9 else np.concatenate(rings).mean(axis=0)


def _neighbours(places: list[list[list[np.ndarray]]]) -> tuple[tuple[int, int], ...]:
    """Pairs that share at least two vertices; one alone is a corner."""
    owners: dict[tuple[float, float], set[int]] = {}
    for place, polygons in enumerate(places):
        corners = np.concatenate([ring for polygon in polygons for ring in polygon])
        for corner in np.round(corners, DIGITS):
            owners.setdefault((float(corner[0]), float(corner[1])), set()).add(place)
    shared = Counter(pair for places_at in owners.values() for pair in combinations(sorted(places_at), 2))
    return tuple(sorted(pair for pair, corners in shared.items() if corners >= 2))
