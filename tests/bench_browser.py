"""Measure the pages in a real browser against a bare Streamlit page with as many charts, in the same run.

python -m tests.bench_browser STORE [--rounds 5] [--readers 20] [--print]

STORE is a folder with a store (13.7 million demo complaints with forecasts, for the figures of docs/benchmarks.md),
which is only read. The figures replace what stands between the markers of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote

import websockets
from playwright.sync_api import Browser, Page, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from analytics.own_geometry import kept_outlines
from analytics.queries import choices
from analytics.settings import Settings
from analytics.store import open_store
from pages.shared.frame import PAGES
from pages.shared.text import Text
from tests.bench_forecast import write_block
from tests.browsing import ARGUMENTS, LAPTOP, PATIENCE, chromium_path, served

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "benchmarks.md"
MOST_CHARTS = 8
READY = """title => {
  const app = document.querySelector('[data-testid=stApp]');
  const heading = document.querySelector('h1');
  return app && heading && (!title || heading.innerText.includes(title))
    && app.dataset.testScriptState === 'notRunning' && !document.querySelector('[data-testid=stSkeleton]')
    && [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(c => c.querySelector('.main-svg'));
}"""
BARE = """
import plotly.graph_objects as go, streamlit as st
st.set_page_config(layout="wide")
for number in range({most} + 1):
    st.sidebar.page_link(f"pages/charts_{{number}}.py" if number else "app.py", label=f"charts {{number}}")
st.title("charts {charts}")
chosen = st.sidebar.selectbox("Region", [f"region {{n}}" for n in range(80)], key="region")
for chart in range({charts}):
    figure = go.Figure(go.Bar(x=list(range(90)), y=[(7 * n + len(chosen)) % 31 for n in range(90)]), {{"height": 300}})
    st.plotly_chart(figure, key=f"chart{{chart}}")
"""


@dataclass
class Measured:
    """Seconds of one page, and how many charts it has."""

    charts: int = 0
    navigation: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    filtered: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)


def wait(page: Page, title: str = "") -> None:
    """Until the script has run and the last chart is drawn."""
    page.wait_for_function(READY, arg=title, timeout=PATIENCE * 3)


class Reader:
    """A reader in a browser profile of their own, and when something came from the server."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.context = browser.new_context(viewport=LAPTOP, locale="en-GB")  # type: ignore[arg-type]
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE * 3)
        self.spoke: list[float] = []
        self.page.on(
            "websocket", lambda socket: socket.on("framereceived", lambda _: self.spoke.append(time.perf_counter()))
        )
        self.page.goto(address)
        wait(self.page)

    def go(self, label: str, title: str) -> float:
        """Click a link of the menu; seconds until the last chart is drawn."""
        started = time.perf_counter()
        self.page.get_by_test_id("stSidebar").get_by_role("link", name=label, exact=True).click()
        wait(self.page, title)
        return time.perf_counter() - started

    def choose(self, option: str, *, several: bool) -> float:
        """Choose a region; seconds until the last chart is drawn."""
        if several and self.page.get_by_role("button", name="Reset").count():
            self.page.get_by_role("button", name="Reset").click()
            self.page.wait_for_timeout(1000)
            wait(self.page)
        box = self.page.get_by_test_id("stSidebar").get_by_role("combobox", name="Region").first
        box.fill(option)
        self.page.get_by_role("option", name=option, exact=True).first.wait_for()
        started = time.perf_counter()
        self.page.keyboard.press("Enter")
        while not any(moment > started for moment in self.spoke):  # a quick run is over before it is seen to begin
            self.page.wait_for_timeout(5)
        while True:  # what the server said first may not have reached the page yet
            wait(self.page)
            ended = time.perf_counter()
            self.page.wait_for_timeout(150)
            if self.page.evaluate(READY, "") and not any(moment > ended for moment in self.spoke):
                break
        spent = ended - started
        self.page.keyboard.press("Escape")  # while a list is open the rest of the page is hidden from roles
        return spent


