"""The web UI with ten thousand invocations: the list is a window on them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Request, expect

from examples.demo.processes import DevServer
from holdfast_engine.ids import random_invocation_id
from holdfast_engine.records import Outcome, Status, Target
from holdfast_local.sqlite_store import SqliteStore
from holdfast_local.surroundings import SystemClock, SystemDice
from tests.conformance.store.samples import in_status
from tests.support.site import Site

COUNT = 10_000
# What a screen of rows takes with its margins, several times over.
ROWS_MAX = 100


@pytest.fixture(scope="module")
def crowded(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A server that has completed ten thousand invocations."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "data").mkdir()
    # The browser's driver has a loop of its own running in this thread.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, _fill(folder / "data" / "holdfast.db")).result()
    server = DevServer(["tests.support.services.shopping"], folder=folder)
    server.start()
    yield server
    assert server.stop() == 0


async def _fill(path: Path) -> None:
    store = SqliteStore(path)
    store.open()
    clock, dice = SystemClock(), SystemDice()
    now = clock.now_ms()
    for number in range(COUNT):
        head = replace(
            in_status(Status.COMPLETED),
            id=random_invocation_id("Shop", clock, dice),
            target=Target(service="Shop", key=None, handler="quick"),
            created_ms=now - number,
            modified_ms=now,
            completed_ms=now,
            completion_retention_ms=86_400_000,
            journal_retention_ms=86_400_000,
            outcome=Outcome(value=b"%d" % number),
            outcome_index=None,
        )
        await store.create(head)
        store.settled(head.id)
    await store.close()


def test_ten_thousand_are_a_window_and_a_page_at_a_time(browser: Browser, crowded: DevServer) -> None:
    """The first rows take one page of the list and the last ones are reached by scrolling, in a bounded document."""
    context = browser.new_context(base_url=crowded.admin_url, viewport={"width": 1360, "height": 860})
    page = context.new_page()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "/invocations?" in request.url else None)
    started = time.perf_counter()
    page.goto("/ui/invocations")
    rows = page.get_by_role("table", name="Invocations").locator("tbody tr[data-key]")
    expect(rows.first).to_be_visible()
    print(
        f"the first row of {COUNT} came {1000 * (time.perf_counter() - started):.0f} ms after the address was entered"
    )
    lists = [request for request in asked if "/ui/" not in request.url]
    assert len(lists) <= 2
    assert rows.count() < ROWS_MAX
    listed = page.get_by_role("region", name="Invocations, list")
    for _ in range(30):
        listed.evaluate("element => { element.scrollTop = element.scrollHeight; }")
        page.wait_for_timeout(50)
        assert rows.count() < ROWS_MAX
    shown = page.get_by_role("heading", name="Invocations").locator("xpath=../span").inner_text()
    assert int(shown.split("+")[0].replace(",", "")) >= 1_000
    page.get_by_role("button", name="Select all that match").click()
    expect(page.get_by_role("button", name=f"Clear selection ({COUNT})")).to_be_visible()
    context.close()


def test_a_long_journal_is_drawn_in_parts(browser: Browser, crowded: DevServer) -> None:
    """A journal of over a thousand entries shows its first lanes at once and more when asked, each with its details."""
    with Site(crowded.ingress_url, crowded.admin_url) as site:
        assert site.call("/Shop/busy", 700) == 700
        (busy,) = site.admin.get("/invocations?handler=busy").json()["invocations"]
    context = browser.new_context(base_url=crowded.admin_url)
    page = context.new_page()
    page.goto(f"/ui/invocations/{busy['id']}")
    timeline = page.get_by_role("region", name="Timeline")
    more = timeline.get_by_role("button", name="Show more: 202 entries")
    expect(more).to_be_visible()
    lanes = timeline.locator(".lane button[aria-expanded]")
    assert lanes.count() == 500
    more.click()
    expect(lanes).to_have_count(702)
    timeline.get_by_role("button", name="step 699").click()
    expect(timeline.locator(".detail")).to_contain_text("699")
    context.close()
