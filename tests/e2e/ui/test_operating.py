"""Working with the web UI in a real browser: calling, following, explaining, resuming, editing, and batches."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e.ui.conftest import Shot
from tests.e2e.ui.test_pages import id_of
from tests.support.site import Site, eventually


def test_a_call_is_followed_live_to_its_end(page: Page, shot: Shot) -> None:
    """From the playground's form to the timeline that grows by itself, with the child call as a tree to walk."""
    page.goto("/ui/playground?service=Shop&handler=buy")
    page.get_by_label("Item *").fill("lamp")
    page.get_by_label("Amount").fill("3")
    page.get_by_label("Express").check()
    page.get_by_label("send, do not wait").check()
    expect(page.get_by_role("region", name="curl")).to_contain_text("/Shop/buy/send")
    expect(page.get_by_role("region", name="curl")).to_contain_text('"express": true')
    page.get_by_role("button", name="Call", exact=True).click()
    page.get_by_role("region", name="Answer").get_by_role("link").click()
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text("reserve")
    expect(timeline.locator(".bar.live").first).to_be_visible()
    shot("followed-running")
    expect(page.get_by_role("region", name="Result")).to_contain_text('"paid": "charged 3"')
    expect(page.locator(".badge.completed").first).to_be_visible()
    timeline.get_by_role("button", name="Payment/charge").click()
    expect(timeline).to_contain_text("take the money")
    expect(timeline).to_contain_text('"charged 3"')
    shot("followed-completed")
    timeline.locator(".detail").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Payment/charge")
    page.get_by_role("link", name="inv_1").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Shop/buy")


def test_a_stuck_one_is_explained_paused_and_resumed(page: Page, site: Site, shot: Shot) -> None:
    """Why it is stuck is the first thing one reads; pausing and resuming show at once."""
    stuck = site.send("/Payment/broken", 7)
    page.goto(f"/ui/invocations/{stuck}")
    why = page.locator("#why")
    expect(why).to_contain_text("is retrying: attempt")
    expect(why).to_contain_text("the bank is down: 7")
    expect(page.get_by_role("region", name="Failures")).to_contain_text("ask the bank")
    page.get_by_role("button", name="Pause").click()
    expect(why).to_contain_text("because an operator paused it")
    shot("paused")
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(why).to_contain_text("is retrying")
    page.get_by_role("button", name="Kill").click()
    page.get_by_role("dialog").get_by_role("button", name="Kill").click()
    expect(page.locator(".badge.failure").first).to_have_text("failed")


def test_a_chain_of_waiting_can_be_walked(page: Page, site: Site) -> None:
    """From who waits in a queue, by the link in its sentence, to who holds the key."""
    waiting = id_of(site, "service=Cart&status=queued")
    page.goto(f"/ui/invocations/{waiting}")
    expect(page.locator("#why")).to_contain_text("in line for key 'bob' of Cart behind inv_1")
    expect(page.locator("#why")).to_contain_text("which waits for awakeable sign_1")
    page.locator("#why").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cart/bob/hold")


def test_state_is_edited(page: Page, site: Site, shot: Shot) -> None:
    """A value is changed, another added and one removed; what somebody changed meanwhile is not overwritten."""
    site.call("/Cart/carol/add", "milk")
    page.goto("/ui/objects/Cart/carol")
    page.get_by_role("textbox", name="Value of items").fill('["milk", "eggs"]')
    page.get_by_role("button", name="Add an entry").click()
    page.get_by_role("textbox", name="Name").last.fill("note")
    page.get_by_role("textbox", name="Value of the new entry").fill('"soon"')
    page.get_by_role("button", name="Save state").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    shot("state-edited")
    state = site.admin.get("/keys/Cart/carol").json()["state"]
    assert state == {"items": {"text": '["milk","eggs"]'}, "note": {"text": '"soon"'}}
    assert site.call("/Cart/carol/add", "tea") == 3
    page.get_by_role("button", name="Remove").last.click()
    site.call("/Cart/carol/add", "meanwhile")
    page.get_by_role("button", name="Save state").click()
    expect(page.get_by_text("has changed since")).to_be_visible()


