from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import tf_keras
from published_files import needs, published
from tensorflow.core.protobuf import saved_model_pb2

from edgeproof.converters.errors import SourceError, UnsafeInput, UsageError
from edgeproof.converters.from_tensorflow.function import examples_for
from edgeproof.converters.from_tensorflow.saved_model import open_saved_model
from edgeproof.converters.resolve import resolve
from edgeproof.converters.source import Opening, Trust

PITCH = published("basic-pitch", "basic_pitch/saved_models/icassp_2022")
X = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)


class Affine(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = tf.Variable(tf.ones((4, 3)) * 0.5, name="scale")
        self.shift = tf.Variable(tf.range(3.0), name="shift")

    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="x")])
    def __call__(self, x: Any) -> dict[str, Any]:
        return {"y": x @ self.scale + self.shift, "sum": tf.reduce_sum(x, 1)}

    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="x")])
    def twice(self, x: Any) -> Any:
        return 2 * x

    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="x")])
    def looped(self, x: Any) -> Any:
        _, found = tf.while_loop(
            lambda i, _: i < 3, lambda i, y: (i + 1, y @ self.scale @ tf.transpose(self.scale)), (0, x)
        )
        return found


def opened(folder: Path, **opening: Any) -> Any:
    return open_saved_model(resolve(str(folder), opening=Opening(**opening)))


def run(folder: Path, **opening: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in opened(folder, **opening).call([tf.constant(X)]).items()}


def saved(folder: Path, function: Callable[..., Any] | None = None, **signatures: Any) -> Path:
    module = Affine()
    chosen = signatures or {"serving_default": function or module.__call__}
    tf.saved_model.save(module, str(folder), signatures=chosen)
    return folder


def changed(folder: Path, change: Callable[[Any], None]) -> Path:
    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    change(model)
    (folder / "saved_model.pb").write_bytes(model.SerializeToString())
    return folder


def test_a_plain_module(tmp_path: Path) -> None:
    found = run(saved(tmp_path / "m"))
    np.testing.assert_allclose(found["y"], X @ np.full((4, 3), 0.5) + np.arange(3), rtol=1e-6)
    np.testing.assert_allclose(found["sum"], X.sum(1), rtol=1e-6)


def test_its_interface_and_weights(tmp_path: Path) -> None:
    function = opened(saved(tmp_path / "m"))
    assert [(each.name, each.dtype, each.shape) for each in function.inputs] == [("x", "float32", (None, 4))]
    assert sorted(array.size for array in function.weights()) == [3, 12]
    assert examples_for(function, None)["x"].shape == (1, 4)


def test_a_loop_over_variables(tmp_path: Path) -> None:
    module = Affine()
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.looped)
    (found,) = run(tmp_path / "m").values()
    np.testing.assert_allclose(found, module.looped(tf.constant(X)), rtol=1e-6)


def test_keras_3_export(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu"), keras.layers.Dense(2)])
    model.export(tmp_path / "m", verbose=False)
    (found,) = run(tmp_path / "m").values()
    np.testing.assert_allclose(found, model(X), rtol=1e-5)


def test_keras_2_with_classes_of_its_own(tmp_path: Path) -> None:
    class Scaled(tf_keras.layers.Layer):  # type: ignore[misc] # tf_keras has no types
        def call(self, inputs: Any) -> Any:
            return 3 * inputs

    layers = [tf_keras.layers.Input((4,)), tf_keras.layers.Dense(3), Scaled(), tf_keras.layers.BatchNormalization()]
    model = tf_keras.Sequential(layers)
    model.save(str(tmp_path / "m"), save_format="tf")
    (found,) = run(tmp_path / "m").values()
    np.testing.assert_allclose(found, model(X), rtol=1e-5)


def test_a_graph_of_tensorflow_1(tmp_path: Path) -> None:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, (None, 4), name="x")
        w = tf.compat.v1.get_variable("w", initializer=tf.ones((4, 2)), use_resource=False)
        y = x @ w
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "m"), {"x": x}, {"y": y})
    np.testing.assert_allclose(run(tmp_path / "m")["y"], X @ np.ones((4, 2)), rtol=1e-6)


def test_a_function_without_variables(tmp_path: Path) -> None:
    np.testing.assert_allclose(run(saved(tmp_path / "m", Affine().twice))["output_0"], 2 * X)


