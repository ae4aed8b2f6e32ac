"""A picture of every page in both languages and themes, on a laptop and a phone, to be looked at.

python -m tests.screenshots [--store FOLDER] [--only NAME …] [--chosen "region=…&topic_group=…"] [--out screenshots]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from playwright.sync_api import sync_playwright

from analytics.settings import read_settings
from pages.shared.frame import PAGES
from tests.browsing import ARGUMENTS, PATIENCE, PHONE, chromium_path, served, settle

LAPTOP = {"width": 1440, "height": 900}
VIEWS: dict[str, dict[str, str]] = {
    "heatmap": dict.fromkeys(("map", "matrix", "calendar", "hours", "points"), "view"),
    "events": dict.fromkeys(("calendar", "effects", "import"), "part"),
}


def views(page: str) -> dict[str, dict[str, str]]:
    """Each view of a page: the end of its file's name, and what its address says."""
    return {"": {}, **{f"_{value}": {key: value} for value, key in VIEWS.get(page, {}).items()}}


def main() -> None:
    """Write the pictures; answers nothing and says where they are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", default=read_settings().store)
    parser.add_argument("--only", nargs="*", default=[*PAGES, "definitions"])
    parser.add_argument("--chosen", default="", help="filters, as the address of a page says them")
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    chosen = parser.parse_args()
    chosen.out.mkdir(exist_ok=True)
    filters = dict(parse_qsl(chosen.chosen))
    with served(str(Path(chosen.store).resolve())) as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        for language, theme, device in (
            ("ru", "light", "laptop"),
            ("en", "dark", "laptop"),
            ("ru", "dark", "laptop"),
            ("en", "light", "laptop"),
            ("ru", "light", "phone"),
        ):
            size = PHONE if device == "phone" else LAPTOP
            context = browser.new_context(viewport=size, color_scheme=theme, locale=language)  # type: ignore[arg-type]
            context.set_default_timeout(PATIENCE)
            for page in chosen.only:
                for ending, said in views(page).items():
                    opened = context.new_page()
                    path = "" if page == "overview" else page
                    opened.goto(f"{address}/{path}?{urlencode({'lang': language, **said, **filters})}")
                    settle(opened)
                    whole = opened.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
                    opened.set_viewport_size({**size, "height": min(max(int(whole) + 60, size["height"]), 5000)})  # type: ignore[arg-type]
                    opened.wait_for_timeout(700)
                    opened.screenshot(path=chosen.out / f"{page}{ending}-{language}-{theme}-{device}.png")
                    opened.close()
            context.close()
        browser.close()
    print(f"{len(list(chosen.out.glob('*.png')))} pictures in {chosen.out}")


if __name__ == "__main__":
    main()
