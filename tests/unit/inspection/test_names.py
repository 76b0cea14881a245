"""The tables of names in the readers, against the schemas that the installed packages bring."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgeproof.converters.inspection import executorch, litert_names, xnnpack


def _file_of(package: str, *parts: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    return Path(next(iter(spec.submodule_search_locations))).joinpath(*parts)


def _constants_of_class(file: Path, name: str) -> dict[int, str]:
    text = file.read_text(encoding="utf-8")
    start = text.index(f"class {name}(object):")
    body = ast.parse(text[start : text.index("\nclass ", start + 1)]).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        node.value.value: node.targets[0].id
        for node in body.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, int)
        and isinstance(node.targets[0], ast.Name)
    }


def test_operator_names_of_litert_are_those_of_its_schema() -> None:
    schema = _constants_of_class(_file_of("ai_edge_litert", "schema_py_generated.py"), "BuiltinOperator")
    assert dict(enumerate(litert_names.OPERATORS)) == schema


def test_tensor_types_of_litert_are_those_of_its_schema() -> None:
    schema = _constants_of_class(_file_of("ai_edge_litert", "schema_py_generated.py"), "TensorType")
    assert [name.upper() for name in litert_names.TENSOR_TYPES] == [schema[number] for number in sorted(schema)]


def test_node_names_of_xnnpack_are_those_of_its_schema() -> None:
    schema = _file_of("executorch", "backends", "xnnpack", "serialization", "runtime_schema.fbs").read_text()
    union = re.search(r"union XNodeUnion \{(.*?)\}", schema, re.DOTALL)
    assert union is not None
    assert [f"XNN{name}" for name in xnnpack.NODES] == re.findall(r"^\s*(\w+)", union[1], re.MULTILINE)


def test_tensor_types_of_executorch_are_those_of_its_schema() -> None:
    schema = _file_of("executorch", "exir", "_serialize", "scalar_type.fbs").read_text()
    numbers = {int(number) for _, number in re.findall(r"^  (\w+) = (\d+),", schema, re.MULTILINE)}
    assert numbers == set(executorch._DTYPES)


def test_fields_of_a_program_stand_where_its_schema_has_them() -> None:
    schema = _file_of("executorch", "exir", "_serialize", "program.fbs").read_text()
    assert _fields(schema, "Program").index("segments") == executorch.Program.SEGMENTS
    assert _fields(schema, "Program").index("named_data") == executorch.Program.NAMED_DATA
    assert _fields(schema, "ExecutionPlan").index("delegates") == executorch._Plan.DELEGATES
    assert _fields(schema, "Tensor").index("shape_dynamism") == executorch._Tensor.DYNAMISM
    assert _fields(schema, "Tensor").index("extra_tensor_info") == executorch._Tensor.EXTRA


def _fields(schema: str, table: str) -> list[str]:
    body = re.search(rf"^table {table} \{{(.*?)^\}}", schema, re.DOTALL | re.MULTILINE)
    assert body is not None
    return re.findall(r"^  (\w+)\s*:", body[1], re.MULTILINE)
