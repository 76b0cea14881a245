"""Runs a LiteRT artifact without its delegate, keeping every tensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from ...converters.diagnosis_job import ExtractJob, Tap, TapJob, Taps
from ...converters.errors import NotRunnable
from ...converters.from_torch.litert_file import read_model, write_model
from ...converters.layouts import to_artifact
from ...converters.tensors import Call, read_calls, write_calls


def tap(job: TapJob) -> Taps:
    """Run on the first call; XNNPACK is off, since a delegate keeps what is inside it to itself."""
    interpreter, runner = _ran(job)
    details = {int(each["index"]): each for each in interpreter.get_tensor_details()}
    operators = interpreter._get_ops_details()  # private, but the same since TensorFlow Lite 2.5
    made = _depending(operators, {int(each["index"]) for each in interpreter.get_input_details()})
    values = {str(index): _real(interpreter.get_tensor(index), details[index]) for index in sorted(made)}
    write_calls(Path(job.values), [values])
    return Taps(
        taps=tuple(
            _tap(operator, int(index), made)
            for operator in operators
            for index in operator["outputs"]
            if int(index) in made
        ),
        outputs={key: str(each["index"]) for key, each in runner.get_output_details().items()},
        without="XNNPACK",
    )


def extract(job: ExtractJob) -> int:
    """Write a model of the one operator; returns the size of its file. NotRunnable for one that holds a subgraph."""
    interpreter, _ = _ran(job)
    model = read_model(Path(job.artifact.file).read_bytes())
    graph, tensor = model.subgraphs[0], int(job.tap)
    operator = next(each for each in graph.operators if tensor in list(each.outputs))
    if len(model.subgraphs) > 1:
        raise NotRunnable("an operator of a model with loops is not taken out alone", fix="use the values shown")
    given = [int(each) for each in operator.inputs if each >= 0 and not _is_constant(model, graph.tensors[each])]
    graph.operators, graph.inputs, graph.outputs = [operator], given, [int(each) for each in operator.outputs]
    model.signatureDefs, model.metadata = [], []
    _keep(graph, [int(each) for each in (*operator.inputs, *operator.outputs) if each >= 0])
    payload = write_model(model)
    Path(job.file).write_bytes(payload)
    write_calls(Path(job.inputs), [{str(index): np.array(interpreter.get_tensor(index)) for index in given}])
    return len(payload)


def _depending(operators: list[dict[str, Any]], inputs: set[int]) -> set[int]:
    """The tensors that operators make and that depend on the inputs."""
    found = set(inputs)
    for operator in operators:
        if any(int(index) in found for index in operator["inputs"]):
            found.update(int(index) for index in operator["outputs"])
    return found - inputs


def _keep(graph: Any, indices: list[int]) -> None:
    """Leave these tensors alone and number them anew."""
    kept = sorted(set(indices))
    places = {index: place for place, index in enumerate(kept)}
    graph.tensors = [graph.tensors[index] for index in kept]
    (operator,) = graph.operators
    operator.inputs = [places.get(int(index), -1) for index in operator.inputs]
    operator.outputs = [places[int(index)] for index in operator.outputs]
    graph.inputs = [places[index] for index in graph.inputs]
    graph.outputs = [places[index] for index in graph.outputs]


def _is_constant(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _ran(job: TapJob | ExtractJob) -> tuple[Any, Any]:
    """The interpreter and its signature's runner after the first call."""
    interpreter: Any = Interpreter(
        model_path=job.artifact.file,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    (name,) = interpreter.get_signature_list()
    runner = interpreter.get_signature_runner(name)
    runner(**_feeds(runner, to_artifact(next(read_calls(Path(job.calls))), job.artifact.layouts)))
    return interpreter, runner


def _feeds(runner: Any, call: Call) -> dict[str, Any]:
    details = runner.get_input_details()
    return {name: _integers(array, details[name]) for name, array in call.items()}


def _integers(array: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    wanted, (step, zero_point) = np.dtype(details["dtype"]), details["quantization"]
    if array.dtype == wanted or not step:
        return array
    bounds = np.iinfo(wanted)
    return np.clip(np.round(array / step) + zero_point, bounds.min, bounds.max).astype(wanted)


def _real(array: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    """What integers with a scale stand for."""
    step, zero_point = details["quantization"]
    if array.dtype.kind != "i" or not step:
        return np.array(array)
    return (array.astype(np.float32) - zero_point) * np.float32(step)


def _tap(operator: dict[str, Any], index: int, made: set[int]) -> Tap:
    inputs = tuple(str(each) for each in operator["inputs"] if int(each) in made)
    return Tap(name=str(index), operator=f"{operator['op_name']} {operator['index']}", inputs=inputs)
