"""Restate's own command line says of our server what it says of the stock one."""

from __future__ import annotations

from holdfast_http.query.tables import TABLES
from tests.conformance.cli.conftest import Cli
from tests.support.site import eventually

INVOCATION = {"buy": "completed", "add": "pending", "hold": "suspended", "approve": "suspended"}

ARROW_TYPE = {
    "bool": "Boolean",
    "bytes": "LargeBinary",
    "duration": "Duration(ms)",
    "text": "LargeUtf8",
    "texts": "List(LargeUtf8)",
    "time": 'Timestamp(ms, "+00:00")',
    "u32": "UInt32",
    "u32s": "List(UInt32)",
    "u64": "UInt64",
}


def test_who_and_what_is_there(cli: Cli) -> None:
    """`whoami`, services and deployments are listed and described."""
    assert str(cli.site.admin.base_url).rstrip("/") in cli.run("whoami")
    services = cli.run("services", "list")
    for words in (("Cart", "virtual object"), ("Shop", "[public]"), ("Signup", "workflow")):
        assert all(word in services for word in words)
    described = cli.run("services", "describe", "Cart")
    assert "VirtualObject" in described
    assert "hold" in described
    deployment = cli.sql("SELECT id FROM sys_deployment")[0]["id"]
    assert deployment in cli.run("deployments", "list")
    assert "Revision: 1" in cli.run("deployments", "describe", deployment)
    status = cli.run("services", "status")
    assert "Active Keys" in status
    assert cli.newest("target_handler_name = 'hold'") in status


def test_invocations_are_listed_and_described(cli: Cli) -> None:
    """Each stands where the sentence of its status says, with its journal below."""
    listed = cli.run("invocations", "list", "--all")
    for handler, status in INVOCATION.items():
        assert f"/{handler}" in listed
        assert status in listed
    described = cli.run("invocations", "describe", cli.newest("target_handler_name = 'buy'"))
    for words in (
        "completed with success",
        "Command: Run [reserve]",
        "Command: Call",
        "Command: Sleep until",
        "Command: Output",
    ):
        assert words in described, described
    failing = cli.run("invocations", "describe", cli.newest("target_handler_name = 'broken'"))
    for words in ("backing-off", "the bank is down: 5", "[ask the bank]"):
        assert words in failing, failing


def test_queries_have_the_same_rows(cli: Cli) -> None:
    """What does not depend on ids and times is the same row for row."""
    columns = "target, target_service_ty, status, completion_result, invoked_by, invoked_by_target"
    rows = cli.sql(f"SELECT {columns} FROM sys_invocation WHERE target_service_name <> 'Payment' ORDER BY target")
    assert [{name: value for name, value in row.items() if value is not None} for row in rows] == [
        {
            "target": "Cart/ada/add",
            "target_service_ty": "virtual_object",
            "status": "completed",
            "completion_result": "success",
            "invoked_by": "ingress",
        },
        {"target": "Cart/bob/add", "target_service_ty": "virtual_object", "status": "pending", "invoked_by": "ingress"},
        {
            "target": "Cart/bob/hold",
            "target_service_ty": "virtual_object",
            "status": "suspended",
            "invoked_by": "ingress",
        },
        {"target": "Shop/approve", "target_service_ty": "service", "status": "suspended", "invoked_by": "ingress"},
        {
            "target": "Shop/buy",
            "target_service_ty": "service",
            "status": "completed",
            "completion_result": "success",
            "invoked_by": "ingress",
        },
    ]
    journal = "SELECT index, entry_type, entry_lite_json FROM sys_journal WHERE id = '{}' ORDER BY index"
    entries = cli.sql(journal.format(cli.newest("target_handler_name = 'charge'")))
    assert [entry["entry_type"] for entry in entries] == [
        "Command: Input",
        "Command: Sleep",
        "Notification: Sleep",
        "Command: Run",
        "Notification: Run",
        "Command: Output",
    ]
    assert entries[3]["entry_lite_json"] == '{"Command":{"Run":{"completion_id":2,"name":"take the money"}}}'
    held = cli.sql("SELECT service_name, service_key FROM sys_keyed_service_status")
    assert held == [{"service_name": "Cart", "service_key": "bob"}]
    waiting = cli.sql("SELECT service_key, COUNT(*) AS n FROM sys_inbox GROUP BY service_key")
    assert waiting == [{"service_key": "bob", "n": 1}]