def test_several_signatures_are_listed_and_chosen(tmp_path: Path) -> None:
    module = Affine()
    tf.saved_model.save(module, str(tmp_path / "m"), signatures={"a": module.__call__, "b": module.twice})
    with pytest.raises(UsageError, match="a, b") as caught:
        opened(tmp_path / "m")
    assert "--signature" in caught.value.fix
    np.testing.assert_allclose(run(tmp_path / "m", signature="b")["output_0"], 2 * X)
    with pytest.raises(UsageError) as caught:
        opened(tmp_path / "m", signature="c")
    assert "a, b" in caught.value.fix


def test_no_signature(tmp_path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path / "m"))
    with pytest.raises(SourceError, match="no signature"):
        opened(tmp_path / "m")


def _writing(canary: Path) -> Any:
    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="x")])
    def function(x: Any) -> Any:
        tf.io.write_file(str(canary), "fired")
        return x

    return function


def _reading(canary: Path) -> Any:
    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="x")])
    def function(x: Any) -> Any:
        return x + tf.cast(tf.strings.length(tf.io.read_file(str(canary))), tf.float32)

    return function


def _mapping(canary: Path) -> Any:
    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="x")])
    def function(x: Any) -> Any:
        return x + tf.raw_ops.ImmutableConst(dtype=tf.float32, shape=[4], memory_region_name=str(canary))

    return function


def _printing(canary: Path) -> Any:
    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="x")])
    def function(x: Any) -> Any:
        tf.print("fired", output_stream=f"file://{canary}")
        return x

    return function


def _calling_python(canary: Path) -> Any:
    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="x")])
    def function(x: Any) -> Any:
        return tf.numpy_function(lambda value: (canary.write_text("fired"), value)[1], [x], tf.float32)

    return function


def _reading_records(canary: Path) -> Any:
    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="x")])
    def function(x: Any) -> Any:
        counted = tf.data.TFRecordDataset(str(canary)).reduce(np.int64(0), lambda n, _: n + 1)
        return x + tf.cast(counted, tf.float32)

    return function


@pytest.mark.parametrize(
    ("make", "operator"),
    [
        (_writing, "WriteFile"),
        (_reading, "ReadFile"),
        (_mapping, "ImmutableConst"),
        (_printing, "PrintV2"),
        (_calling_python, "PyFunc"),
        (_reading_records, "TFRecordDataset"),
    ],
)
def test_operators_that_reach_outside_never_run(tmp_path: Path, make: Callable[[Path], Any], operator: str) -> None:
    canary = tmp_path / "canary"
    module = tf.Module()
    module.f = make(canary)
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.f)
    canary.unlink(missing_ok=True)
    with pytest.raises(UnsafeInput, match=operator):
        opened(tmp_path / "m")
    assert not canary.exists()


def test_what_the_signature_does_not_need_never_runs(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    module = Affine()
    module.f = _writing(canary)
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.__call__)
    canary.unlink(missing_ok=True)
    assert run(tmp_path / "m")["y"].shape == (2, 3)
    assert not canary.exists()


def test_a_restoring_that_writes_is_refused(tmp_path: Path) -> None:
    canary = tmp_path / "canary"

    def change(model: Any) -> None:
        (graph,) = (meta.graph_def for meta in model.meta_graphs)
        for value, name in ((str(canary), "where"), ("fired", "what")):
            node = graph.node.add(name=name, op="Const")
            node.attr["dtype"].type = tf.string.as_datatype_enum
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        graph.node.add(name="write", op="WriteFile", input=["where", "what"])
        restoring = model.meta_graphs[0].saver_def.restore_op_name
        next(node for node in graph.node if node.name == restoring).input.append("^write")

    with pytest.raises(UnsafeInput, match="WriteFile"):
        opened(changed(saved(tmp_path / "m"), change))
    assert not canary.exists()


def test_a_restoring_from_another_checkpoint_is_refused(tmp_path: Path) -> None:
    def change(model: Any) -> None:
        (graph,) = (meta.graph_def for meta in model.meta_graphs)
        node = graph.node.add(name="elsewhere", op="Const")
        node.attr["dtype"].type = tf.string.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto("/somewhere/else"))
        restoring = model.meta_graphs[0].saver_def.restore_op_name
        next(node for node in graph.node if node.name == restoring).input[0] = "elsewhere"

    with pytest.raises(UnsafeInput, match="another checkpoint"):
        opened(changed(saved(tmp_path / "m"), change))


