"""Opens a SavedModel by one of its signatures: the graph that TensorFlow Serving runs, and nothing else in the folder.

The objects in the folder are left alone: whatever Python classes made them, their computation is in the graph. Only the
nodes that the signature needs, and those that restore its variables, are taken, and judged before they run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from ..checkpoints.malformed import Malformed, Refused
from ..checkpoints.opening import damage_named, mapped_file
from ..errors import SourceError, UsageError
from ..source import Opening, Source
from .function import Argument, TensorFlowFunction
from .graph_vetting import Part, part_of, vet_computing, vet_restoring
from .keras_metadata import vet_metadata

_KIND = "TensorFlow SavedModel"
_SERVE = "serve"
_DEFAULT = "serving_default"
_OWN = "source_"
# By these TensorFlow's tools exchange a function for another: LiteRT's fused LSTM keeps its state between two calls.
_FUSED = ("api_implements", "api_preferred_device", "_implements")
_WHERE = ("Graph execution error", "Detected at node", "<stack traces", "File ")
_INTERNAL = "__saved_model_init_op"
_VARIABLES = ("VarHandleOp", "VariableV2", "Variable")


def open_saved_model(source: Source) -> TensorFlowFunction:
    """The function behind a signature, its variables as constants; raises SourceError, UnsafeInput, UsageError."""
    folder = Path(source.path or "")
    with damage_named(folder, _KIND):
        meta = _graph_for_serving(folder)
        vet_metadata(folder, meta, source.opening)
        signature = _signature(meta, folder, source.opening)
        part = part_of(
            meta.graph_def, [value.name for value in (*signature.inputs.values(), *signature.outputs.values())]
        )
        vet_computing(part, folder)
        frozen = _frozen(meta, signature, part, folder)
    names = {name for name, node in part.nodes.items() if node.op in _VARIABLES}
    weights = [tf.make_ndarray(node.attr["value"].tensor) for node in frozen.node if node.name in names]
    return _function(frozen, signature, weights)


def _graph_for_serving(folder: Path) -> Any:
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString(mapped_file(folder / "saved_model.pb")[:])
    except Exception as error:  # the class of protobuf's own is in no package that we ask for
        raise Malformed(f"its saved_model.pb cannot be read: {error}") from error
    for meta in sorted(saved.meta_graphs, key=lambda meta: len(meta.meta_info_def.tags)):
        if _SERVE in meta.meta_info_def.tags:
            return meta
    tags = ["+".join(meta.meta_info_def.tags) or "no tag" for meta in saved.meta_graphs]
    raise SourceError(
        f"{folder} has no graph for serving; it has {', '.join(tags) or 'no graph at all'}",
        fix="save it again with a signature: tf.saved_model.save(module, folder, signatures=module.function)",
    )


def _signature(meta: Any, folder: Path, opening: Opening) -> Any:
    """The one that was named, the usual one, or the only one."""
    found = {name: value for name, value in meta.signature_def.items() if name != _INTERNAL and value.outputs}
    shown = ", ".join(sorted(found)) or "none"
    if not found:
        raise SourceError(
            f"{folder} has no signature, so nothing says what it takes and gives",
            fix="save it again with one: tf.saved_model.save(module, folder, signatures=module.function)",
        )
    if opening.signature is not None and opening.signature not in found:
        raise UsageError(f"{folder} has no signature {opening.signature!r}", fix=f"choose from: {shown}")
    name = opening.signature or (next(iter(found)) if len(found) == 1 else _DEFAULT)
    if name not in found:
        raise UsageError(f"{folder} has several signatures: {shown}", fix="say which with --signature NAME")
    for tensor in (*found[name].inputs.items(), *found[name].outputs.items()):
        _check_tensor(folder, name, *tensor)
    return found[name]


def _check_tensor(folder: Path, signature: str, name: str, info: Any) -> None:
    if not info.name:
        raise SourceError(
            f"{name!r} of the signature {signature} of {folder} is sparse or ragged",
            fix="export a signature of dense tensors",
        )
    try:
        dtype = tf.dtypes.as_dtype(info.dtype)
    except TypeError as error:
        raise Malformed(f"{name!r} has a dtype that there is not ({info.dtype})") from error
    if not (dtype.is_floating or dtype.is_integer or dtype.is_bool):
        raise SourceError(
            f"{name!r} of the signature {signature} of {folder} is a tensor of {dtype.name}, which no artifact takes",
            fix="choose a signature of numbers with --signature, or export one",
        )


def _frozen(meta: Any, signature: Any, part: Part, folder: Path) -> Any:
    """The part with its variables as constants, and without the calls of functions."""
    outputs = sorted({value.name.partition(":")[0] for value in signature.outputs.values()})
    restoring = _restoring(meta) if _has_variables(part) else None
    if restoring is not None:
        _check_files(folder)
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        try:
            parts = [part] if restoring is None else [part, restoring]
            tf.graph_util.import_graph_def(_graph_of(meta, parts), name="")
            if restoring is not None:
                prefix = {meta.saver_def.filename_tensor_name: str(folder / "variables" / "variables")}
                session.run(graph.get_operation_by_name(meta.saver_def.restore_op_name), prefix)
            return _with_defaults(
                tf.compat.v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), outputs)
            )
        except (tf.errors.OpError, ValueError, KeyError, TypeError) as error:
            raise Malformed(f"its graph cannot be taken: {_first_line(error)}") from error


def _with_defaults(graph: Any) -> Any:
    """The graph with every attribute spelt out in its functions.

    SavedModels leave out what has its default value. TensorFlow adds that to nodes when it takes a graph and not to
    functions, and then finds that a function differs from itself when it reads back what it wrote.
    """
    for function in graph.library.function:
        for node in function.node_def:
            definition = op_def_registry.get(node.op)
            for attribute in definition.attr if definition is not None else ():
                if attribute.HasField("default_value") and attribute.name not in node.attr:
                    node.attr[attribute.name].CopyFrom(attribute.default_value)
    return graph


def _restoring(meta: Any) -> Part:
    saver = meta.saver_def
    if not saver.restore_op_name or not saver.filename_tensor_name:
        raise Malformed("it does not say how its variables are restored")
    restoring = part_of(meta.graph_def, [saver.restore_op_name, saver.filename_tensor_name])
    vet_restoring(restoring, saver.filename_tensor_name)
    return restoring


def _has_variables(part: Part) -> bool:
    return any(node.op in _VARIABLES for node in part.nodes.values())


def _check_files(folder: Path) -> None:
    """What TensorFlow will open by itself must be files, and lie in the folder."""
    inside = folder.resolve()
    for file in sorted((folder / "variables").glob("variables.*")):
        if not file.resolve().is_relative_to(inside):
            raise Refused(f"keeps its variables outside of the folder ({file.name} is a link)")
        mapped_file(file).close()


def _graph_of(meta: Any, parts: Sequence[Part]) -> Any:
    """A graph of these parts alone, on whatever device there is."""
    graph = graph_pb2.GraphDef()
    graph.versions.CopyFrom(meta.graph_def.versions)
    nodes = {name: node for part in parts for name, node in part.nodes.items()}
    functions = {name: function for part in parts for name, function in part.functions.items()}
    for name, node in nodes.items():
        _copy_node(node, graph.node.add(), functions)
        reader = f"{name}/Read/ReadVariableOp"  # where freezing looks for the value
        if node.op == "VarHandleOp" and reader not in nodes:
            added = graph.node.add(name=reader, op="ReadVariableOp", input=[name])
            added.attr["dtype"].CopyFrom(node.attr["dtype"])
    for name, function in functions.items():
        copied = graph.library.function.add()
        copied.CopyFrom(function)
        copied.signature.name = f"{_OWN}{name}"
        for mark in _FUSED:
            copied.attr.pop(mark, None)
        del copied.node_def[:]
        for node in function.node_def:
            _copy_node(node, copied.node_def.add(), functions)
    return graph


def _copy_node(node: Any, copied: Any, functions: Mapping[str, Any]) -> None:
    """Functions get names of their own: TensorFlow knows each name once in a process."""
    copied.CopyFrom(node)
    copied.ClearField("device")
    copied.attr.pop("_class", None)
    if node.op in functions:
        copied.op = f"{_OWN}{node.op}"
    for value in copied.attr.values():
        for called in (value.func, *value.list.func) if value.HasField("func") else value.list.func:
            if called.name in functions:
                called.name = f"{_OWN}{called.name}"


def _function(frozen: Any, signature: Any, weights: list[np.ndarray]) -> TensorFlowFunction:
    inputs = [_argument(name, signature.inputs[name]) for name in sorted(signature.inputs)]
    outputs = sorted(signature.outputs)

    def body(*tensors: Any) -> list[Any]:
        given = {signature.inputs[each.name].name: tensor for each, tensor in zip(inputs, tensors, strict=True)}
        wanted = [signature.outputs[name].name for name in outputs]
        return list(tf.graph_util.import_graph_def(frozen, input_map=given, return_elements=wanted))

    specs = [tf.TensorSpec(each.shape, each.dtype, name=f"input_{place}") for place, each in enumerate(inputs)]
    try:
        wrapped: Any = tf.compat.v1.wrap_function(body, specs)
    except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
        raise SourceError(
            f"TensorFlow {tf.__version__} cannot take the graph of this SavedModel: {_first_line(error)}",
            fix="export the model again with a current TensorFlow",
        ) from error

    def call(tensors: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(outputs, wrapped(*tensors), strict=True))

    return TensorFlowFunction(inputs=tuple(inputs), call=call, trackable=wrapped, weights=lambda: weights)


def _argument(name: str, info: Any) -> Argument:
    if info.tensor_shape.unknown_rank:
        raise SourceError(f"nothing says how many axes the input {name!r} has", fix="export it with an input signature")
    sizes: Mapping[int, Any] = dict(enumerate(info.tensor_shape.dim))
    shape = tuple(None if size.size < 0 else int(size.size) for size in sizes.values())
    return Argument(name, tf.dtypes.as_dtype(info.dtype).name, shape)


def _first_line(error: BaseException) -> str:
    """What went wrong; TensorFlow opens with where."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(_WHERE)]
    return (telling or lines or [type(error).__name__])[0][:300]
