"""The command line as its user meets it: exit code, standard output, standard error, and what is left behind."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
import xlsxwriter
from conftest import NOW, ROOT
from making import incidents
from msoffcrypto.format.ooxml import OOXMLFile

from analytics import __main__ as command_line
from analytics.files import archives
from analytics.imports import import_files
from analytics.settings import Settings
from analytics.store import open_store

KEYS = ["file", "preset", "read", "new", "updated", "unchanged", "rejected", "warnings", "notices", "seconds"]
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict]:
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `python -m analytics …` within this process; its store is tmp_path/store."""
    monkeypatch.setenv("FORERUNNER_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["python -m analytics", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            command_line.main()
        written = capsys.readouterr()
        return Ended(int(end.value.code or 0), written.out, written.err)

    return run


def run_apart(tmp_path: Path, *arguments: object, stderr: int = subprocess.PIPE, **environment: str) -> Ended:
    """The same in a process of its own, in a terminal that knows nothing but ASCII."""
    done = subprocess.run(
        [sys.executable, "-m", "analytics", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "FORERUNNER_STORE": str(tmp_path / "store"), "LC_ALL": "C", **environment},
        stdout=subprocess.PIPE,
        stderr=stderr,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), (done.stderr or b"").decode())


def assert_one_sentence(ended: Ended, *, code: int = 2) -> None:
    assert ended.code == code, ended
    assert ended.out == ""
    assert "Traceback" not in ended.err
    assert ended.err.endswith(".\n")
    assert len(re.findall(r"[.!?](?=\s)", ended.err)) == len(ended.err.splitlines()) == 1, ended.err


# Bad input


def workbook(file: Path, *rows: list[str]) -> Path:
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return file


def encrypted(file: Path) -> Path:
    plain = workbook(file.with_name("plain.xlsx"), ["ID", "Дата создания"], ["1", "01.03.2026"])
    with plain.open("rb") as source, file.open("wb") as target:
        OOXMLFile(source).encrypt("secret", target)
    return file


def truncated(file: Path) -> Path:
    whole = incidents(file.with_name("whole.csv"), [{}] * 200).read_bytes()
    file.write_bytes(gzip.compress(whole)[:-40])
    return file


def bomb(file: Path) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a.csv", b"a;b\n" * (archives.FREE_UNPACKED // 4 + 1_000_000))
    return file


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def written(file: Path, content: str | bytes) -> Path:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


BAD_FILES: dict[str, Callable[[Path], list[object]]] = {
    "a missing file": lambda at: [at / "январь.csv"],
    "an empty file": lambda at: [written(at / "empty.csv", "")],
    "a directory": lambda at: [folder(at / "folder.csv")],
    "a web page": lambda at: [written(at / "page.csv", "<!DOCTYPE html><html><body>Sign in</body></html>")],
    "an image": lambda at: [written(at / "image.csv", PICTURE)],
    "an encrypted workbook": lambda at: [encrypted(at / "secret.xlsx")],
    "a truncated gzip": lambda at: [truncated(at / "cut.csv.gz")],
    "a zip bomb": lambda at: [bomb(at / "bomb.zip")],
    "a header without data": lambda at: [written(at / "head.csv", "ID;Дата создания;Тема\n")],
    "a workbook with a header only": lambda at: [workbook(at / "head.xlsx", ["ID", "Дата создания"])],
    "two columns of one meaning": lambda at: [
        written(at / "twins.csv", "ID;Дата создания;Тема;Регион;Субъект РФ\n1;01.03.2026;Ямы;Тула;Тула\n")
    ],
    "no column that could be a date": lambda at: [written(at / "dateless.csv", "name;colour\nA;red\nB;blue\n")],
    "an unknown preset": lambda at: [incidents(at / "a.csv", [{}]), "--preset", "unheard_of"],
    "a preset that does not fit": lambda at: [incidents(at / "b.csv", [{}]), "--preset", "houston_311"],
    "a preset and a mapping": lambda at: [
        *(incidents(at / "c.csv", [{}]), "--preset", "incident"),
        *("--mapping", written(at / "c.toml", '[columns]\nopened_at = "Дата создания"\n')),
    ],
    "a missing mapping": lambda at: [incidents(at / "d.csv", [{}]), "--mapping", at / "none.toml"],
    "a mapping of a column that is not there": lambda at: [
        *(incidents(at / "e.csv", [{}]), "--mapping", written(at / "e.toml", '[columns]\nopened_at = "Поступило"\n'))
    ],
    "a good file before a bad one": lambda at: [
        *(incidents(at / "good.csv", [{}]), written(at / "bad.csv", "<html><body></body></html>"))
    ],
}