def test_a_restoring_in_a_function_within_a_function_is_refused(tmp_path: Path) -> None:
    def change(model: Any) -> None:
        (meta,) = model.meta_graphs
        library = meta.graph_def.library
        call = next(node for node in meta.graph_def.node if node.name == meta.saver_def.restore_op_name)
        inner = next(each for each in library.function if each.signature.name == call.attr["f"].func.name)
        outer = library.function.add(arg_attr=inner.arg_attr)
        outer.signature.CopyFrom(inner.signature)
        outer.signature.name = call.attr["f"].func.name = "outer"
        given = [argument.name for argument in inner.signature.input_arg]
        outer.node_def.add(name="call", op=inner.signature.name, input=given)  # named as an operator, not by a call
        outer.ret.update({result.name: f"call:{result.name}:0" for result in inner.signature.output_arg})

    with pytest.raises(UnsafeInput, match="functions within functions"):
        opened(changed(saved(tmp_path / "m"), change))


def test_an_unknown_operator(tmp_path: Path) -> None:
    def change(model: Any) -> None:
        for function in model.meta_graphs[0].graph_def.library.function:
            for node in function.node_def:
                if node.op == "MatMul":
                    node.op = "MyMatMul"

    with pytest.raises(SourceError, match="MyMatMul"):
        opened(changed(saved(tmp_path / "m"), change))


def test_a_counter_is_refused(tmp_path: Path) -> None:
    module = tf.Module()
    module.count = tf.Variable(0.0)

    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="x")])
    def counting(x: Any) -> Any:
        return x + module.count.assign_add(1.0)

    module.f = counting
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=counting)
    with pytest.raises(SourceError, match="changes variables"):
        opened(tmp_path / "m")


def test_text_inputs_are_refused(tmp_path: Path) -> None:
    module = tf.Module()
    module.f = tf.function(tf.strings.length, input_signature=[tf.TensorSpec((None,), tf.string)])
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.f)
    with pytest.raises(SourceError, match="string"):
        opened(tmp_path / "m")


def test_a_lambda_layer_of_keras_2_is_refused_by_name(tmp_path: Path) -> None:
    layers = [tf_keras.layers.Input((4,)), tf_keras.layers.Lambda(lambda x: x * 2, name="doubling")]
    model = tf_keras.Sequential(layers)
    model.save(str(tmp_path / "m"), save_format="tf")
    with pytest.raises(UnsafeInput, match="doubling"):
        opened(tmp_path / "m")
    (found,) = run(tmp_path / "m", trust=(Trust.CODE,)).values()
    np.testing.assert_allclose(found, 2 * X)


def test_variables_behind_a_link_are_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "m")
    shutil.move(folder / "variables" / "variables.index", tmp_path / "elsewhere")
    (folder / "variables" / "variables.index").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeInput, match="link"):
        opened(folder)


@pytest.mark.parametrize(
    "name", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]
)
def test_every_truncation_is_one_clear_error(tmp_path: Path, name: str) -> None:
    folder = saved(tmp_path / "m")
    whole = (folder / name).read_bytes()
    for tenth in range(10):
        (folder / name).write_bytes(whole[: len(whole) * tenth // 10])
        with pytest.raises(SourceError) as caught:
            opened(folder)
        assert caught.value.fix


@needs(PITCH)
def test_a_published_model_whose_classes_are_gone_agrees_with_its_own_onnx_file() -> None:
    function = opened(PITCH / "nmp")
    # Noise, because the model takes the logarithm of what is left in silent bands: rounding alone for a clean tone.
    sound = np.random.default_rng(0).normal(size=(1, 43844, 1)).astype(np.float32)
    session = onnxruntime.InferenceSession(PITCH / "nmp.onnx", providers=["CPUExecutionProvider"])
    theirs = session.run(None, {session.get_inputs()[0].name: sound})
    ours = function.call([tf.constant(sound)])
    assert list(ours) == ["contour", "note", "onset"]
    for found in ours.values():
        assert min(np.abs(found - each).max() for each in theirs if each.shape == found.shape) < 1e-4
