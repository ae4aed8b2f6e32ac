"""`python -m analytics forecast` on panels from anywhere: what it answers, warns of and refuses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analytics import __main__ as command_line
from analytics.distribution import QUANTILES
from analytics.panel import dense_panel, read_panel

Command = Callable[..., tuple[int, str]]


def panel(days: int = 120) -> pd.DataFrame:
    """Two regions with two topics, with names that CSV must quote, and one that ends in a blank."""
    chance = np.random.default_rng(1)
    day = pd.date_range("2024-01-01", periods=days).strftime("%Y-%m-%d")
    return pd.concat(
        [
            pd.DataFrame({"day": day, "region": region, "topic": topic, "complaints": chance.poisson(3, days)})
            for region in ("Север", "Юг ")
            for topic in ('a, "b"', "ЖКХ")
        ],
        ignore_index=True,
    )


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command in an empty folder; its code and what it said on standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORERUNNER_STORE", str(tmp_path / "store"))

    def run(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["python -m analytics", "forecast", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            command_line.main()
        printed = capsys.readouterr()
        assert printed.out == ""
        return int(end.value.code or 0), printed.err

    return run


@pytest.mark.parametrize("kind", ["comma", "semicolon, cp1251", "parquet", "dates", "gz"])
def test_any_table_is_forecast_with_its_names_as_given(kind: str, command: Command) -> None:
    table, file = panel(), Path("panel.parquet" if kind in ("parquet", "dates") else "panel.csv")
    if kind == "comma":
        table.to_csv(file, index=False)
    elif kind == "semicolon, cp1251":
        table.to_csv(file, index=False, sep=";", encoding="cp1251")
    elif kind == "gz":
        file = Path("panel.csv.gz")
        table.to_csv(file, index=False)
    else:
        day = pd.to_datetime(table["day"])
        table.assign(day=table["day"] if kind == "parquet" else day).to_parquet(file, index=False)
    assert command("--panel", file, "--out", "out.csv", "--horizon", 3)[0] == 0
    found = pd.read_csv("out.csv", keep_default_na=False)
    assert list(found.columns) == ["day", "region", "topic", "mean", *QUANTILES]
    assert set(found["region"]) == {"Север", "Юг ", "*"} and set(found["topic"]) == {'a, "b"', "ЖКХ", "*"}
    assert len(found) == 3 * (4 + 2 + 2 + 1)
    assert sorted(found["day"].unique()) == ["2024-04-30", "2024-05-01", "2024-05-02"]


def test_the_bottom_level_has_no_totals_and_municipalities_have_a_column(command: Command) -> None:
    panel().rename(columns={"region": "municipality"}).assign(region="R").to_csv("panel.csv", index=False)
    assert command("--panel", "panel.csv", "--out", "out.parquet", "--levels", "bottom")[0] == 0
    found = pd.read_parquet("out.parquet")
    assert len(found) == 4 * 28 and not (found == "*").any(axis=None)
    assert list(found.columns[:4]) == ["day", "region", "municipality", "topic"]


def test_rows_after_the_end_are_ignored_and_days_without_rows_before_it_are_quiet(command: Command) -> None:
    table = panel()
    table.to_csv("panel.csv", index=False)
    table[table["day"] <= "2024-04-10"].to_csv("cut.csv", index=False)
    table.assign(complaints=table["complaints"].mask(table["day"] > "2024-04-10", -1)).to_csv("panel.csv", index=False)
    assert "no row is later" not in command("--panel", "panel.csv", "--out", "one.csv", "--end", "2024-04-10")[1]
    command("--panel", "cut.csv", "--out", "other.csv")
    assert Path("one.csv").read_bytes() == Path("other.csv").read_bytes()
    code, said = command("--panel", "cut.csv", "--out", "other.csv", "--end", "2024-04-29")
    assert code == 0 and "no row is later than 2024-04-10: the 19 days to the end are taken as quiet" in said
    means = [pd.read_csv(file)["mean"].sum() for file in ("one.csv", "other.csv")]
    assert means[1] < means[0] / 2


def test_rows_of_one_day_are_summed_with_a_warning_and_the_method_is_said_in_words(command: Command) -> None:
    table = panel()
    pd.concat([table, table.head(3)]).to_csv("panel.csv", index=False)
    code, said = command("--panel", "panel.csv", "--out", "out.csv")
    assert code == 0 and "3 rows were of a day and series given before" in said
    assert "4 series with less than a year: its weekdays" in said
    assert (
        dense_panel(read_panel(Path("panel.csv"))).counts.sum()
        == table["complaints"].sum() + table["complaints"][:3].sum()
    )


@pytest.mark.parametrize("days", [1, 5, 13, 40])
def test_a_short_panel_is_forecast_without_a_word_of_the_machinery(
    days: int, command: Command, recwarn: pytest.WarningsRecorder
) -> None:
    panel(days).to_csv("panel.csv", index=False)
    code, said = command("--panel", "panel.csv", "--out", "out.csv")
    assert code == 0 and not [str(one.message) for one in recwarn]
    assert ("less than 2 weeks" in said) == (days < 14)
    assert np.isfinite(pd.read_csv("out.csv")["mean"]).all()


BAD: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], list[str], str]] = {
    "no column": (lambda table: table.drop(columns="topic"), [], "no column topic"),
    "a day": (lambda table: table.assign(day="31.12.2024"), [], "written as 2026-01-31"),
    "no day": (lambda table: table.assign(day=""), [], "written as 2026-01-31"),
    "negative": (lambda table: table.assign(complaints=-1), [], "not -1"),
    "fractional": (lambda table: table.assign(complaints=1.5), [], "not 1.5"),
    "a word": (lambda table: table.assign(complaints="many"), [], "not many"),
    "no rows": (lambda table: table.head(0), [], "no rows"),
    "no counts": (lambda table: table.assign(complaints=None), [], "all are empty"),
    "totals": (lambda table: table.assign(topic="*"), [], "totals are added"),
    "long ago": (lambda table: table.assign(day=["0001-01-01", *table["day"][1:]]), [], "more than 60 years"),
    "end": (lambda table: table, ["--end", "2020-01-01"], "no day up to 2020-01-01"),
    "end in words": (lambda table: table, ["--end", "tomorrow"], "--end"),
    "horizon 0": (lambda table: table, ["--horizon", "0"], "from 1 to 365"),
    "horizon 366": (lambda table: table, ["--horizon", "366"], "from 1 to 365"),
    "country": (lambda table: table, ["--country", "XX"], "calendar of XX"),
    "subdivision": (lambda table: table, ["--country", "US", "--subdivision", "QQ"], "calendar of US QQ"),
    "subdivision alone": (lambda table: table, ["--subdivision", "NY"], "of which country"),
    "levels": (lambda table: table, ["--levels", "some"], "--levels"),
    "holidays": (lambda table: table, ["--holidays", "panel.csv"], "day and name"),
    "events": (lambda table: table, ["--events", "panel.csv"], "id, type, starts_on"),
    "weather": (lambda table: table, ["--weather", "panel.csv"], "temperature_c"),
    "folder": (lambda table: table, ["--out", "nowhere/out.csv"], "folder does not exist"),
    "kind": (lambda table: table, ["--out", "out.xlsx"], "only .csv and .parquet"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_sentence_and_writes_nothing(kind: str, command: Command) -> None:
    change, options, expected = BAD[kind]
    change(panel()).to_csv("panel.csv", index=False)
    code, said = command("--panel", "panel.csv", "--out", "out.csv", *options)
    assert (code, said.count("\n")) == (2, 1) and expected in said
    assert sorted(path.name for path in Path().iterdir()) == ["panel.csv"]


def test_a_file_that_is_no_table_is_refused_in_one_sentence(command: Command) -> None:
    Path("nothing.csv").touch()
    Path("binary.csv").write_bytes(bytes(range(256)) * 10)
    Path("fake.parquet").write_bytes(b"hello")
    for file in ("nothing.csv", "binary.csv", "fake.parquet", "missing.csv", "."):
        code, said = command("--panel", file, "--out", "out.csv")
        assert (code, said.count("\n")) == (2, 1), said


def test_a_broken_line_of_a_table_with_semicolons_is_named(command: Command) -> None:
    panel().to_csv("panel.csv", index=False, sep=";")
    lines = Path("panel.csv").read_text(encoding="utf-8").splitlines()
    lines.insert(4, lines[4] + ";7;8")
    Path("panel.csv").write_text("\n".join(lines), encoding="utf-8")
    code, said = command("--panel", "panel.csv", "--out", "out.csv")
    assert code == 2 and "line 5" in said and said.count("\n") == 1


def test_options_of_a_panel_are_refused_without_one(command: Command) -> None:
    for options in (["--country", "US"], ["--subdivision", "NY"], ["--horizon", "7"], ["--end", "2024-01-31"]):
        code, said = command(*options)
        assert code == 2 and options[0] in said and said.count("\n") == 1