def test_state_is_shown_and_edited(cli: Cli) -> None:
    """A key's state is printed, edited in an editor, patched and cleared, each on the version that was looked at."""
    cli.site.call("/Cart/eve/add", "milk")
    assert '"milk"' in cli.run("kv", "get", "Cart", "eve")
    cli.edit("kv", "edit", "Cart", "eve", sed="s/milk/eggs/")
    assert eventually(lambda: "eggs" in cli.run("kv", "get", "Cart", "eve"))
    cli.run("kv", "patch", "Cart", "eve", "--patch", '[{"op": "replace", "path": "/items", "value": ["tea"]}]')
    assert eventually(lambda: "tea" in cli.run("kv", "get", "Cart", "eve"))
    cli.run("kv", "clear", "Cart/eve")
    assert eventually(lambda: "items" not in cli.run("kv", "get", "Cart", "eve"))


def test_state_that_is_held(cli: Cli) -> None:
    """While a handler holds the key, the stock server lines an edit up; ours refuses it: what it accepts is written."""
    edit = ("kv", "patch", "Cart", "bob", "--patch", '[{"op": "add", "path": "/note", "value": "x"}]')
    if cli.is_restate:
        assert "Success" in cli.run(*edit)
    else:
        assert "409" in cli.refused(*edit)
    assert "note" not in cli.run("kv", "get", "Cart", "bob")


def test_invocations_are_operated(cli: Cli) -> None:
    """Pause, resume, kill, purge, cancel and restart do to an invocation what they say."""

    def status(invocation_id: str) -> str:
        rows = cli.sql(f"SELECT status FROM sys_invocation WHERE id = '{invocation_id}'")
        return str(rows[0]["status"]) if rows else "gone"

    failing = cli.site.send("/Payment/broken", 6)
    eventually(lambda: status(failing) == "backing-off")
    cli.run("invocations", "pause", failing)
    assert eventually(lambda: status(failing) == "paused")
    cli.run("invocations", "resume", failing)
    assert eventually(lambda: status(failing) in ("backing-off", "running"))
    cli.run("invocations", "kill", failing)
    assert eventually(lambda: status(failing) == "completed")
    cli.run("invocations", "purge", failing)
    assert eventually(lambda: status(failing) == "gone")
    waiting = cli.newest("target_handler_name = 'approve'")
    cli.run("invocations", "cancel", waiting)
    assert eventually(lambda: status(waiting) == "completed")
    done = cli.newest("target_handler_name = 'buy'")
    cli.run("invocations", "restart-as-new", done)
    again = eventually(lambda: cli.newest("target_handler_name = 'buy'") != done)
    assert again


def test_deployments_come_and_go(cli: Cli) -> None:
    """A deployment is registered, found, described and removed, and so is what its services are configured to be."""
    cli.run("deployments", "register", f"{cli.endpoint}/second", "--use-http1.1", "--breaking", "--metadata", "team=a")
    ids = [row["id"] for row in cli.sql(f"SELECT id FROM sys_deployment WHERE endpoint = '{cli.endpoint}/second'")]
    assert len(ids) == 1
    assert f"{cli.endpoint}/second" in cli.run("deployments", "list")
    described = cli.run("deployments", "describe", *ids)
    for words in ("HTTP/1.1", "Revision: 2", "broken", "JSON integer"):
        assert words in described, described
    cli.run("services", "config", "patch", "--public=false", "--journal-retention=2h", "Payment")
    configured = cli.run("services", "config", "view", "Payment")
    assert "Public:  false" in configured
    assert "2h" in configured
    cli.run("deployments", "remove", "--force", *ids)
    assert eventually(lambda: ids[0] not in cli.run("deployments", "list"))
    assert "does not exist" in (said := cli.refused("deployments", "describe", *ids)) or "no deployment" in said


def test_rules_come_and_go(cli: Cli) -> None:
    """A rule of flow control is made, switched off, and removed."""
    assert "version v1" in cli.run("rules", "set", "tenant/*", "--concurrency", "3")
    cli.run("rules", "disable", "tenant/*")
    assert cli.run("rules", "list").split("\n")[1].split() == ["tenant/*", "3", "yes"]
    cli.run("rules", "delete", "tenant/*")
    assert "No rules" in cli.run("rules", "list")


def test_there_is_no_kafka(cli: Cli) -> None:
    """Who lists subscriptions and clusters is told that there are none."""
    assert "No subscriptions" in cli.run("subscriptions", "list")
    assert "No Kafka clusters" in cli.run("kafka-clusters", "list")


def test_tables_have_the_same_columns(cli: Cli) -> None:
    """Name by name and type by type, our tables are the stock server's, and one column more."""
    query = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
    found: dict[str, dict[str, str]] = {}
    for row in cli.sql(query):
        found.setdefault(row["table_name"], {})[row["column_name"]] = row["data_type"]
    for name, table in TABLES.items():
        expected = {column: ARROW_TYPE[kind] for column, kind in table.columns}
        if cli.is_restate:
            expected.pop("why", None)
        assert found[name] == expected, name
