"""A reader's own outlines: matched, mended, simplified, refused in a sentence, and drawn."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analytics.errors import BadInput
from analytics.geometry import REFERENCE, Geometry, read_geometry
from analytics.imports import import_files
from analytics.kept_tiles import grid_of, keep_tiles
from analytics.layout import own_layout
from analytics.own_geometry import (
    forget_own_geometry,
    keep_own_geometry,
    kept_outlines,
    own_geometry,
    read_own_geometry,
)
from analytics.store import Store
from tests.countries import NOW, REGIONS, write_export
from tests.making import incidents

SHARED = Path(os.environ.get("FORERUNNER_REFERENCE", Path(__file__).resolve().parents[2] / "shared" / "reference"))
SQUARE = [[36.0, 54.0], [37.0, 54.0], [37.0, 55.0], [36.0, 55.0], [36.0, 54.0]]  # against the clock


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    import_files(store, [write_export(tmp_path / "a.csv", days=20, a_day=3)], now=NOW)
    return store


def feature(ring: list[list[float]], **properties: object) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def moved(east: float, ring: list[list[float]] = SQUARE) -> list[list[float]]:
    return [[x + east, y] for x, y in ring]


def written(tmp_path: Path, features: list[dict[str, Any]], **more: object) -> Path:
    file = tmp_path / "own.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features, **more}), encoding="utf-8")
    return file


def test_regions_are_found_by_code_and_by_name_and_what_does_not_match_is_said(filled: Store, tmp_path: Path) -> None:
    by_code = written(tmp_path, [feature(SQUARE, iso="RU-KLU"), feature(moved(1), iso="XX-1")])
    found = read_own_geometry(filled, by_code)
    assert (found.level, found.property_name, list(found.shapes)) == ("region", "iso", [(REGIONS[0], "")])
    assert found.unknown == ["XX-1"]
    assert found.missing == sorted(REGIONS[1:])
    by_name = written(tmp_path, [feature(SQUARE, n=1, title="Tula Oblast"), feature(moved(1), title="рязанская обл")])
    assert sorted(read_own_geometry(filled, by_name).shapes) == [(REGIONS[2], ""), (REGIONS[1], "")]


def test_municipalities_are_found_within_their_region(filled: Store, tmp_path: Path) -> None:
    towns = filled.query("select parent, value from choices where meaning = 'municipality' order by all")
    features = [
        feature(moved(place), area=region, town=town)
        for place, (region, town) in enumerate(zip(towns["parent"], towns["value"], strict=True))
    ]
    found = read_own_geometry(filled, written(tmp_path, features[:-1]))
    assert (found.level, found.property_name) == ("municipality", "town")
    assert len(found.shapes) == len(towns) - 1
    assert found.missing == [towns["value"].iloc[-1]]
    keep_own_geometry(filled, found)
    assert kept_outlines(filled) == {"region": 0, "municipality": len(towns) - 1}
    drawn = own_geometry(filled, "municipality", [REGIONS[0]])
    assert drawn is not None
    assert set(drawn.ids) == set(towns.loc[towns["parent"] == REGIONS[0], "value"])
    forget_own_geometry(filled, "municipality")
    assert own_geometry(filled, "municipality") is None


def test_rings_are_wound_and_unwrapped_and_pieces_of_one_place_joined(filled: Store, tmp_path: Path) -> None:
    over = [[179.0, 66.0], [-179.0, 66.0], [-179.0, 67.0], [179.0, 67.0], [179.0, 66.0]]
    features = [feature(over, name=REGIONS[0]), feature(SQUARE[::-1], name=REGIONS[0])]
    shape = read_own_geometry(filled, written(tmp_path, features)).shapes[REGIONS[0], ""]
    assert len(shape["coordinates"]) == 2
    for polygon in shape["coordinates"]:
        ring = np.array(polygon[0])
        x, y = ring[:, 0], ring[:, 1]
        assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0  # against the clock
        assert np.ptp(x) < 3  # no jump over the 180th meridian


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("not json", "geojson_unreadable"),
        ('{"type": "Topology"}', "geojson_unreadable_kind"),
        ("[1, 2]", "geojson_unreadable_kind"),
        ('{"type": "FeatureCollection", "features": []}', "no_polygons"),
        ('{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": null}]}', "no_polygons"),
        (
            json.dumps(
                {
                    "type": "FeatureCollection",
                    "features": [feature(SQUARE, name="Калужская область")],
                    "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}},
                }
            ),
            "geojson_crs",
        ),
        (
            json.dumps(
                {"type": "FeatureCollection", "features": [feature([[4e6, 7e6], [5e6, 7e6], [5e6, 8e6], [4e6, 7e6]])]}
            ),
            "not_degrees",
        ),
        (
            json.dumps({"type": "FeatureCollection", "features": [feature(SQUARE, name="Atlantis")]}),
            "geometry_no_match",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(filled: Store, tmp_path: Path, content: str, code: str) -> None:
    file = tmp_path / "own.geojson"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        read_own_geometry(filled, file)
    assert refused.value.code == code
    assert kept_outlines(filled) == {"region": 0, "municipality": 0}


def test_a_file_above_5_mb_is_simplified_and_neighbours_still_touch(filled: Store, tmp_path: Path) -> None:
    """Two regions whose common line has very many corners, on both sides the same."""
    steps = np.linspace(54, 55, 120_000)
    line = [[37 + 0.1 * np.sin(60 * y), y] for y in steps.tolist()]
    west = [[36.0, 54.0], *line, [36.0, 55.0], [36.0, 54.0]]
    east = [[38.0, 54.0], [38.0, 55.0], *line[::-1], [38.0, 54.0]]
    file = written(tmp_path, [feature(west, name=REGIONS[0]), feature(east, name=REGIONS[1])])
    assert file.stat().st_size > 5_000_000
    found = read_own_geometry(filled, file)
    assert found.simplified > 0
    assert len(json.dumps(list(found.shapes.values()))) <= 5_000_000
    keep_own_geometry(filled, found)
    drawn = own_geometry(filled, "region")
    assert drawn is not None
    assert drawn.neighbours == ((0, 1),)


def test_outlines_of_no_known_place_do_not_count_to_the_size(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.own_geometry.MOST_BYTES", 2_000)
    strangers = [feature(moved(place / 10), name=f"Atlantis {place}") for place in range(100)]
    found = read_own_geometry(filled, written(tmp_path, [feature(SQUARE, name=REGIONS[0]), *strangers]))
    assert found.simplified == 0
    assert found.shapes[REGIONS[0], ""]["coordinates"] == [[SQUARE]]
    assert len(found.unknown) == 100


def test_outlines_that_no_grid_makes_small_enough_are_refused(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.own_geometry.MOST_BYTES", 2_000)
    pieces = [feature(moved(place), name=REGIONS[0]) for place in range(100)]
    with pytest.raises(BadInput) as refused:
        read_own_geometry(filled, written(tmp_path, pieces))
    assert refused.value.code == "geometry_too_large"


def test_the_tiles_of_ones_own_outlines_hold_every_place_once(filled: Store) -> None:
    keep_own_geometry(filled, read_own_geometry(filled, REFERENCE))
    drawn = own_geometry(filled, "region")
    assert drawn is not None
    assert len(drawn.ids) == len(read_geometry().ids) == 83
    some = [*drawn.ids[:12], "Nowhere"]
    tiles = own_layout(drawn, some)
    assert sorted(tiles["name"]) == sorted(some)
    assert not tiles.duplicated(["row", "column"]).any()
    assert tiles.set_index("name")["has_geometry"].to_dict() == {name: name != "Nowhere" for name in some}


def test_tiles_are_kept_by_what_they_rest_on_and_stay_where_they_are(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever order the places come; of other outlines the kept tiles are not used."""
    keep_own_geometry(filled, read_own_geometry(filled, REFERENCE))
    drawn = own_geometry(filled, "region")
    assert drawn is not None
    here = [name for name in drawn.ids if name in REGIONS]
    fresh = own_layout(drawn, here)
    assert keep_tiles(filled, now=NOW) == 1
    assert keep_tiles(filled, now=NOW) == 0
    monkeypatch.setattr("analytics.kept_tiles.computed_grid", lambda places: pytest.fail("computed again"))
    pd.testing.assert_frame_equal(own_layout(drawn, here[::-1], grid_of(filled)), fresh, check_dtype=False)
    monkeypatch.undo()
    square = written_square(filled)
    assert keep_tiles(filled, now=NOW) == 1
    assert filled.query("select count(*)::int as n from kept_answers")["n"].tolist() == [1]
    pd.testing.assert_frame_equal(
        own_layout(square, here, grid_of(filled)), own_layout(square, here), check_dtype=False
    )


def written_square(store: Store) -> Geometry:
    """Other outlines: of one region only."""
    store.write(lambda cursor: cursor.execute("delete from shapes where region <> $region", {"region": REGIONS[0]}))
    found = own_geometry(store, "region")
    assert found is not None
    return found


def test_real_outlines_of_one_regions_districts_are_found_without_their_region(store: Store, tmp_path: Path) -> None:
    file = SHARED / "test_kaluga_municipalities.geojson"
    if not file.is_file():
        pytest.skip("no real outlines beside the project")
    names = [one["properties"]["district"] for one in json.loads(file.read_text(encoding="utf-8"))["features"]]
    rows = [{"Регион": "Калужская область", "Муниципалитет": name} for name in names]
    import_files(store, [incidents(tmp_path / "a.csv", rows)], now=NOW)
    found = read_own_geometry(store, file)
    assert (found.level, found.property_name) == ("municipality", "district")
    assert len(found.shapes) == len(set(names))
    assert found.unknown == found.missing == []
