"""What the columns of an export mean: known systems and proposals."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from conftest import ROOT

from analytics.errors import BadInput
from analytics.presets import MEANINGS, date_formats, find_mapping, named, presets, read_mapping, recognise

LAYOUTS = {
    "nyc_311": [
        "Unique Key",
        "Created Date",
        "Closed Date",
        "Agency",
        "Complaint Type",
        "Descriptor",
        "Borough",
        "Status",
    ],
    "chicago_311": ["SR_NUMBER", "SR_TYPE", "STATUS", "CREATED_DATE", "CLOSED_DATE", "WARD", "LATITUDE", "LONGITUDE"],
    "open311": [
        "service_request_id",
        "status",
        "service_name",
        "requested_datetime",
        "updated_datetime",
        "lat",
        "long",
    ],
    "pos": ["Номер обращения", "Дата регистрации", "Категория", "Подкатегория", "Статус", "Муниципальное образование"],
    "incident": ["Номер инцидента", "Дата создания", "Дата окончания", "Группа тем", "Тема", "Регион", "Муниципалитет"],
    "houston_311": ["CASE NUMBER", "SR TYPE", "SR CREATE DATE", "DATE CLOSED", "DISTRICT", "STATUS"],
    "nyc_council": ["UNIQUE_KEY", "ACCOUNT", "OPENDATE", "CLOSEDATE", "COMPLAINT_TYPE", "DESCRIPTOR", "BOROUGH"],
}


@pytest.mark.parametrize(("name", "header"), LAYOUTS.items())
def test_each_system_is_recognised_by_its_published_columns(name: str, header: list[str]) -> None:
    found = recognise(header)
    assert found is not None
    assert found.name == name
    assert {"id", "opened_at", "topic_group"} <= set(found.mapping(header).columns) | {"topic_group"}


def test_every_preset_has_a_layout_here_and_a_row_in_the_readme() -> None:
    known = {name for name, preset in presets().items() if preset.signature}
    assert known == set(LAYOUTS)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in known:
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{name}` |"))
        assert ("| yes" in row) == presets()[name].run_on_real_file


def test_presets_speak_of_known_meanings_only() -> None:
    for preset in presets().values():
        assert set(preset.columns) <= set(MEANINGS)
        assert set(preset.base.values.get("kind", {}).values()) <= {"complaint", "suggestion", "question", "thanks"}
        assert set(preset.base.values.get("status", {}).values()) <= {
            "new",
            "in_progress",
            "postponed",
            "closed",
            "declined",
        }


def test_day_and_month_are_told_apart_by_all_values() -> None:
    formats, ambiguous = date_formats(["03/04/2025", "25/04/2025"])
    assert formats[0] == "%d/%m/%Y" and not ambiguous
    formats, ambiguous = date_formats(["03/04/2025", "04/25/2025"])
    assert formats[0] == "%m/%d/%Y" and not ambiguous
    assert date_formats(["03/04/2025", "05/06/2025"])[1]


def test_a_doubtful_date_is_called_unsure() -> None:
    mapping = find_mapping(["id", "date"], [["1", "03/04/2025"], ["2", "05/06/2025"]])
    assert "opened_at" in mapping.unsure


def test_a_date_is_found_by_its_values_where_the_header_says_nothing() -> None:
    mapping = find_mapping(["a", "b"], [["x", "2025-03-04 10:00"], ["y", "2025-03-05 11:00"]])
    assert mapping.columns["opened_at"] == "b"
    assert set(mapping.unsure) >= {"opened_at", "id"}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (["ID", "Дата создания", "Дата закрытия", "Дата окончания", "Тема", "Регион"], "two_columns"),
        (["ID", "Дата создания", "Дата создания 2", "Тема", "Регион"], "two_columns"),
        (["name", "colour"], "no_date_column"),
    ],
)
def test_a_header_that_cannot_be_understood_is_refused(header: list[str], code: str) -> None:
    with pytest.raises(BadInput) as problem:
        find_mapping(header, [["x"] * len(header)])
    assert problem.value.code == code


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(BadInput, match="known are chicago_311, houston_311, incident"):
        named("nonsense")


@pytest.mark.parametrize(
    ("toml", "code"),
    [
        ('[columns]\nopened_at = "date"\nid = "nr"', "no_such_column"),
        ('[columns]\nopened_at = ["date", "day"]', "two_columns"),
        ('[columns]\nwhen = "date"', "unknown_meaning"),
        ('[columns]\nid = "id"', "no_date_column"),
        ("[columns", "bad_mapping"),
    ],
)
def test_a_wrong_mapping_is_refused_in_a_sentence(tmp_path: Path, toml: str, code: str) -> None:
    (tmp_path / "m.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(BadInput) as problem:
        read_mapping(tmp_path / "m.toml", ["id", "date", "day"])
    assert problem.value.code == code


def test_the_published_columns_of_the_incident_export_are_known() -> None:
    published = ROOT.parent / "shared" / "reference" / "incident_export_columns.csv"
    if not published.exists():
        pytest.skip("the list of published columns is not here")
    with published.open(encoding="utf-8") as file:
        rows = [row["header_ru"] for row in csv.DictReader(file) if not row["header_ru"].startswith("(")]
    headers = {part.strip() for row in rows for part in row.split(" / ")}
    incident = presets()["incident"]
    meanings = {word for words in incident.columns.values() for word in words}
    stored_nowhere = {"Населенный пункт", "Улица", "Дом", "Тип инцидента", "Теги"}
    assert headers - stored_nowhere <= meanings
