"""Every page of the web UI in a real browser: what it shows, in both themes, and that anybody can use it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.ui.conftest import Shot
from tests.support.site import Site

PAGES = {
    "overview": ("/ui/", "Needs a look"),
    "services": ("/ui/services", "VirtualObject"),
    "service": ("/ui/services/Shop", "Save options"),
    "deployments": ("/ui/deployments", "in-process"),
    "invocations": ("/ui/invocations", "Shop/quick"),
    "objects": ("/ui/objects", "ada"),
    "object": ("/ui/objects/Cart/bob", "Waiting (3)"),
    "playground": ("/ui/playground?service=Shop&handler=buy", "curl"),
    "limits": ("/ui/limits", "There are no rules"),
    "sql": ("/ui/introspection", "Tables and columns"),
}


def id_of(site: Site, query: str) -> str:
    """Return the newest invocation that a query finds."""
    return str(site.admin.get(f"/invocations?limit=1&{query}").json()["invocations"][0]["id"])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_opens_and_is_accessible(page: Page, site: Site, shot: Shot, axe: str, theme: Any) -> None:
    """Each page shows what it is about, and axe finds nothing to mend in it, in either theme."""
    page.emulate_media(color_scheme=theme)
    done = id_of(site, "handler=buy&status=completed")
    stuck = id_of(site, "handler=broken")
    more = {
        "invocation": (f"/ui/invocations/{done}", "Result"),
        "retrying": (f"/ui/invocations/{stuck}", "is retrying"),
    }
    for name, (path, text) in {**PAGES, **more}.items():
        page.goto(path)
        expect(page.locator("main")).to_contain_text(text)
        shot(f"{name}-{theme}")
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        shown = [(each["id"], each["help"], each["nodes"][0]["html"][:200]) for each in found["violations"]]
        assert shown == [], f"{name} in {theme}: {json.dumps(shown, indent=2)}"


def test_a_narrow_screen_shows_everything(page: Page, shot: Shot) -> None:
    """On a phone the pages fit: nothing but tables and charts scrolls sideways."""
    page.set_viewport_size({"width": 420, "height": 800})
    for name in ("overview", "object", "playground"):
        page.goto(PAGES[name][0])
        expect(page.locator("main")).to_contain_text(PAGES[name][1])
        shot(f"{name}-narrow")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def test_the_theme_can_be_chosen_and_stays(page: Page) -> None:
    """A theme that was chosen holds on the next visit, whatever the system prefers."""
    page.goto("/ui/")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Theme").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_keyboard_goes_everywhere(page: Page) -> None:
    """Pages by `g` and a letter, search by `/`, a list by `j` and Enter, help by `?`."""
    page.goto("/ui/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    for letter, title in {
        "s": "Services",
        "d": "Deployments",
        "t": "State & queues",
        "q": "SQL",
        "i": "Invocations",
    }.items():
        page.keyboard.press("g")
        page.keyboard.press(letter)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("region", name="Invocations, list").focus()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_role("button", name="Clear selection (1)")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Timeline")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_an_address_that_names_nothing_says_so(page: Page) -> None:
    """Unknown pages, services and invocations are told in words."""
    page.goto("/ui/nowhere")
    expect(page.locator("main")).to_contain_text("There is no such page")
    page.goto("/ui/services/Nobody")
    expect(page.get_by_role("alert")).to_contain_text("there is no service 'Nobody'")
    page.goto("/ui/invocations/inv_1gdJBtdVEcM942bjcDmb1c1khoaJe11Hbz")
    expect(page.get_by_role("alert")).to_contain_text("there is no invocation")


def test_a_value_is_text_and_never_markup(page: Page, site: Site) -> None:
    """What a user sent is shown as it is: nothing in it is taken for a part of the page."""
    nasty = "<img src=x onerror=console.log(1)><script>console.log(2)</script>"
    site.call(f"/Cart/{nasty.replace('<', '%3C').replace('>', '%3E').replace('/', '%2F')}/add", nasty)
    scripts: list[str] = []
    page.on("console", lambda message: scripts.append(message.text))
    page.goto(f"/ui/invocations/{id_of(site, 'service=Cart&status=completed')}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(nasty)
    page.goto("/ui/objects?service=Cart")
    page.get_by_role("link", name=nasty).click()
    expect(page.get_by_role("textbox", name="Value of items")).to_have_value(f"[\n  {json.dumps(nasty)}\n]")
    assert scripts == []
    assert page.locator("main img, main script").count() == 0
