"""A server with things to see, and a real browser to see them with."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from examples.demo.processes import DevServer
from tests.support.npm import NodeMissing, node_modules
from tests.support.site import Site
from tests.support.tree import ROOT

_FOLDER = Path(__file__).parent
_AXE = _FOLDER / "node_modules" / "axe-core" / "axe.min.js"
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Screenshots stay here, to be looked at: they are no part of the repository.
SCREENSHOTS = Path(os.environ.get("HOLDFAST_SCREENSHOTS", ROOT / "build" / "screenshots"))

Shot = Callable[[str], object]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium, which the tests of the UI need."""
    found = os.environ.get("HOLDFAST_CHROMIUM") or next(filter(None, map(shutil.which, _CHROMIUMS)), None)
    if found is None:
        pytest.skip("no chromium was found: install Debian's package `chromium`, or name one in HOLDFAST_CHROMIUM")
    return found


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which checks accessibility; npm brings it the first time."""
    try:
        node_modules(_FOLDER, "axe-core")
    except NodeMissing as missing:
        pytest.skip(str(missing))
    return _AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        # Root has no sandbox of its own, and the pages are ours.
        launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def site(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with invocations in every status that rests; the browser is asked for first, to skip in time."""
    server = DevServer(["tests.support.services.shopping"], folder=tmp_path_factory.mktemp("ui"))
    server.start()
    with Site(server.ingress_url, server.admin_url) as started:
        populate(started)
        yield started
    assert server.stop() == 0
    assert "Traceback" not in "".join(server.output(bytes_max=1_000_000).split("the bank is down"))


def populate(site: Site) -> None:
    """Make something to see."""
    for number in range(30):
        site.call("/Shop/quick", number)
    for item in ("milk", "bread"):
        site.call("/Cart/ada/add", item)
    site.call("/Shop/buy", {"item": "book", "amount": 2})
    site.send("/Shop/approve", {"item": "car"})
    site.send("/Payment/broken", 5)
    site.send("/Cart/bob/hold")
    time.sleep(0.3)
    for _ in range(3):
        site.send("/Cart/bob/add", "late")
    site.send("/Signup/eve/run", "eve")
    site.post("/Shop/buy/send?delay=1h", {"item": "later"})


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A page on the site; whatever goes wrong in its scripts fails the test."""
    context = browser.new_context(
        base_url=str(site.admin.base_url), viewport={"width": 1360, "height": 860}, color_scheme="light"
    )
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    # What the server refused on purpose is logged by the browser as well.
    assert [trouble for trouble in troubles if "the server responded with a status of 4" not in trouble] == []


@pytest.fixture
def shot(page: Page) -> Shot:
    """Keep a screenshot by name."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return lambda name: page.screenshot(path=SCREENSHOTS / f"{name}.png")
