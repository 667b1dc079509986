"""A server with a token asks for it in a real browser, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from examples.demo.processes import DevServer
from tests.e2e.ui.conftest import SCREENSHOTS

TOKEN = "0123456789abcdef-xyz"


@pytest.fixture
def server(chromium: str, tmp_path: Path) -> Iterator[DevServer]:
    """A server without services that asks for a token."""
    server = DevServer([], folder=tmp_path, env={"HOLDFAST_TOKEN": TOKEN})
    server.start()
    yield server
    assert server.stop() == 0
    assert TOKEN not in server.output(bytes_max=1_000_000)


def test_logging_in(browser: Browser, server: DevServer) -> None:
    """Whoever opens a page is asked for the token, then sees what was wanted, and is asked again without the cookie."""
    context = browser.new_context(base_url=server.admin_url)
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.goto("/ui/limits")
    page.get_by_label("Token").fill("not the token")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "login.png")
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Limits")
    assert page.url == f"{server.admin_url}/ui/limits"
    assert TOKEN not in str(context.cookies())
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    context.clear_cookies()
    page.get_by_role("link", name="Services", exact=True).click()
    expect(page.get_by_label("Token")).to_be_visible()
    context.close()
