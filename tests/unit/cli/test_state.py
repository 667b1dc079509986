"""The state of a key: shown, set, edited and cleared, and never over what somebody else has written."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from holdfast_cli.state.document import DocumentError, text_of, values_of
from tests.unit.cli.conftest import Shell

# What parsing and printing JSON again would change, and what is no JSON at all.
SPELLED = {
    "price": b"1.10",
    "big": b"12345678901234567890123",
    "loose": b'{ "a":1 }',
    "text": b"no JSON",
    "nan": b"NaN",
    "bytes": b"\x00\xff",
    "wrapper": b'{"$text":"x"}',
    "empty": b"",
}


def editor(tmp_path: Path, code: str) -> dict[str, str]:
    """Return an environment whose editor is a few lines of Python; the file's text is `text`."""
    script = tmp_path / "editor.py"
    lines = ["import pathlib, sys", "path = pathlib.Path(sys.argv[1])", "text = path.read_text()", code]
    # Editors that are quick leave the time of the last change as it was, which is how click knows.
    lines += ["import os", "os.utime(path, (2**31, 2**31))"]
    script.write_text("\n".join(lines))
    return {"VISUAL": "", "EDITOR": shlex.join([sys.executable, str(script)])}


def test_setting_and_getting(shell: Shell) -> None:
    """A value is stored as it was typed and printed as it is stored; the others stay."""
    shell.out("state", "set", "Gate", "set", "price", "1.10")
    shell.out("state", "set", "Gate", "set", "note", "no JSON", "--text")
    shell.out("state", "set", "Gate", "set", "blob", "-", "--text", stdin=b"\x00\xff")
    assert shell.out("state", "get", "Gate", "set", "price") == "1.10"
    assert shell.run("state", "get", "Gate", "set", "blob").stdout_bytes == b"\x00\xff"
    assert json.loads(shell.out("state", "get", "Gate", "set")) == {
        "blob": {"$base64": "AP8="},
        "note": {"$text": "no JSON"},
        "price": 1.1,
    }
    result = shell.run("state", "set", "Gate", "set", "price", "cheap")
    assert (result.exit_code, "Quote a string twice" in result.stderr) == (2, True)


def test_what_is_not_there(shell: Shell) -> None:
    """A key that was never used has no state, a value that is missing is named, and a plain service has no keys."""
    assert shell.json("state", "get", "Gate", "never") == {}
    result = shell.run("state", "get", "Gate", "never", "price")
    assert (result.exit_code, "no state named 'price'" in result.stderr) == (1, True)
    assert "plain service" in shell.run("state", "get", "Echo", "key").stderr


def test_handlers_see_what_is_set(shell: Shell) -> None:
    """What is stored by hand is what the handler reads."""
    shell.out("state", "set", "Gate", "seen", "awakeable", '"by hand"')
    assert shell.out("call", "Gate/seen/awakeable") == '"by hand"\n'


