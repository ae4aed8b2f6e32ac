"""Settings: where each comes from, what is refused, and that each is documented."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from conftest import ROOT

from analytics.errors import BadInput
from analytics.settings import Settings, read_settings

NAMES = [field.name for field in fields(Settings)]


def written(folder: Path, text: str) -> Path:
    file = folder / "forerunner.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(tmp_path: Path) -> None:
    file = written(tmp_path, 'memory = "1GB"\nkeep_days = 7\nretry_seconds = 3')
    settings = read_settings({"FORERUNNER_KEEP_DAYS": "9", "FORERUNNER_THREADS": "", "OTHER": "x"}, file=file)
    assert (settings.keep_days, settings.memory, settings.retry_seconds) == (9, "1GB", 3.0)
    assert settings.threads == Settings().threads
    assert settings.time_zone == "Europe/Moscow"


def test_without_a_file_and_variables_the_defaults_hold(tmp_path: Path) -> None:
    assert read_settings({}, file=tmp_path / "none.toml") == Settings()


def test_the_file_of_the_working_folder_is_read_even_with_a_byte_order_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "\ufeffkeep_days = 5")
    monkeypatch.chdir(tmp_path)
    assert read_settings({}).keep_days == 5


def test_paths_are_absolute_and_urls_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(store="here", data="~/there") == Settings(
        store=str(tmp_path / "here"), data=str(Path("~/there").expanduser())
    )
    remote = Settings(store="postgresql://user@host/base", data="s3://bucket/folder")
    assert (remote.store, remote.data, remote.remote) == ("postgresql://user@host/base", "s3://bucket/folder", True)


@pytest.mark.parametrize("text", ['stor = "x"', "[store]\nx = 1", "keep-days = 3"])
def test_a_file_with_an_unknown_name_or_a_table_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput) as error:
        read_settings({}, file=written(tmp_path, text))
    assert error.value.code in ("unknown_setting", "bad_setting")
    assert str(error.value).count("\n") == 0


def test_a_misspelt_variable_is_refused_and_not_silently_ignored(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="FORERUNNER_STOER") as error:
        read_settings({"FORERUNNER_STOER": "/somewhere"}, file=tmp_path / "none.toml")
    assert error.value.code == "unknown_setting"
    read_settings({"FORERUNNER_DEBUG": "1", "FORERUNNER_EXPORTS": "/exports"}, file=tmp_path / "none.toml")


@pytest.mark.parametrize("text", ["store = ", "keep_days = 3\nkeep_days = 4", "\x00"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput) as error:
        read_settings({}, file=written(tmp_path, text))
    assert error.value.code == "bad_settings"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threads", "many"),
        ("threads", "1.5"),
        ("threads", "-1"),
        ("keep_days", ""),
        ("retry_seconds", "nan"),
        ("retry_seconds", "soon"),
        ("time_zone", "Moscow"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_name(tmp_path: Path, name: str, value: str) -> None:
    toml = written(tmp_path, f"{name} = '{value}'")
    with pytest.raises(BadInput, match=name) as error:
        read_settings({}, file=toml)
    assert error.value.code == "bad_setting"


@pytest.mark.parametrize("text", ["threads = 2.5", "threads = true", "store = 5", "retry_seconds = [1]", "memory = 2"])
def test_a_value_of_another_type_in_the_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput) as error:
        read_settings({}, file=written(tmp_path, text))
    assert error.value.code == "bad_setting"


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_stands_in_the_table_of_the_readme(name: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| `FORERUNNER_{name.upper()}` |" in readme


def test_the_readme_names_no_setting_that_is_not_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = [line.split("`")[1] for line in readme.splitlines() if line.startswith("| `FORERUNNER_")]
    assert sorted(listed) == sorted(f"FORERUNNER_{name.upper()}" for name in NAMES)
