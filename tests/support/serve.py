"""Serve modules of handlers over HTTP/1.1, with our SDK or, the import replaced, with the official one.

`python -m tests.support.serve --sdk restate-sdk --port 9080 examples.user_account tests.support.services`
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import uvicorn

SDKS = ("holdfast", "restate-sdk")

_OUR_IMPORT = re.compile(r"^(\s*)(import holdfast as restate|import holdfast|from holdfast import)\b", re.MULTILINE)
_THEIR_IMPORT = {
    "import holdfast as restate": "import restate",
    "import holdfast": "import restate as holdfast",
    "from holdfast import": "from restate import",
}


def with_official_sdk(name: str) -> ModuleType:
    """Return a module made of the source of `name`, in which only the SDK's import differs."""
    spec = importlib.util.find_spec(name)
    assert spec is not None, f"there is no module {name}"
    assert spec.origin is not None, f"{name} has no source"
    source = importlib.util.decode_source(Path(spec.origin).read_bytes())
    replaced = _OUR_IMPORT.sub(lambda found: found[1] + _THEIR_IMPORT[found[2]], source)
    assert replaced != source, f"{name} does not import holdfast"
    module = ModuleType(name)
    module.__file__ = spec.origin
    # Type hints are resolved through sys.modules, so the copy must be found there, not the original.
    sys.modules[name] = module
    exec(compile(replaced, spec.origin, "exec"), module.__dict__)
    return module


def app_of(modules: list[str], *, sdk: str, identity_keys: list[str] | None = None) -> Any:
    """Return the ASGI app that serves the `services` of all modules, to signed requests only if there are keys."""
    if sdk == "restate-sdk":
        import restate

        services = [each for name in modules for each in with_official_sdk(name).services]
        return restate.app(services, identity_keys=identity_keys)
    import holdfast

    return holdfast.app(
        [each for name in modules for each in importlib.import_module(name).services], identity_keys=identity_keys
    )


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="+")
    parser.add_argument("--sdk", choices=SDKS, default="holdfast")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--identity-key", action="append", help="a public key; then requests must be signed with it")
    arguments = parser.parse_args()
    app = app_of(arguments.modules, sdk=arguments.sdk, identity_keys=arguments.identity_key)
    uvicorn.run(app, host="127.0.0.1", port=arguments.port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