def test_clearing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some values are removed, or all, once somebody has said that this is meant."""
    for name in ("a", "b", "c"):
        shell.out("state", "set", "Gate", "cleared", name, "1")
    result = shell.run("state", "clear", "Gate", "cleared", "a", stdin="y\n")
    assert (result.exit_code, "Nobody is here to answer" in result.stderr) == (2, True)
    monkeypatch.setattr("holdfast_cli.asking.somebody_is_there", lambda: True)
    result = shell.run("state", "clear", "Gate", "cleared", "a", stdin="n\n")
    assert (result.exit_code, len(shell.json("state", "get", "Gate", "cleared"))) == (1, 3)
    assert shell.run("state", "clear", "Gate", "cleared", "a", "z", "--yes").exit_code == 1
    shell.out("state", "clear", "Gate", "cleared", "a", stdin="y\n")
    assert shell.json("state", "get", "Gate", "cleared") == {"b": 1, "c": 1}
    shell.out("state", "clear", "Gate", "cleared", "--yes")
    assert shell.json("state", "get", "Gate", "cleared") == {}


def test_editing(shell: Shell, tmp_path: Path) -> None:
    """What the editor leaves is stored; what it leaves alone keeps its bytes."""
    shell.out("state", "set", "Gate", "edited", "price", "1.10")
    shell.out("state", "set", "Gate", "edited", "count", "1")
    code = """path.write_text(text.replace('"count": 1', '"count": true, "new": [1]'))"""
    result = shell.run("state", "edit", "Gate", "edited", env=editor(tmp_path, code))
    assert (result.exit_code, result.stdout) == (0, "The state of Gate/edited is stored.\n")
    assert shell.out("state", "get", "Gate", "edited", "price") == "1.10"
    assert shell.json("state", "get", "Gate", "edited") == {"count": True, "new": [1], "price": 1.1}


def test_editing_nothing(shell: Shell, tmp_path: Path) -> None:
    """An editor that changes nothing, or is left without saving, changes nothing."""
    result = shell.run("state", "edit", "Gate", "edited", env=editor(tmp_path, "path.write_text(text)"))
    assert (result.exit_code, result.stdout) == (0, "Nothing was changed.\n")
    result = shell.run("state", "edit", "Gate", "edited", "--json", env=editor(tmp_path, ""))
    assert json.loads(result.stdout)["stored"] is False


def test_editing_what_changes_meanwhile(shell: Shell, tmp_path: Path) -> None:
    """What somebody else has stored while the editor was open stays, and what was written is kept in a file."""
    key = "raced"
    shell.out("state", "set", "Gate", key, "count", "1")
    other = [sys.executable, "-m", "holdfast_cli", "state", "set", "Gate", key, "count", "2"]
    code = f"path.write_text('{{}}'); import subprocess; subprocess.run({other!r}, check=True)"
    env = {**editor(tmp_path, code), "TMPDIR": str(tmp_path), "HOLDFAST_ADMIN_URL": shell.admin_url}
    result = shell.run("state", "edit", "Gate", key, env=env)
    assert result.exit_code == 1
    assert "has changed since" in result.stderr
    kept = Path(result.stderr.split("What you wrote is in ")[1].strip().rstrip("."))
    assert json.loads(kept.read_text()) == {}
    kept.unlink()
    assert shell.json("state", "get", "Gate", key) == {"count": 2}


def test_editing_nonsense(shell: Shell, tmp_path: Path) -> None:
    """A document that is no state is refused with the reason, and kept."""
    shell.out("state", "set", "Gate", "nonsense", "count", "1")
    result = shell.run("state", "edit", "Gate", "nonsense", env=editor(tmp_path, "path.write_text('[1]')"))
    assert (result.exit_code, "a state is a JSON object" in result.stderr) == (2, True)
    Path(result.stderr.split("What you wrote is in ")[1].strip().rstrip(".")).unlink()
    assert shell.json("state", "get", "Gate", "nonsense") == {"count": 1}


def test_a_key_that_is_held(shell: Shell) -> None:
    """While an invocation holds the key nothing is stored, and the sentence names the holder."""
    sent = shell.sent("Gate/held/wait")
    shell.become(sent, "suspended")
    result = shell.run("state", "set", "Gate", "held", "awakeable", "1")
    assert (result.exit_code, sent in result.stderr) == (1, True)


def test_a_document_keeps_bytes() -> None:
    """Every value comes back as it was, whatever it is, and so it does beside others that were changed."""
    assert values_of(text_of(SPELLED), before=SPELLED) == SPELLED
    document = json.loads(text_of(SPELLED))
    document["price"], document["text"]["$text"] = 2, "other"
    changed = {**SPELLED, "price": b"2", "text": b"other"}
    assert values_of(json.dumps(document), before=SPELLED) == changed


def test_a_document_of_its_own() -> None:
    """Read without what was there before, wrappers are taken off and JSON is JSON."""
    values = values_of('{"a": {"$base64": "AP8="}, "b": {"$text": "x"}, "c": "ü"}', before={})
    assert values == {"a": b"\x00\xff", "b": b"x", "c": '"ü"'.encode()}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": NaN}', '{"a": {"$base64": "!"}}', '{"a": {"$base64": 1}}'])
def test_documents_that_are_none(text: str) -> None:
    """What is no state is refused, and never stored in part."""
    with pytest.raises(DocumentError):
        values_of(text, before={})
