"""A reader's own outlines: GeoJSON in, shapes of the store's places out, with what does not match said."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analytics import names
from analytics.errors import BadInput
from analytics.geometry import Geometry, exterior_against_the_clock, geometry, refuse_no_degrees, rings_of
from analytics.naming import Known, read_known
from analytics.store import Store

MOST_BYTES = 5_000_000  # outlines that take more are simplified until they take less
FINEST = 0.0005  # degrees, about 50 m: the first step of simplifying
COARSEST = 0.25  # a step from which outlines say nothing any more
BETWEEN = "\n"  # region and municipality: stands in no name
CRS_OF_DEGREES = ("crs84", "4326", "4979", "4269", "7665")
ENOUGH = 0.5  # share of the features whose property must name known places


@dataclass(frozen=True)
class OwnShapes:
    """`level`: region or municipality; `shapes`: (region, municipality or '') -> GeoJSON geometry.

    `unknown`: names in the file that no place of the store has; `missing`: places of the store without an outline;
    `property_name`: by which they were matched; `simplified`: degrees of the grid that corners were moved to, 0: none.
    """

    level: str
    shapes: dict[tuple[str, str], dict[str, Any]]
    unknown: list[str]
    missing: list[str]
    property_name: str
    simplified: float


def read_own_geometry(store: Store, path: Path) -> OwnShapes:
    """The outlines of a GeoJSON file that belong to places of the store, ready to be drawn.

    Rings are unwrapped at 180° and wound as RFC 7946 says; outlines above 5 MB are simplified on a grid, so that
    neighbours keep their common line. Places are found by code or name, in whichever property names the most. Raises
    BadInput for what is no GeoJSON, has other coordinates than degrees, has no polygon, matches no place, or is too
    large even when simplified.
    """
    features = _features(path)
    read = {at: _shape(feature) for at, feature in enumerate(features)}
    shapes = {at: shape for at, shape in read.items() if shape}
    if not shapes:
        raise BadInput("no_polygons", "There is no polygon in the geometry.")
    refuse_no_degrees(
        np.concatenate([ring for shape in shapes.values() for one in shape["coordinates"] for ring in one])
    )
    level, by, found = _matched(store, [feature.get("properties") or {} for feature in features], features)
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for at, place in found.items():
        if place and at in shapes:
            joined = kept.setdefault(place, {"type": "MultiPolygon", "coordinates": []})
            joined["coordinates"].extend(shapes[at]["coordinates"])
    if not kept:
        raise BadInput(
            "geometry_no_match",
            "No outline of {file} belongs to a place of the store; they are matched by code or name.",
            file=path.name,
        )
    kept, step = _small_enough(kept, path.name)
    named = [_name(features[at], by) for at in shapes if not found.get(at)]
    covered = {region for region, _ in kept}
    wanted = {place for place in _places(store, level) if level == "region" or place[0] in covered}
    missing = sorted({town or region for region, town in wanted - set(kept)})
    return OwnShapes(level, kept, sorted({name for name in named if name}), missing, by, step)


def keep_own_geometry(store: Store, found: OwnShapes) -> None:
    """Put these outlines in the place of those of the same level."""
    rows = [(*place, json.dumps(shape, separators=(",", ":"))) for place, shape in found.shapes.items()]

    def work(cursor: Any) -> None:
        cursor.execute(f"delete from shapes where municipality {'=' if found.level == 'region' else '<>'} ''")
        cursor.executemany("insert into shapes values (?, ?, ?)", rows)

    store.write(work)


def forget_own_geometry(store: Store, level: str) -> None:
    """Those of the reference, or none, are drawn again."""
    store.write(
        lambda cursor: cursor.execute(f"delete from shapes where municipality {'=' if level == 'region' else '<>'} ''")
    )


def own_geometry(store: Store, level: str, regions: Iterable[str] = ()) -> Geometry | None:
    """The outlines that the reader gave, ids being the names of the places; None where there are none."""
    found = _kept(store, level, regions)
    return _drawable(found[level], found["shape"])


def all_municipalities(store: Store, regions: Iterable[str] = ()) -> Geometry | None:
    """The outlines of the municipalities of several regions, ids being those of `outline_id`; None without any."""
    found = _kept(store, "municipality", regions)
    return _drawable(outline_id(found["region"], found["municipality"]), found["shape"])


def outline_id(regions: pd.Series, municipalities: pd.Series) -> pd.Series:
    """What tells municipalities of the same name in several regions apart."""
    return regions + BETWEEN + municipalities


def shapes_of(path: Path) -> list[tuple[str, str, str]]:
    """region, municipality, shape of each feature of a file that is known to be right, by properties of those names."""
    told = [(feature["properties"], _shape(feature)) for feature in _features(path)]
    return [(named["region"], named["municipality"], json.dumps(shape)) for named, shape in told if shape]


def kept_outlines(store: Store) -> dict[str, int]:
    """How many outlines of regions and of municipalities the reader has given."""
    found = store.query("select count(*) as n, count(nullif(municipality, '')) as towns from shapes").iloc[0]
    return {"region": int(found["n"] - found["towns"]), "municipality": int(found["towns"])}


# Keeping


def _kept(store: Store, level: str, regions: Iterable[str]) -> pd.DataFrame:
    return store.query(
        f"""
        select region, municipality, shape from shapes
        where municipality {"=" if level == "region" else "<>"} '' and chosen(region, $regions) order by all
        """,
        regions=list(regions) or None,
    )


def _drawable(ids: pd.Series, shapes: pd.Series) -> Geometry | None:
    if ids.empty:
        return None
    return geometry((name, json.loads(shape)) for name, shape in zip(ids, shapes, strict=True))


# Reading


def _features(path: Path) -> list[dict[str, Any]]:
    try:
        read = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput("geojson_unreadable", "{file} is not GeoJSON: it cannot be read.", file=path.name) from error
    kind = read.get("type") if isinstance(read, dict) else None
    features = read.get("features") if kind == "FeatureCollection" else [read] if kind == "Feature" else None
    if not isinstance(features, list) or not all(isinstance(one, dict) for one in features):
        raise BadInput(
            "geojson_unreadable_kind", "{file} is not GeoJSON: it has no collection of features.", file=path.name
        )
    crs = json.dumps(read.get("crs") or "").lower()
    if read.get("crs") and not any(name in crs for name in CRS_OF_DEGREES):
        raise BadInput(
            "geojson_crs",
            "{file} has coordinates of another system ({crs}); save it as WGS 84, in degrees (EPSG:4326).",
            file=path.name,
            crs=str(((read.get("crs") or {}).get("properties") or {}).get("name", "?")),
        )
    return features


def _shape(feature: dict[str, Any]) -> dict[str, Any] | None:
    """Its polygons, whole rings only, unwrapped and wound; None where there are none."""
    try:
        polygons = [
            [exterior_against_the_clock(ring, outer=place == 0) for place, ring in enumerate(polygon) if len(ring) > 3]
            for polygon in rings_of(feature.get("geometry") or {"type": ""})
        ]
    except (TypeError, ValueError, IndexError, KeyError):
        return None
    polygons = [polygon for polygon in polygons if polygon and np.isfinite(np.concatenate(polygon)).all()]
    if not polygons:
        return None
    return {"type": "MultiPolygon", "coordinates": [[ring.round(6).tolist() for ring in one] for one in polygons]}


def _small_enough(
    shapes: dict[tuple[str, str], dict[str, Any]], file: str
) -> tuple[dict[tuple[str, str], dict[str, Any]], float]:
    """The shapes on the finest grid on which they take no more than MOST_BYTES, and its step; 0: as they were."""
    step = 0.0
    while len(json.dumps(list(shapes.values()))) > MOST_BYTES:
        step = FINEST if not step else 2 * step
        if step >= COARSEST:
            raise BadInput("geometry_too_large", "{file} has too many outlines to be drawn.", file=file)
        shapes = {place: _on_grid(shape, step) for place, shape in shapes.items()}
    return shapes, step


def _on_grid(shape: dict[str, Any], step: float) -> dict[str, Any]:
    """Corners moved to a grid, those that fall together left out; the largest ring stays, however small."""
    digits = max(0, math.ceil(-math.log10(step)) + 1)
    moved = []
    for polygon in shape["coordinates"]:
        rings = []
        for ring in polygon:
            corners = np.round(np.asarray(ring) / step) * step
            changed = np.any(np.diff(corners, axis=0) != 0, axis=1)
            corners = np.concatenate([corners[:1], corners[1:][changed]])
            if len(corners) > 3:
                rings.append(corners.round(digits).tolist())
        if rings:
            moved.append(rings)
    largest = max(shape["coordinates"], key=lambda polygon: len(polygon[0]))
    return {"type": "MultiPolygon", "coordinates": moved or [largest]}


# Matching


def _matched(
    store: Store, told: list[dict[str, Any]], features: list[dict[str, Any]]
) -> tuple[str, str, dict[int, tuple[str, str] | None]]:
    """The level, the property that names the places, and the place of each feature (None: not known)."""
    reader = store.cursor()
    try:
        known = read_known(reader)
    finally:
        reader.close()
    keys = sorted({key for properties in told for key in properties})
    columns = {key: [_word(properties.get(key)) for properties in told] for key in keys}
    columns["id"] = [
        _word(feature.get("id")) or word
        for feature, word in zip(features, columns.get("id", [""] * len(told)), strict=True)
    ]
    regions = {key: _regions(known, words) for key, words in columns.items()}
    only = sorted({name for name in known.words.get("region", []) if name})
    by_region = max(regions, key=lambda key: (len({name for name in regions[key] if name}), key == "id"))
    of_region = regions[by_region]
    if len(only) == 1 and not any(of_region):  # the store's only region goes without saying
        of_region = [only[0]] * len(told)
        by_region = ""
    towns = {key: _municipalities(known, words, of_region) for key, words in columns.items() if key != by_region}
    by_town = max(towns, key=lambda key: sum(place is not None for place in towns[key]), default="")
    matched = sum(place is not None for place in towns[by_town]) if by_town else 0
    if matched > max(len({name for name in of_region if name}), ENOUGH):
        return "municipality", by_town, dict(enumerate(towns[by_town]))
    if not by_region:
        return "region", "", {}
    return "region", by_region, {at: (name, "") if name else None for at, name in enumerate(of_region)}


def _regions(known: Known, words: list[str]) -> list[str | None]:
    """The store's region of each word: by code, by name in either language, or as the store itself calls it."""
    reference = [(code, russian, english) for code, russian, english, _ in known.regions]
    found = names.match_regions({word for word in words if word}, reference, known.spellings("region"))
    own = {names.tidy(name).casefold(): name for name in known.words.get("region", [])}
    return [found.get(word) or own.get(names.tidy(word).casefold()) for word in words]


