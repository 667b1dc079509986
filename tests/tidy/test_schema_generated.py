"""The generated protobuf module is what schema.proto says, and runs on the oldest protobuf we allow."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from grpc_tools import protoc

from tests.support.tree import ROOT

PACKAGE = ROOT / "sdk" / "holdfast_protocol"

# To regenerate after a change of the schema, with the oldest generator whose output we can use, so that users may
# keep an old protobuf:  pip install 'grpcio-tools==1.75.1', then in the repository's root
#   python -m grpc_tools.protoc -I sdk --python_out=sdk --pyi_out=sdk holdfast_protocol/schema.proto


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate both files afresh, with the generator that is installed."""
    out = tmp_path_factory.mktemp("generated")
    arguments = [
        "protoc",
        f"-I{ROOT / 'sdk'}",
        f"--python_out={out}",
        f"--pyi_out={out}",
        "holdfast_protocol/schema.proto",
    ]
    assert protoc.main(arguments) == 0
    return out / "holdfast_protocol"


def test_the_module_is_generated_from_the_schema(regenerated: Path) -> None:
    """Generating again gives the same descriptor and the same code, but for the generator's version."""
    name = "schema_pb2.py"
    assert _without_version(PACKAGE / name) == _without_version(regenerated / name)


def test_the_stubs_are_generated_from_the_schema(regenerated: Path) -> None:
    """Generating again declares the same classes with the same fields; signatures differ between generators."""
    name = "schema_pb2.pyi"
    assert _declarations(PACKAGE / name) == _declarations(regenerated / name)


def test_the_generated_code_runs_on_the_oldest_protobuf_we_allow() -> None:
    """The version that the generated code demands is the lower bound in pyproject.toml."""
    demanded = re.search(r"Protobuf Python Version: (\S+)", (PACKAGE / "schema_pb2.py").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    allowed = re.search(r"protobuf>=([\d.]+)", " ".join(project["dependencies"]))
    assert demanded is not None
    assert allowed is not None
    assert allowed.group(1) == demanded.group(1)


def _without_version(path: Path) -> str:
    """Return a generated module with its version header and the check of it taken out."""
    text = re.sub(r"# Protobuf Python Version: .*\n", "", path.read_text())
    return re.sub(r"ValidateProtobufRuntimeVersion\(.*?\n\)", "", text, flags=re.DOTALL)


def _declarations(path: Path) -> list[str]:
    """Return classes, attributes and parameter names of a stub, in order; how an optional type is spelled may vary."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.ClassDef():
                found.append(f"class {node.name}({', '.join(ast.unparse(base) for base in node.bases)})")
            case ast.AnnAssign():
                found.append(ast.unparse(node))
            case ast.FunctionDef():
                found.append(f"{node.name}({', '.join(argument.arg for argument in node.args.args)})")
    return found
