"""SavedModels whose graphs write files, read them, or call Python: protocol buffers written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .case import Canaries, Case

_FLOAT, _STRING = 1, 7


def saved_model_canaries(folder: Path, canaries: Canaries) -> Iterator[Case]:
    """One for each operator that reaches outside of the graph, on the way to the output and beside it."""
    for operator in _OPERATORS:
        mark = canaries.mark(f"saved-model-{operator}")
        for place, nodes in (("feeding", _feeding(operator, mark)), ("beside", _beside(operator, mark))):
            where = folder / f"{operator}-{place}"
            (where / "variables").mkdir(parents=True)
            (where / "saved_model.pb").write_bytes(_saved_model(nodes))
            yield Case(kind="canary: SavedModel", name=where.name, path=where)
    where = folder / "link"
    (where / "variables").mkdir(parents=True)
    (where / "saved_model.pb").symlink_to("/etc/passwd")
    yield Case(kind="canary: SavedModel", name="link", path=where)


_OPERATORS = {
    "WriteFile": 2, "ReadFile": 1, "PyFunc": 1, "PyFuncStateless": 1, "EagerPyFunc": 1, "MatchingFiles": 1,
    "SaveV2": 3,
    "RestoreV2": 3, "MergeV2Checkpoints": 2, "PrintV2": 1, "DebugIdentityV2": 1, "LookupTableImport": 1,
    "XlaLaunch": 1,
    "InitializeTableFromTextFileV2": 2, "WholeFileReaderV2": 0, "Custom": 1, "TensorArrayV3": 1,
    "IteratorFromStringHandle": 1,
}  # fmt: skip


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


def _bytes(number: int, data: bytes | str) -> bytes:
    raw = data.encode() if isinstance(data, str) else data
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _node(name: str, operator: str, inputs: tuple[str, ...] = (), **attributes: bytes) -> bytes:
    body = _bytes(1, name) + _bytes(2, operator) + b"".join(_bytes(3, each) for each in inputs)
    return _bytes(1, body + b"".join(_bytes(5, _bytes(1, key) + _bytes(2, value)) for key, value in attributes.items()))


def _text(name: str, value: str) -> bytes:
    tensor = _number(1, _STRING) + _bytes(2, b"") + _bytes(8, value)
    return _node(name, "Const", dtype=_number(6, _STRING), value=_bytes(8, tensor))


def _placeholder() -> bytes:
    return _node("x", "Placeholder", dtype=_number(6, _FLOAT), shape=_bytes(7, _bytes(2, _number(1, 2))))


def _hostile(operator: str, mark: str) -> bytes:
    inputs = ("name", "content", "more")[: _OPERATORS[operator]]
    token = _bytes(2, "pyfunc_0")
    return b"".join(
        (_text("name", mark), _text("content", "x"), _text("more", ""), _node("hostile", operator, inputs, token=token))
    )


def _feeding(operator: str, mark: str) -> bytes:
    return _placeholder() + _hostile(operator, mark) + _node("y", "Identity", ("x", "^hostile"), T=_number(6, _FLOAT))


def _beside(operator: str, mark: str) -> bytes:
    return _placeholder() + _node("y", "Identity", ("x",), T=_number(6, _FLOAT)) + _hostile(operator, mark)


def _saved_model(nodes: bytes) -> bytes:
    def tensor(name: str) -> bytes:
        return _bytes(1, f"{name}:0") + _number(2, _FLOAT) + _bytes(3, _bytes(2, _number(1, 2)))

    def entry(number: int, key: str, value: bytes) -> bytes:
        return _bytes(number, _bytes(1, key) + _bytes(2, value))

    signature = entry(1, "x", tensor("x")) + entry(2, "y", tensor("y")) + _bytes(3, "tensorflow/serving/predict")
    # What a loader of the first kind runs by itself, as soon as it has the graph.
    started = entry(4, "saved_model_main_op", _bytes(1, _bytes(1, "hostile")))
    graph = _bytes(2, nodes + _bytes(4, _number(1, 1)))
    meta = _bytes(1, _bytes(4, "serve")) + graph + started + entry(5, "serving_default", signature)
    return _number(1, 1) + _bytes(2, meta)
