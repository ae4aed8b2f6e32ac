"""A real browser and the real server, shared by all tests in a browser: one of each for the whole session."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, expect, sync_playwright

from tests.countries import make_store

ROOT = Path(__file__).resolve().parent.parent
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
LAPTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
STREAMLIT_LOOKS_FOR_ITS_ROOT = re.compile(r"/\w+/_stcore/(health|host-config)$")  # a 404 on each cold subpage
PATIENCE = 90_000  # milliseconds: slow machines are no fault of the page
Serve = Callable[[str], str]


@dataclass
class Watched:
    """A browser page, and what it did that it must not do."""

    page: Page
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, or Playwright's own."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def serve() -> Iterator[Serve]:
    """Serve a store on a free loopback port; answers the address. Every server is stopped at the end."""
    with contextlib.ExitStack() as servers:
        yield lambda store: servers.enter_context(served(store))[0]


def chromium_path() -> str | None:
    """The system's Chromium; None for Playwright's own."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@contextlib.contextmanager
def served(store: str, folder: Path = ROOT) -> Iterator[tuple[str, int]]:
    """The dashboard (or another app.py in a folder) on a free loopback port: its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.address=127.0.0.1", f"--server.port={port}"],
        cwd=folder,
        env={**os.environ, "FORERUNNER_STORE": store},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(address, server)
        yield address, server.pid
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait_until_up(address: str, server: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + 120
    while time.monotonic() < give_up_at and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
            return
        time.sleep(0.2)
    raise TimeoutError("the dashboard did not start")


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Watched]]:
    """Open an address in a fresh browser profile. In the end: no request left the machine, no error on the console."""
    contexts: list[BrowserContext] = []
    seen: list[Watched] = []

    def opened(address: str, *, locale: str = "en-GB", size: dict[str, int] = LAPTOP, scheme: str = "light") -> Watched:
        context = chromium.new_context(locale=locale, viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        watched = watched_page(context, address)
        contexts.append(context)
        seen.append(watched)
        watched.page.wait_for_selector("h1")
        return watched

    yield opened
    for watched in seen:
        assert watched.outside == []
        assert watched.complaints == []
    for context in contexts:
        context.close()


def watched_page(context: BrowserContext, address: str) -> Watched:
    """Open an address in a new page; what it does that it must not do is noted."""
    watched = Watched(context.new_page())
    host = urlsplit(address).netloc
    watched.page.on("request", lambda request: _note_outside(request.url, host, watched))
    watched.page.on("pageerror", lambda error: _note_crash(error, watched))
    watched.page.on("console", lambda message: _note_error(message, watched))
    watched.page.on("websocket", lambda socket: _note_outside(socket.url, host, watched))
    watched.page.goto(address)
    return watched


def _note_outside(url: str, host: str, watched: Watched) -> None:
    if urlsplit(url).scheme in ("http", "https", "ws", "wss") and urlsplit(url).netloc != host:
        watched.outside.append(url)


def _note_crash(error: Error, watched: Watched) -> None:
    watched.complaints.append(str(error))


def _note_error(message: ConsoleMessage, watched: Watched) -> None:
    if message.type == "error" and not STREAMLIT_LOOKS_FOR_ITS_ROOT.search(message.location["url"]):
        watched.complaints.append(message.text)


@pytest.fixture(scope="session")
def country(tmp_path_factory: pytest.TempPathFactory, serve: Serve) -> str:
    """The address of a dashboard on a full store with forecasts."""
    return serve(make_store(tmp_path_factory.mktemp("full"), days=400, forecast=True))


def settle(page: Page) -> None:
    """Wait until the script has run and every chart is drawn."""
    page.wait_for_selector("h1")
    page.wait_for_selector('[data-testid=stApp][data-test-script-state="notRunning"]')
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stSkeleton]') && "
        "[...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(c => c.querySelector('.main-svg'))"
    )
    page.wait_for_timeout(300)
