"""Runs one artifact in its runtime, whoever made it: all calls for their outputs, or one call for its time."""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .calls import Call, read_calls, write_outputs
from .names import matching

Run = Callable[[], Any]
_INSPECTIONS = {"onnx": "onnx_execution", "litert": "litert_execution", "executorch": "executorch"}
_HEAVY = ("conv", "linear", "matmul", "::mm", "addmm", "lstm", "gru")
_WARM_UP, _FEWEST, _MOST = 3, 10, 200


def outputs(*, kind: str, file: str, source: dict[str, Any], calls: str, path: str) -> None:
    """Write the outputs of every call. `source` has the shape of each input and the names of the outputs."""
    runtime = _open(kind, file, source["shapes"])
    answers = [runtime.outputs(call, source["outputs"]) for call in read_calls(Path(calls), source["shapes"])]
    write_outputs(Path(path), answers)


def latency(*, kind: str, file: str, shapes: dict[str, list[int]], calls: str, seconds: float) -> dict[str, float]:
    """Median milliseconds of one call on one thread."""
    runtime = _open(kind, file, shapes)
    run = runtime.ready(read_calls(Path(calls), shapes)[0])
    for _ in range(_WARM_UP):
        run()
    spent: list[float] = []
    while len(spent) < _FEWEST or (sum(spent) < seconds and len(spent) < _MOST):
        started = time.perf_counter()
        run()
        spent.append(time.perf_counter() - started)
    return {"milliseconds": statistics.median(spent) * 1000}


def integers(*, kind: str, file: str) -> dict[str, float]:
    """The share of the work of heavy operators that an artifact does in integers, whoever made it."""
    if kind == "torchscript":
        return {"integers": _integer_operators(file)}
    inspection = importlib.import_module(f"edgeproof.converters.inspection.{_INSPECTIONS[kind]}")
    execution = getattr(inspection, f"read_{kind}_execution")(memoryview(Path(file).read_bytes()))
    return {"integers": execution.integer_macs / max(execution.macs, 1)}


def _integer_operators(file: str) -> float:
    """By count, since a TorchScript file has no shapes."""
    torch = importlib.import_module("torch")
    prefer_exact_engine()
    kinds = list(_kinds(torch.jit.load(file).inlined_graph))
    heavy = [kind for kind in kinds if any(part in kind for part in _HEAVY)]
    return sum("quantized" in kind for kind in heavy) / max(len(heavy), 1)


def _kinds(block: Any) -> Iterator[str]:
    for node in block.nodes():
        if "prepack" not in node.kind():
            yield node.kind()
        for inner in node.blocks():
            yield from _kinds(inner)


def _open(kind: str, file: str, shapes: dict[str, list[int]]) -> Any:
    """One of the classes below; their frameworks are imported for the one that is needed."""
    return {"onnx": _Onnx, "litert": _Litert, "executorch": _Executorch, "torchscript": _Torchscript}[kind](
        file, list(shapes)
    )


class _Onnx:
    def __init__(self, file: str, inputs: list[str]) -> None:
        library = importlib.import_module("onnxruntime")
        options = library.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = library.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        self._inputs = matching(inputs, [each.name for each in self._session.get_inputs()])
        self._outputs = [each.name for each in self._session.get_outputs()]

    def ready(self, call: Call) -> Run:
        feed = {self._inputs[name]: array for name, array in call.items()}
        return lambda: self._session.run(self._outputs, feed)

    def outputs(self, call: Call, names: list[str]) -> Call:
        found = dict(zip(self._outputs, self.ready(call)(), strict=True))
        return {name: found[theirs] for name, theirs in matching(names, self._outputs).items()}


class _Litert:
    """A file whose inputs are integers is fed numbers on their grid, and its integer outputs are scaled back."""

    def __init__(self, file: str, inputs: list[str]) -> None:
        library = importlib.import_module("ai_edge_litert.interpreter")
        self._interpreter = library.Interpreter(model_path=file, num_threads=1)
        self._runner = self._interpreter.get_signature_runner(next(iter(self._interpreter.get_signature_list())))
        self._inputs = matching(inputs, list(self._runner.get_input_details()))

    def ready(self, call: Call) -> Run:
        details = self._runner.get_input_details()
        named = ((self._inputs[name], array) for name, array in call.items())
        feed = {name: _on_grid(array, details[name]) for name, array in named}
        return lambda: self._runner(**feed)

    def outputs(self, call: Call, names: list[str]) -> Call:
        found, details = self.ready(call)(), self._runner.get_output_details()
        return {
            name: _off_grid(found[theirs], details[theirs]) for name, theirs in matching(names, list(found)).items()
        }


def _on_grid(array: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    wanted, (scale, zero) = np.dtype(details["dtype"]), details["quantization"]
    if array.dtype.kind != "f" or wanted.kind != "i" or not scale:
        return array
    limits = np.iinfo(wanted)
    return np.asarray(np.clip(np.round(array / scale) + zero, limits.min, limits.max), wanted)


def _off_grid(array: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    scale, zero = details["quantization"]
    return np.asarray((array.astype(np.float64) - zero) * scale, np.float32) if scale else np.array(array)


class _Executorch:
    def __init__(self, file: str, _inputs: list[str]) -> None:
        self._torch = importlib.import_module("torch")
        self._torch.set_num_threads(1)
        portable = importlib.import_module("executorch.extension.pybindings.portable_lib")
        portable._unsafe_reset_threadpool(1)
        library = importlib.import_module("executorch.runtime")
        self._program = library.Runtime.get().load_program(file)
        self._method = self._program.load_method("forward")

    def ready(self, call: Call) -> Run:
        feed = [self._torch.from_numpy(array.copy()) for array in call.values()]
        return lambda: self._method.execute(feed)

    def outputs(self, call: Call, names: list[str]) -> Call:
        return {name: value.numpy().copy() for name, value in zip(names, self.ready(call)(), strict=True)}


def prefer_exact_engine() -> None:
    """What edgeproof's artifacts say that they want, and its runner does."""
    importlib.import_module("edgeproof.converters.from_torch.torchscript_engine").prefer_exact_engine()


class _Torchscript:
    def __init__(self, file: str, _inputs: list[str]) -> None:
        self._torch = importlib.import_module("torch")
        self._torch.set_num_threads(1)
        prefer_exact_engine()  # for everybody's artifacts: it is also the fastest
        self._module = self._torch.jit.load(file)

    def ready(self, call: Call) -> Run:
        feed = [self._torch.from_numpy(array.copy()) for array in call.values()]

        def run() -> Any:
            with self._torch.no_grad():
                return self._module(*feed)

        return run

    def outputs(self, call: Call, names: list[str]) -> Call:
        found = self.ready(call)()
        values = (
            [found]
            if isinstance(found, self._torch.Tensor)
            else list(found.values() if isinstance(found, dict) else found)
        )
        return {name: value.numpy().copy() for name, value in zip(names, values, strict=True)}
