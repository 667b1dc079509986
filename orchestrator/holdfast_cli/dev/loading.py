"""From `module:attribute` to services: importing user code, and saying in one sentence why it cannot be done."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from holdfast_cli.problems import UsageProblem

if TYPE_CHECKING:
    from holdfast import Endpoint

DEFAULT_ATTRIBUTE = "services"

_OWN_PACKAGES = (
    "holdfast",
    "holdfast_protocol",
    "holdfast_engine",
    "holdfast_endpoints",
    "holdfast_local",
    "holdfast_http",
    "holdfast_cli",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """User code in this process: its services as one endpoint, and the folders its modules came from."""

    endpoint: Endpoint
    folders: tuple[Path, ...]


def load(references: Sequence[str]) -> Loaded:
    """Import all references; one service named twice is served once.

    Raises:
        UsageProblem: A module does not import, an attribute is missing or no service, or two services share a name.
    """
    from holdfast import DefinitionError, Endpoint

    _put_working_folder_first()
    before = set(sys.modules)
    services = {id(service): service for reference in references for service in _services(reference)}
    try:
        endpoint = Endpoint(services.values())
    except DefinitionError as error:
        raise UsageProblem(str(error)) from error
    return Loaded(endpoint=endpoint, folders=_folders(set(sys.modules) - before))


def _services(reference: str) -> list[Any]:
    name, _, attribute = reference.partition(":")
    module = _import(name)
    attribute = attribute or DEFAULT_ATTRIBUTE
    value = getattr(module, attribute, None)
    if value is None:
        raise UsageProblem(f"The module {name!r} has no {attribute!r}{_hint(module)}.")
    services = _flattened(value)
    if services is None:
        raise UsageProblem(
            f"{name}:{attribute} is neither a service, nor a list of services, nor an endpoint or app,"
            f" but a {type(value).__name__}{_foreign_hint(value)}."
        )
    return services


def _flattened(value: object) -> list[Any] | None:
    """Return the services in a value; None when it holds anything else."""
    from holdfast import Endpoint

    # What `holdfast.app` returns keeps its endpoint to itself; here it is served without HTTP in between.
    endpoint = getattr(value, "_endpoint", value)
    if isinstance(endpoint, Endpoint):
        return list(endpoint.service_by_name.values())
    if _is_service(value):
        return [value]
    if isinstance(value, list | tuple) and all(_is_service(each) for each in value):
        return list(value)
    return None


def _is_service(value: object) -> bool:
    from holdfast import Service, VirtualObject, Workflow

    return isinstance(value, Service | VirtualObject | Workflow)


def _hint(module: ModuleType) -> str:
    names = [name for name, value in vars(module).items() if _is_service(value)]
    if not names:
        return ": give it a list of services under that name"
    return f": name a service as {module.__name__}:{names[0]}, or add '{DEFAULT_ATTRIBUTE} = [{', '.join(names)}]'"


def _foreign_hint(value: object) -> str:
    values: Iterable[object] = value if isinstance(value, list | tuple) else (value,)
    if any(type(each).__module__.partition(".")[0] == "restate" for each in values):
        return " with services of restate-sdk; serve its app with an HTTP server and name it with --register"
    return ""


def _import(name: str) -> ModuleType:
    if name.endswith(".py") or "/" in name:
        module = name.removesuffix(".py").strip("./").replace("/", ".")
        raise UsageProblem(f"{name!r} is a file; name the module instead, such as {module!r}.")
    try:
        return import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise UsageProblem(
                f"There is no module {error.name!r} in {Path.cwd()} or where Python looks; start in its folder."
            ) from error
        # User code may end the interpreter as well; that, too, is a module that does not import.
        raise UsageProblem(f"The module {name!r} does not import: {_where(error)}{_what(error)}.") from error


def _where(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(error.filename)}, line {error.lineno}: "
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    frame = next((frame for frame in reversed(frames) if not _is_library(Path(frame.filename))), None)
    return f"{_shown(frame.filename)}, line {frame.lineno}: " if frame else ""


def _what(error: BaseException) -> str:
    # The last line of what Python would print; a syntax error's text is spread over several.
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg}"
    return traceback.format_exception_only(error)[-1].strip()


def _shown(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename


def _put_working_folder_first() -> None:
    # As `python -m` does: a console script has its own folder there instead.
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _folders(names: Iterable[str]) -> tuple[Path, ...]:
    """Return the folders of the user's modules among those named; libraries do not change while one works."""
    files = {Path(file) for name in names if (file := getattr(sys.modules.get(name), "__file__", None))}
    return tuple(sorted({file.parent for file in files if not _is_library(file)}))


def _is_library(file: Path) -> bool:
    return any(file.resolve().is_relative_to(folder) for folder in _library_folders())


@cache
def _library_folders() -> tuple[Path, ...]:
    """Return the folders of Python, of what is installed, and of Holdfast itself, which may be a checkout."""
    installed = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    specs = [find_spec(name) for name in _OWN_PACKAGES]
    own = [folder for spec in specs if spec for folder in spec.submodule_search_locations or ()]
    return tuple(Path(folder).resolve() for folder in (*installed, *own))