def _municipalities(known: Known, words: list[str], regions: list[str | None]) -> list[tuple[str, str] | None]:
    """The store's municipality of each word; one without a region only where a single region has it."""
    of_name: dict[str, set[str]] = {}
    for region, name in known.municipalities:
        of_name.setdefault(name, set()).add(region or "")
    aliases = known.aliases.get("municipality", {})
    asked: dict[tuple[str | None, str], int] = {
        (region, word): 1 for word, region in zip(words, regions, strict=True) if word and region
    }
    kept = names.match_municipalities(asked, known.municipalities, aliases) if asked else {}
    found: list[tuple[str, str] | None] = []
    for word, region in zip(words, regions, strict=True):
        if region and word:
            name, is_known = kept[region, word]
            found.append((region, name) if is_known and region in of_name.get(name, set()) else None)
        else:
            homes = of_name.get(names.tidy(word), set()) if word else set()
            found.append((next(iter(homes)), names.tidy(word)) if len(homes) == 1 else None)
    return found


def _places(store: Store, level: str) -> set[tuple[str, str]]:
    """The places of the store that should have an outline."""
    found = store.query(
        "select distinct parent, value from choices where meaning = $level and value <> ''", level=level
    )
    pairs = zip(found["parent"], found["value"], strict=True)
    return {(value, "") if level == "region" else (parent, value) for parent, value in pairs}


def _name(feature: dict[str, Any], by: str) -> str:
    return _word((feature.get("properties") or {}).get(by)) or _word(feature.get("id"))


def _word(value: object) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