def measure_pages(browser: Browser, ours: str, bare: str, regions: list[str], rounds: int) -> dict[str, Measured]:
    """Every page, and the bare page with as many charts, in turn: 'trends' and 'bare trends'."""
    found = {name: Measured() for page in PAGES for name in (page, f"bare {page}")}
    reader, plain = Reader(browser, f"{ours}/?lang=en"), Reader(browser, bare)
    labels = {
        page: reader.page.locator("[data-testid=stPageLink]").nth(at).inner_text().strip().split("\n")[-1]
        for at, page in enumerate(PAGES)
    }
    titles = {}
    for page in [*PAGES, *PAGES]:  # warm: everything was asked once
        reader.go(labels[page], "")
        reader.page.wait_for_timeout(1500)
        wait(reader.page)
        titles[page] = reader.page.locator("h1").inner_text()
        found[page].charts = reader.page.get_by_test_id("stPlotlyChart").count()
    for _ in range(rounds):
        for page in PAGES:
            charts = min(found[page].charts, MOST_CHARTS)
            found[page].navigation.append(reader.go(labels[page], titles[page]))
            plain.go("charts 8" if charts != MOST_CHARTS else "charts 1", "")  # elsewhere first
            found[f"bare {page}"].navigation.append(plain.go(f"charts {charts}", f"charts {charts}"))
            print(page, found[page], found[f"bare {page}"], file=sys.stderr, flush=True)
    chosen = count(10)  # a choice that is there already would run nothing
    for number in range(rounds):
        for page in (name for name in PAGES if name != "data"):
            charts = min(found[page].charts, MOST_CHARTS)
            reader.go(labels[page], titles[page])
            found[page].filtered.append(reader.choose(regions[number % len(regions)], several=True))
            plain.go(f"charts {charts}", f"charts {charts}")
            found[f"bare {page}"].filtered.append(plain.choose(f"region {next(chosen)}", several=False))
            print(page, found[page], found[f"bare {page}"], file=sys.stderr, flush=True)
    reader.context.close()
    plain.context.close()
    for number in range(rounds):
        for page in PAGES:
            charts = min(found[page].charts, MOST_CHARTS)
            path = "" if page == "overview" else page
            region = quote(regions[number % len(regions)])
            for name, address in (
                (page, f"{ours}/{path}?lang=en&region={region}"),
                (f"bare {page}", f"{bare}/{f'charts_{charts}' if charts else ''}"),
            ):
                started = time.perf_counter()
                opened = Reader(browser, address)
                found[name].cold.append(time.perf_counter() - started)
                opened.context.close()
        print(number, {name: round(one.cold[-1], 2) for name, one in found.items()}, file=sys.stderr)
    return found


def measure_map(browser: Browser, ours: str, rounds: int) -> list[float]:
    """Seconds until all municipalities of the country are on the map, each time in a fresh browser."""
    words = Text("en")
    chosen = f"view={quote(words('heat_view.map'))}&level={quote(words('heat_level.municipality'))}"
    spent = []
    for _ in range(rounds + 1):  # the first makes the outlines ready
        started = time.perf_counter()
        reader = Reader(browser, f"{ours}/heatmap?lang=en&{chosen}")
        reader.page.locator(".st-key-heat_map .main-svg").first.wait_for()
        spent.append(time.perf_counter() - started)
        reader.context.close()
    return spent[1:]


def bare_app(folder: Path) -> None:
    """Streamlit pages of 0 to 8 charts drawn from constants."""
    (folder / "pages").mkdir()
    (folder / "app.py").write_text(BARE.format(charts=0, most=MOST_CHARTS), encoding="utf-8")
    for charts in range(1, MOST_CHARTS + 1):
        source = BARE.format(charts=charts, most=MOST_CHARTS)
        (folder / "pages" / f"charts_{charts}.py").write_text(source, encoding="utf-8")
    (folder / ".streamlit").mkdir()
    config = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    (folder / ".streamlit" / "config.toml").write_text(config, encoding="utf-8")


