"""What tests share: real stores in temporary folders, a real PostgreSQL, the real exports where they lie."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import hypothesis
import pytest

from analytics.settings import Settings
from analytics.store import Store, open_store
from tests.browsing import chromium, country, serve, visit  # noqa: F401 - fixtures of all tests in a browser

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 11, 20, 9, 0)
# An example may be the first to load a part of scipy, or share its processor: how long it takes proves nothing.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture
def exports() -> Path:
    """The folder of real exports; without it the test is skipped, unless CI says that it must be there."""
    folder = Path(os.environ.get("FORERUNNER_EXPORTS", ROOT.parent / "shared" / "exports"))
    if not folder.is_dir():
        if os.environ.get("FORERUNNER_REQUIRE_EXPORTS"):
            pytest.fail(f"the real exports are missing at {folder}")
        pytest.skip("no real exports beside the project")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty real store on SQLite."""
    opened = open_store(Settings(store=str(tmp_path / "store"), retry_seconds=60))
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def any_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a store that is not there yet, on each catalogue that a store can have."""
    if request.param == "sqlite":
        yield Settings(store=str(tmp_path / "store"), retry_seconds=60)
    else:
        new_database: Callable[[], str] = request.getfixturevalue("new_database")
        yield Settings(store=new_database(), data=str(tmp_path / "data"), retry_seconds=60)


@pytest.fixture(scope="session")
def new_database() -> Iterator[Callable[[], str]]:
    """A PostgreSQL server of our own on the loopback address; each call makes a database and answers its URL."""
    # Resolved: some systems link only part of the tools into the path.
    tools = (Path(os.environ.get("POSTGRES_BIN") or _postgres_tools()) / "initdb").resolve().parent
    folder = Path(tempfile.mkdtemp(prefix="forerunner-postgres-"))
    as_user: dict[str, object] = {}
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        user = pwd.getpwnam("postgres" if _has_user("postgres") else "nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid}
    port = free_port()

    def run(*command: object) -> None:
        subprocess.run(
            [str(part) for part in command],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            **as_user,  # type: ignore[call-overload]
        )

    data = folder / "data"
    run(tools / "initdb", "-D", data, "-U", "forerunner", "-A", "trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    run(tools / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    made = 0

    def new() -> str:
        nonlocal made
        made += 1
        run(tools / "createdb", "-h", "127.0.0.1", "-p", port, "-U", "forerunner", f"store{made}")
        return f"postgresql://forerunner@127.0.0.1:{port}/store{made}"

    try:
        yield new
    finally:
        run(tools / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_tools() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