@pytest.mark.parametrize("bad", BAD_FILES)
def test_bad_input_is_one_sentence_and_leaves_no_store_where_there_was_none(bad: str, run: Run, tmp_path: Path) -> None:
    assert_one_sentence(run("import", "--json", *BAD_FILES[bad](tmp_path)))
    assert not (tmp_path / "store").exists()


def test_bad_input_leaves_a_store_as_it_was(run: Run, tmp_path: Path) -> None:
    run("import", incidents(tmp_path / "first.csv", [{}, {}]))
    with closing(open_store(tmp_path / "store")) as store:
        before = store.snapshot()
        for bad in ("a web page", "a truncated gzip", "no column that could be a date", "a good file before a bad one"):
            assert_one_sentence(run("import", *BAD_FILES[bad](tmp_path)))
        assert store.snapshot() == before
        assert list(store.staging().iterdir()) == []


def test_what_cannot_be_meant_is_refused_and_not_answered_with_nothing(run: Run, tmp_path: Path) -> None:
    run("import", incidents(tmp_path / "a.csv", [{}]))
    for wrong, said in {
        ("restore", tmp_path): "is not a whole backup",
        ("events", "rules", "2026", "--country", "FR"): "only RU has any",
        ("events", "list", "--from", "2026-12-31", "--to", "2026-01-01"): "is before the first",
        ("events", "add", "--type", "heating_seasn", "--starts-on", "2026-12-31"): "may be: utilities.heating",
    }.items():
        ended = run(*wrong)
        assert_one_sentence(ended)
        assert said in ended.err
    assert "has the kind nonsense" in run("counts", "--kind", "nonsense").err


def test_a_newer_store_is_refused_by_every_command_that_opens_it(run: Run, tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "store")) as store:
        store.write(lambda cursor: cursor.execute("update store_facts set value = '99' where fact = 'schema_version'"))
    file = incidents(tmp_path / "a.csv", [{}])
    for command in (["import", file], ["counts"], ["status"], ["backup", tmp_path / "b.zip"]):
        ended = run(*command)
        assert_one_sentence(ended)
        assert "newer" in ended.err
    assert not (tmp_path / "b.zip").exists()


def test_commands_that_need_a_store_make_none(run: Run, tmp_path: Path) -> None:
    for command in (["counts"], ["undo"], ["compact"], ["backup", tmp_path / "b.zip"], ["restore", tmp_path / "none"]):
        assert_one_sentence(run(*command))
    assert_one_sentence(run("demo", "--seed", -1))
    ended = run("status")
    assert (ended.code, json.loads(ended.out)) == (
        0,
        {"store": str(tmp_path / "store"), "kind": None, "complaints": 0},
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        ["improt", "a.csv"],
        ["import"],
        ["import", "a.csv", "--prest", "incident"],
        ["import", "a.csv", "--preset"],
        ["counts", "--by", "week"],
        ["counts", "--from", "yesterday"],
        ["demo", "--complaints", "5"],
        ["demo", "--days", "many"],
        ["backup"],
        ["undo", "everything"],
    ],
)
def test_a_mistake_in_the_call_is_one_sentence_that_names_the_help(wrong: list[str], run: Run, tmp_path: Path) -> None:
    ended = run(*wrong)
    assert_one_sentence(ended)
    assert "--help" in ended.err
    assert not (tmp_path / "store").exists()