async def read_along(
    address: str, paths: list[str], regions: list[str], think: float, gate: asyncio.Barrier | None, clicks: int
) -> tuple[list[float], int]:
    """One reader on a real WebSocket session: pages and regions by chance; seconds of each click, and the errors."""
    spent, errors = [], 0
    chance = random.Random(id(gate) + clicks + len(paths))
    uri = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with websockets.connect(uri, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
        for _ in range(clicks):
            if gate:
                await gate.wait()
            else:
                await asyncio.sleep(think * (0.5 + chance.random()))
            path, region = chance.choice(paths), chance.choice(regions)
            started = time.perf_counter()
            errors += await _click(socket, path, f"lang=en&region={quote(region)}")
            spent.append(time.perf_counter() - started)
    return spent, errors


async def server_part(address: str, paths: dict[str, str], rounds: int, found: dict[str, Measured]) -> None:
    """Seconds of the server alone for a change of page, on a WebSocket: a browser hears late while it draws."""
    uri = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with websockets.connect(uri, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
        for number in range(rounds + 1):  # the first is not warm
            for page, path in paths.items():
                started = time.perf_counter()
                await _click(socket, path, "lang=en")
                if number:
                    found[page].server.append(time.perf_counter() - started)


async def _click(socket: websockets.ClientConnection, path: str, query: str) -> int:
    """Ask for a page and read until its script has finished; answers how many errors it showed."""
    message = BackMsg()
    message.rerun_script.page_name, message.rerun_script.query_string = path, query
    await socket.send(message.SerializeToString())
    errors = 0
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(await socket.recv())
        kind = answer.WhichOneof("type")
        if kind == "script_finished":
            return errors + (answer.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY)
        if kind == "delta" and answer.delta.WhichOneof("type") == "new_element":
            element = answer.delta.new_element
            shown = element.WhichOneof("type")
            errors += shown == "exception" or (shown == "alert" and element.alert.format == 1)  # 1: an error


async def many_readers(address: str, regions: list[str], readers: int, *, together: bool) -> tuple[list[float], int]:
    """All readers' clicks: every one at the same moment, or each with about 3 s of reading between."""
    paths = ["" if page == "overview" else page for page in PAGES]
    gate = asyncio.Barrier(readers) if together else None
    tasks = [read_along(address, paths, regions, 3.0, gate, 6) for _ in range(readers)]
    done = await asyncio.gather(*tasks)
    return [second for spent, _ in done for second in spent], sum(errors for _, errors in done)


async def memory_of_sessions(address: str, process: int, readers: int, regions: list[str]) -> float:
    """MB of the server for each of so many sessions that have seen every page."""
    uri = address.replace("http", "ws", 1) + "/_stcore/stream"
    before = resident(process)
    sockets = [await websockets.connect(uri, subprotocols=["streamlit"], max_size=None) for _ in range(readers)]  # type: ignore[list-item]
    for page in PAGES:
        for number, socket in enumerate(sockets):
            path = "" if page == "overview" else page
            await _click(socket, path, f"lang=en&region={quote(regions[number % len(regions)])}")
    after = resident(process)
    for socket in sockets:
        await socket.close()
    return (after - before) / readers


def resident(process: int) -> float:
    """MB of memory that a process holds."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def table(found: dict[str, Measured]) -> list[str]:
    """A line for each page: median (95th percentile) and the ratio to the bare page of the same round."""
    lines = [
        "| page | charts | inside a session | × bare | filter changed | × bare | cold deep link | × bare | server |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for page in PAGES:
        ours, bare = found[page], found[f"bare {page}"]
        cells = [page, str(ours.charts)]
        for kind in ("navigation", "filtered", "cold"):
            mine, theirs = getattr(ours, kind), getattr(bare, kind)
            if not mine:
                cells += ["", ""]
                continue
            high = sorted(mine)[min(len(mine) - 1, round(0.95 * (len(mine) - 1)))]
            ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
            cells += [f"{statistics.median(mine):.2f} s ({high:.2f})", f"{ratio:.1f}"]
        cells.append(f"{statistics.median(ours.server):.2f} s (bare {statistics.median(bare.server):.2f})")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Measure, print, and write the block of docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--print", action="store_true", help="do not write docs/benchmarks.md")
    chosen = parser.parse_args()
    store = open_store(Settings(store=chosen.store))
    complaints = int(store.query("select sum(received) from region_totals").iloc[0, 0])
    known = choices(store)
    towns = kept_outlines(store)["municipality"]
    store.close()
    regions = [str(name) for name in known.loc[known["meaning"] == "region", "value"] if name][:40]
    with tempfile.TemporaryDirectory(prefix="forerunner-bench-") as name, served(chosen.store) as (ours, process):
        bare_app(Path(name))
        with served("", folder=Path(name)) as (bare, _):
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
                english = [Text("en").name("region", region) for region in regions]
                found = measure_pages(browser, ours, bare, english, chosen.rounds)
                on_map = measure_map(browser, ours, chosen.rounds)
                browser.close()
            charts = {page: min(found[page].charts, MOST_CHARTS) for page in PAGES}
            paths = {page: "" if page == "overview" else page for page in PAGES}
            bare_paths = {f"bare {page}": f"charts_{charts[page]}" if charts[page] else "" for page in PAGES}
            asyncio.run(server_part(ours, paths, chosen.rounds, found))
            asyncio.run(server_part(bare, bare_paths, chosen.rounds, found))
        asyncio.run(many_readers(ours, regions, 2, together=False))
        burst, failed = asyncio.run(many_readers(ours, regions, chosen.readers, together=True))
        steady, failed_too = asyncio.run(many_readers(ours, regions, chosen.readers, together=False))
        memory = asyncio.run(memory_of_sessions(ours, process, chosen.readers, regions))
        held = resident(process)
    load = os.getloadavg()[2]
    lines = [
        "### The pages in a real browser",
        "",
        f"`python -m tests.bench_browser STORE`: {complaints:,} complaints, warm, Chromium, {os.cpu_count()} cores, "
        f"{chosen.rounds} rounds; medians, in brackets the 95th percentile; × bare: to a Streamlit page that draws as "
        f"many charts from constants, in the same round; server: a change of page on a "
        f"WebSocket, without a browser. Load of the machine: {load:.1f} on average of 15 minutes.",
        "",
        *table(found),
        "",
        f"All {towns:,} municipalities on the map, cold: {statistics.median(on_map):.2f} s ({max(on_map):.2f}).",
        "",
        f"{chosen.readers} readers, each on a WebSocket session of their own, pages and regions by chance: all "
        f"clicking at the same moment {statistics.median(burst):.2f} s (95th percentile "
        f"{sorted(burst)[int(0.95 * len(burst))]:.2f} s), with about 3 s of reading between clicks "
        f"{statistics.median(steady):.2f} s; errors: {failed + failed_too}. Memory for each session that has seen "
        f"every page: {memory:.0f} MB; the whole server: {held:,.0f} MB.",
        "",
        "Bars: inside a session and a filter changed ≤ 1.2 s and 4× bare; cold ≤ 4.5 s and 1.6×; server ≤ 0.4 s; "
        "map ≤ 4 s; "
        "20 readers ≤ 2.5 s without an error, ≤ 60 MB a session.",
    ]
    print("\n".join(lines))
    if not chosen.print:
        write_block(TARGET, "browser", lines)


if __name__ == "__main__":
    main()