def test_a_batch_is_cancelled(page: Page, site: Site, shot: Shot) -> None:
    """All that match a filter are selected and cancelled by one confirmation; the others are left alone."""
    wanted = [site.send("/Shop/approve", {"item": f"sofa {number}"}) for number in range(12)]
    page.goto("/ui/invocations?service=Shop&handler=approve&status=suspended")
    expect(page.get_by_role("table", name="Invocations")).to_contain_text("waits for awakeable")
    page.get_by_role("button", name="Select all that match").click()
    expect(page.get_by_role("button", name="Clear selection")).to_be_visible()
    shot("batch-selected")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancel: 13 done")).to_be_visible()
    ended = eventually(lambda: all((site.invocation(each) or {})["status"] == "completed" for each in wanted))
    assert ended
    assert (site.invocation(id_of(site, "handler=hold")) or {})["status"] == "suspended"


def test_new_invocations_appear_by_themselves(page: Page, site: Site) -> None:
    """The list is live: what is called now is on top a moment later, and what ends changes in place."""
    page.goto("/ui/invocations")
    first = page.get_by_role("table", name="Invocations").locator("tbody tr[data-key]").first
    expect(first).to_be_visible()
    new = site.send("/Shop/approve", {"item": "desk"})
    expect(first).to_have_attribute("data-key", new)
    expect(first).to_contain_text("suspended")
    site.admin.patch(f"/invocations/{new}/kill")
    expect(first).to_contain_text("failed")


def test_a_query_is_asked_and_its_errors_are_told(page: Page, shot: Shot) -> None:
    """SQL by Ctrl+Enter shows rows with links; a slip shows the sentence of the parser."""
    page.goto("/ui/introspection")
    query = page.get_by_role("textbox", name="SQL query")
    query.fill("SELECT id, target, why FROM sys_invocation WHERE target_handler_name = 'hold'")
    query.press("Control+Enter")
    rows = page.get_by_role("table", name="Result")
    expect(rows).to_contain_text("waits for awakeable")
    expect(rows.get_by_role("link")).to_have_count(1)
    shot("sql-result")
    query.fill("SELEC")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("SQL error")


def test_options_of_a_service_are_changed(page: Page, site: Site) -> None:
    """A retention that is edited on the service's page holds."""
    page.goto("/ui/services/Payment")
    page.get_by_label("journal retention").fill("2d")
    page.get_by_role("button", name="Save options").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    assert site.admin.get("/services/Payment").json()["journal_retention"] == "2d"


def test_an_awakeable_is_completed_by_hand(page: Page, site: Site) -> None:
    """What waits for a person can be answered where one reads that it waits."""
    waiting = site.send("/Shop/approve", {"item": "lamp"})
    page.goto(f"/ui/invocations/{waiting}")
    page.get_by_role("button", name="Complete it by hand").click()
    page.get_by_role("textbox", name="Value, or reason").fill('"granted"')
    page.get_by_role("dialog").get_by_role("button", name="Complete", exact=True).click()
    expect(page.get_by_role("region", name="Result")).to_contain_text("lamp: granted")


def test_rules_are_made_and_removed(page: Page, site: Site, shot: Shot) -> None:
    """A limit is added, changed and removed, and the server has it at each step."""
    page.goto("/ui/limits")
    page.get_by_role("button", name="Add a rule").click()
    page.get_by_label("Pattern").fill("tenant/*")
    page.get_by_label("How many may run at a time").fill("3")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("table", name="Rules")).to_contain_text("tenant/*")
    shot("limits")
    page.get_by_role("button", name="Change tenant/*").click()
    page.get_by_label("How many may run at a time").fill("4")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("table", name="Rules").get_by_role("cell", name="4", exact=True)).to_be_visible()
    assert [rule["limits"] for rule in site.admin.get("/limits/rules").json()] == [{"concurrency": 4}]
    page.get_by_role("button", name="Remove tenant/*").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator("main")).to_contain_text("There are no rules")


def test_a_completed_one_is_restarted_from_an_entry(page: Page, site: Site) -> None:
    """A new invocation begins behind the entry that was chosen, and one is taken there."""
    done = id_of(site, "handler=buy&status=completed")
    page.goto(f"/ui/invocations/{done}")
    timeline = page.get_by_role("region", name="Timeline")
    timeline.get_by_role("button", name="reserve").click()
    timeline.get_by_role("button", name="Restart from here").click()
    page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    expect(page.locator("dt", has_text="Restarted from")).to_be_visible()
    assert done not in page.url