def test_an_unexpected_error_is_one_sentence_with_a_reference_to_its_details(run: Run, tmp_path: Path) -> None:
    run("import", incidents(tmp_path / "a.csv", [{}]))
    for part in (tmp_path / "store" / "files" / "main" / "daily_counts").rglob("*.parquet"):
        part.write_bytes(b"a disk that forgets")
    ended = run("counts", "--by", "region")
    assert_one_sentence(ended, code=1)
    reference = re.search(r"reference ([0-9a-f]{8}) ", ended.err)
    assert reference is not None
    details = tmp_path / "store" / "errors" / f"{reference[1]}.txt"
    assert str(details) in ended.err
    assert "Traceback" in details.read_text(encoding="utf-8")
    assert details.stat().st_mode & 0o077 == 0


# Import


def test_an_import_says_in_json_what_became_of_every_row(run: Run, tmp_path: Path) -> None:
    rows = [{"Дата создания": f"{day:02}.03.2026 10:00"} for day in (1, 2, 3)]
    first = run("import", incidents(tmp_path / "a.csv", rows), "--json")
    assert (first.code, first.err) == (0, "")
    changed = [
        rows[0],
        {**rows[1], "Итог": "Решено", "Дата закрытия": "05.03.2026 10:00"},
        {**rows[2], "Дата закрытия": "01.01.2026 10:00"},
        {"Дата создания": "31.02.2026 10:00"},
        {"Регион": "Тридевятое царство"},
    ]
    second = run("import", incidents(tmp_path / "b.csv", changed), incidents(tmp_path / "c.csv", rows), "--json")
    told = [json.loads(line) for line in (first.out + second.out).splitlines()]
    assert [list(one) for one in told] == [KEYS] * 3
    assert [one["file"] for one in told] == ["a.csv", "b.csv", "c.csv"]
    for one in told:
        assert one["read"] == one["new"] + one["updated"] + one["unchanged"] + one["rejected"]
        assert one["preset"] == "incident" and one["seconds"] >= 0
    names = ("read", "new", "updated", "unchanged", "rejected", "warnings")
    assert [tuple(one[name] for name in names) for one in told] == [
        (3, 3, 0, 0, 0, 0),
        (5, 1, 1, 2, 1, 1),
        (3, 0, 1, 2, 0, 0),  # the later import wins
    ]
    assert told[1]["notices"] == [{"kind": "region", "value": "Тридевятое царство", "rows": 1}]


def test_an_import_in_words_says_the_same_and_what_was_not_stored(run: Run, tmp_path: Path) -> None:
    ended = run("import", incidents(tmp_path / "[a].csv", [{}, {"Регион": "[Тридевятое] царство"}]))
    assert (ended.code, ended.err) == (0, "")
    first, left_out, stranger = ended.out.splitlines()
    assert first.startswith("[a].csv (preset incident): 2 rows read = 2 new + 0 updated + 0 unchanged + 0 rejected; ")
    assert left_out == "  not stored: Текст инцидента"
    assert stranger == "  not matched: region «[Тридевятое] царство», 1 rows"


def test_a_mapping_by_hand_names_the_source_unless_the_call_does(run: Run, tmp_path: Path) -> None:
    mapping = written(
        tmp_path / "hotline.toml",
        'source = "hotline"\ndates = ["%d/%m/%Y"]\n[columns]\nid = "No"\nopened_at = "When"\nstatus = "State"\n'
        '[values.status]\n"done" = "closed"\n',
    )
    file = written(tmp_path / "calls.csv", "No;When;State\n7;02/03/2026;done\n8;03/03/2026;open\n")
    (told,) = [json.loads(run("import", file, "--mapping", mapping, "--json").out)]
    assert (told["preset"], told["new"]) == (None, 2)
    assert run("counts", "--by", "source", "--closed", "--json").rows == [
        {"source": "hotline", "complaints": 2, "closed": 1}
    ]
    run("import", file, "--mapping", mapping, "--source", "night")
    assert {row["source"] for row in run("counts", "--by", "source", "--json").rows} == {"hotline", "night"}


