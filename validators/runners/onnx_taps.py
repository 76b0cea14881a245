"""Runs an ONNX artifact with every intermediate value as an output of the graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from ...converters.diagnosis_job import ExtractJob, Tap, TapJob, Taps
from ...converters.layouts import to_artifact
from ...converters.tensors import read_calls, write_calls

_ONLY_FATAL = 4


def tap(job: TapJob) -> Taps:
    """Run on the first call; graph optimisations are off, since fused operators have no values in between."""
    model = onnx.load(job.artifact.file)
    outputs = [output.name for output in model.graph.output]
    taps = tuple(_taps(model.graph))
    names = list(dict.fromkeys([*(each.name for each in taps), *outputs]))
    values = _values(model, names, job)
    write_calls(Path(job.values), [{f"{place}": values[name] for place, name in enumerate(names) if name in values}])
    places = {name: str(place) for place, name in enumerate(names)}
    return Taps(
        taps=tuple(_numbered(each, places) for each in taps),
        outputs={name: places[name] for name in outputs},
        without="graph optimisations",
    )


def extract(job: ExtractJob) -> int:
    """Write a model of the one node; returns the size of its file."""
    model = onnx.load(job.artifact.file)
    name = [each.name for each in _taps(model.graph)][int(job.tap)]
    node = next(node for node in model.graph.node if name in node.output)
    constants = _constants(model.graph)
    given = [each for each in dict.fromkeys(node.input) if each and each not in constants]
    values = {**_values(model, given, job), **to_artifact(next(read_calls(Path(job.calls))), job.artifact.layouts)}
    inputs = [
        onnx.helper.make_tensor_value_info(
            each, onnx.helper.np_dtype_to_tensor_dtype(values[each].dtype), values[each].shape
        )
        for each in given
    ]
    kept = [constants[each] for each in node.input if each in constants]
    graph = onnx.helper.make_graph([node], "operator", inputs, [onnx.ValueInfoProto(name=name)], initializer=kept)
    small = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    Path(job.file).write_bytes(small.SerializeToString())
    write_calls(Path(job.inputs), [{each: values[each] for each in given}])
    return len(small.SerializeToString())


def _constants(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """Initializers and Constant nodes."""
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensor = onnx.TensorProto()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
            found[tensor.name] = tensor
    return found


def _values(model: onnx.ModelProto, names: list[str], job: TapJob | ExtractJob) -> dict[str, np.ndarray]:
    """The arrays of these names when the first call runs; sequences and the like are left out."""
    tapped = onnx.ModelProto()
    tapped.CopyFrom(model)
    del tapped.graph.output[:]
    own = {value.name for value in model.graph.input}
    asked = [name for name in names if name not in own]
    if not asked:
        return {}
    tapped.graph.output.extend(onnx.ValueInfoProto(name=name) for name in asked)
    call = to_artifact(next(read_calls(Path(job.calls))), job.artifact.layouts)
    found = zip(asked, _session(tapped).run(asked, call), strict=True)
    return {name: value for name, value in found if isinstance(value, np.ndarray)}


def _taps(graph: onnx.GraphProto) -> list[Tap]:
    constant = {tensor.name for tensor in graph.initializer}
    found: list[Tap] = []
    for node in graph.node:
        inputs = tuple(name for name in node.input if name and name not in constant)
        if not inputs and not _has_body(node):  # constants, and what is computed of them alone
            constant.update(node.output)
        else:
            operator = f"{node.op_type} {node.name}"
            found += [Tap(name=name, operator=operator, inputs=inputs) for name in node.output if name]
    return found


def _has_body(node: onnx.NodeProto) -> bool:
    """Whether the node is a loop or a branch, whose body sees values that it does not name."""
    return any(attribute.HasField("g") for attribute in node.attribute)


def _numbered(each: Tap, places: dict[str, str]) -> Tap:
    """Names of values may hold anything; in the file of values they are numbers."""
    inputs = tuple(places[name] for name in each.inputs if name in places)
    return Tap(name=places[each.name], operator=each.operator, inputs=inputs)


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ONLY_FATAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