def test_progress_is_shown_on_standard_error_only(tmp_path: Path) -> None:
    """A process of its own whose standard error is a terminal."""
    file = incidents(tmp_path / "январь.csv", [{}] * 3)
    ours, theirs = pty.openpty()
    ended = run_apart(tmp_path, "import", file, "--json", stderr=theirs, TERM="xterm")
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert ended.code == 0
    assert [list(json.loads(line)) for line in ended.out.splitlines()] == [KEYS]
    assert json.loads(ended.out)["file"] == "январь.csv"
    assert "январь.csv" in shown.decode() and "%" in shown.decode()


def test_a_process_ends_with_the_codes_that_are_promised(tmp_path: Path) -> None:
    missing = run_apart(tmp_path, "import", tmp_path / "январь.csv")
    assert_one_sentence(missing)
    assert "январь.csv" in missing.err
    helped = run_apart(tmp_path)
    assert (helped.code, helped.err) == (0, "")
    assert "import" in helped.out and "restore" in helped.out


# Counts


ROWS = [
    {"Тема": "Отопление", "Итог": "Решено", "Дата закрытия": "02.03.2026 10:00"},
    {"Тема": "Горячая вода", "Дата создания": "02.03.2026 10:00", "Источник": "ВКонтакте"},
    {"Регион": "Тульская область", "Муниципалитет": "Алексин", "Группа тем": "Дороги", "Тема": "Ямы"},
    {"Дата создания": "15.04.2026 10:00", "Вид обращения": "Благодарность"},
]
COUNTED = {
    "day": [("2026-03-01", 2), ("2026-03-02", 1)],
    "month": [("2026-03", 3)],
    "region": [("Калужская область", 2), ("Тульская область", 1)],
    "municipality": [("Калужская область", "Боровский район", 2), ("Тульская область", "Алексин", 1)],
    "topic_group": [("Дороги", 1), ("ЖКХ", 2)],
    "topic": [("Дороги", "Ямы", 1), ("ЖКХ", "Горячая вода", 1), ("ЖКХ", "Отопление", 1)],
    "channel": [("ВКонтакте", 1), ("ПОС", 2)],
    "kind": [("complaint", 3)],
    "status": [("closed", 1), ("in_progress", 2)],
    "source": [("incident", 3)],
}
FILTERED = [
    (["--region", "Тульская область", "--region", "Калужская область"], 3),
    (["--municipality", "Алексин"], 1),
    (["--topic-group", "ЖКХ", "--topic", "Горячая вода"], 1),
    (["--from", "2026-03-01", "--to", "2026-03-01", "--channel", "ПОС"], 2),
    (["--kind", "thanks"], 1),
    (["--region", "Калужская область", "--municipality", "Алексин"], 0),
    (["--region", "Тридевятое царство"], 0),
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("filled")
    with closing(open_store(Settings(store=str(place / "store")))) as store:
        import_files(store, [incidents(place / "a.csv", ROWS, extra=["Вид обращения"])], now=NOW)
    return place / "store"


def test_counts_answer_by_everything_that_can_be_counted_by(
    run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORERUNNER_STORE", str(filled))
    assert set(COUNTED) == {str(by) for by in command_line.By}
    for by, expected in COUNTED.items():
        ended = run("counts", "--by", by, "--json")
        assert (ended.code, ended.err) == (0, "")
        assert list(ended.rows[0])[-2:] == [by, "complaints"]
        assert sorted(tuple(row.values()) for row in ended.rows) == expected
    assert run("counts", "--by", "month", "--closed", "--json").rows == [
        {"month": "2026-03", "complaints": 3, "closed": 1}
    ]


def test_counts_choose_by_every_filter(run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORERUNNER_STORE", str(filled))
    assert run("counts", "--json").rows == [{"complaints": 3}]
    found = {tuple(how): run("counts", *how, "--json").rows for how, _ in FILTERED}
    assert found == {tuple(how): [{"complaints": number}] for how, number in FILTERED}


def test_a_name_that_the_store_does_not_know_is_not_taken_for_nothing(
    run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORERUNNER_STORE", str(filled))
    for wrong, named in (("--region", "Атлантида"), ("--topic-group", "Ничего"), ("--channel", "голубь")):
        ended = run("counts", wrong, named, "--json")
        assert (ended.code, json.loads(ended.out)) == (0, [{"complaints": 0}])
        assert named in ended.err and ended.err.count("\n") == 1
    assert_one_sentence(run("counts", "--from", "2026-02-01", "--to", "2026-01-01"))


def test_counts_without_json_are_a_table(run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORERUNNER_STORE", str(filled))
    ended = run("counts", "--by", "topic")
    assert ended.code == 0
    assert re.search(r"ЖКХ\W+Горячая вода\W+1\b", ended.out)


# The other commands


def test_undo_takes_back_one_import_at_a_time(run: Run, tmp_path: Path) -> None:
    run("import", incidents(tmp_path / "a.csv", [{}, {}]), incidents(tmp_path / "b.csv", [{"ID": "9"}]))
    assert run("undo") == Ended(0, "undone: b.csv\n", "")
    assert json.loads(run("status").out) == {"store": str(tmp_path / "store"), "kind": "real", "complaints": 2}
    assert run("undo") == Ended(0, "undone: a.csv\n", "")
    assert_one_sentence(run("undo"))


def test_a_store_goes_into_a_file_and_comes_back(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("import", incidents(tmp_path / "a.csv", [{}, {}]))
    assert run("compact").out.endswith(" after\n")
    assert run("backup", tmp_path / "b.zip") == Ended(0, f"2 complaints written to {tmp_path / 'b.zip'}\n", "")
    assert_one_sentence(run("restore", tmp_path / "b.zip"))
    monkeypatch.setenv("FORERUNNER_STORE", str(tmp_path / "other"))
    assert run("restore", tmp_path / "b.zip") == Ended(0, "2 complaints restored\n", "")
    assert run("counts", "--json").rows == [{"complaints": 2}]


def test_the_demo_country_is_built_only_where_nothing_is(run: Run, tmp_path: Path) -> None:
    run("import", incidents(tmp_path / "a.csv", [{}]))
    assert run("demo", "--if-none") == Ended(0, "", "")
    assert_one_sentence(run("demo", "--complaints", 1000, "--days", 60))
    assert json.loads(run("status").out)["kind"] == "real"
    assert run("counts", "--json").rows == [{"complaints": 1}]


def test_a_demo_store_says_so_stays_as_it_is_and_takes_no_export(run: Run, tmp_path: Path) -> None:
    small = ("--complaints", 1000, "--days", 60, "--end", "2026-10-31")
    made = run("demo", *small)
    assert (made.code, made.err) == (0, "")
    assert made.out.startswith("1,000 synthetic complaints until 2026-10-31; the truth lies in ")
    assert (tmp_path / "store" / "demo" / "truth.parquet").is_file()
    told = json.loads(run("status").out)
    assert (told["kind"], told["complaints"]) == ("demo", 1000)
    assert run("demo", "--if-none", *small) == Ended(0, "", "")
    assert_one_sentence(run("import", incidents(tmp_path / "a.csv", [{}])))
    assert json.loads(run("status").out) == told


def test_every_command_of_the_help_stands_in_the_readme(run: Run) -> None:
    commands = typer.main.get_command(command_line.app).commands  # type: ignore[attr-defined]
    shown = run("--help").out
    assert {"import", "counts", "undo"} <= set(commands)
    assert [name for name in commands if not re.search(rf"^\s+{name}\b", shown, re.MULTILINE)] == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = " ".join(line.split("|")[1] for line in readme.splitlines() if line.startswith("| `python -m analytics"))
    listed = set(re.findall(r"`(?:python -m analytics )?(\w+)", table))
    assert set(commands) - listed == set()
    assert listed - set(commands) == set()
