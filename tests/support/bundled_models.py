"""Small artifacts of all formats with what they take and give, for bundles written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from artifacts import golden
from bundles import Array, Item
from onnx import TensorProto, helper, numpy_helper

from edgeproof.converters.preprocessing.image import preprocess_image
from edgeproof.converters.preprocessing.kinds import Colours, ImageSpec, Resize
from edgeproof.validators.bundle.manifest import BundledTensor, Platform

LABELS = ("cat", "dog", "cow")
YES_OR_NO = ("dark", "bright")
PICTURE = ImageSpec(
    input="image",
    colours=Colours.BGR,
    resize=Resize(shortest=8),
    crop=(6, 6),
    mean=(0.1, 0.2, 0.3),
    std=(0.5, 0.6, 0.7),
)
ENGINE_NOTE = 'integer kernels: set torch.backends.quantized.engine = "onednn" before torch.jit.load'
_SEED, _STRENGTHS = 7, (1, 9, 9)  # which give two of the labels
_LITERT_NAMES = {"image": "args_0", "offset": "args_1", "scores": "output_0", "features": "output_1"}


def nets() -> list[Item]:
    """One net of two inputs and two outputs in all formats; ONNX and ExecuTorch with an open batch as well."""
    two, three = _net_calls(2), _net_calls(3)
    renamed = [(_in_litert(inputs), _in_litert(outputs)) for inputs, outputs in two]
    torchscript = Item(file=golden("net.pt"), name="net.torchscript.fp32.pt", format="torchscript", calls=two)
    return [
        Item(file=golden("net.onnx"), name="net.onnx.fp32.onnx", format="onnx", calls=[*two, *three]),
        Item(
            file=golden("net.tflite"),
            name="net.litert.fp32.tflite",
            format="litert",
            calls=renamed,
        ),
        Item(file=golden("dynamic.pte"), name="net.executorch.fp32.pte", format="executorch", calls=[*two, *three]),
        replace(torchscript, platforms=(Platform.LINUX_ARM64,), notes=(ENGINE_NOTE,)),
    ]


def _in_litert(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {_LITERT_NAMES[name]: array for name, array in arrays.items()}


def _net_calls(batch: int) -> list[tuple[dict[str, Array], dict[str, Array]]]:
    session = onnxruntime.InferenceSession(str(golden("net.onnx")))
    generator = np.random.default_rng(_SEED)
    calls: list[tuple[dict[str, Array], dict[str, Array]]] = []
    for strength in _STRENGTHS:
        image = np.float32(strength) * generator.standard_normal((batch, 2, 4, 4)).astype(np.float32)
        offset = generator.standard_normal((batch, 2)).astype(np.float32)
        outputs = session.run(["scores", "features"], {"image": image, "offset": offset})
        calls.append(({"image": image, "offset": offset}, dict(zip(("scores", "features"), outputs, strict=True))))
    return calls


def keras_nets() -> list[Item]:
    """LiteRT with a batch of 3 where the file says 1, and with integers as inputs and outputs."""
    images = np.random.default_rng(0).standard_normal((3, 4, 4, 2)).astype(np.float32)
    given = {"image": images}
    single = {"image": images[:1]}
    whole = Interpreter(model_path=str(golden("int8.tflite"))).get_signature_runner()
    details = {**whole.get_input_details(), **whole.get_output_details()}
    tensors = {name: _scaled(name, one) for name, one in details.items()}
    integers = np.clip(np.round(single["image"] / tensors["image"].scale) + tensors["image"].zero_point, -128, 127)
    answers = {
        name: ((array.astype(np.float32) - tensors[name].zero_point) * np.float32(tensors[name].scale))
        for name, array in whole(image=integers.astype(np.int8)).items()
    }
    floats = Interpreter(model_path=str(golden("dynamic.tflite"))).get_signature_runner()
    (output,) = floats.get_output_details()
    opened = {
        name: BundledTensor(name=name, dtype="float32", shape=("batch", *sizes))
        for name, sizes in (("image", (4, 4, 2)), (output, (2,)))
    }
    return [
        Item(
            file=golden("dynamic.tflite"), name="open.litert.fp32.tflite", format="litert",
            calls=[(given, floats(**given)), (single, floats(**single))], tensors=opened,
        ),
        Item(
            file=golden("int8.tflite"), name="open.litert.int8-full.tflite", format="litert",
            calls=[(single, answers)], tensors=tensors, tolerance=1e-6,
        ),
    ]  # fmt: skip


def _scaled(name: str, details: Mapping[str, tuple[float, int]]) -> BundledTensor:
    scale, zero_point = details["quantization"]
    return BundledTensor(name=name, dtype="int8", shape=(1,), scale=float(scale), zero_point=int(zero_point))


def tokens(folder: Path) -> Item:
    """An ONNX model of whole numbers and a mask: the sums of the marked tokens' embeddings, and whether any is."""
    table = np.arange(12, dtype=np.float32).reshape(4, 3)[:, ::-1].copy()
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["all"]),
        helper.make_node("Cast", ["mask"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["weights", "all"], ["batched"]),
        helper.make_node("Squeeze", ["batched", "axis"], ["scores"]),
        helper.make_node("Or", ["mask", "mask"], ["marked"]),
    ]
    path = folder / "tokens.onnx"
    _save(
        path, nodes, {"table": table, "axis": np.array([1])},
        inputs={"ids": (TensorProto.INT64, [1, "n"]), "mask": (TensorProto.BOOL, [1, 1, "n"])},
        outputs={"scores": (TensorProto.FLOAT, [1, 3]), "marked": (TensorProto.BOOL, [1, 1, "n"])},
    )  # fmt: skip
    given = [
        {"ids": np.array([ids]), "mask": np.array([[mask]])}
        for ids, mask in (([3, 0], [True, False]), ([1, 2, 3], [True, False, True]))
    ]
    return Item(file=path, name="tokens.onnx.fp32.onnx", format="onnx", calls=_answered(path, given))


def pictures(folder: Path) -> tuple[list[Item], list[Array]]:
    """An ONNX model of images, channels first and last, whose output is one probability; and originals for it."""
    generator = np.random.default_rng(1)
    originals: list[Array] = [
        np.clip(generator.integers(0, 256, (9, 13, 3)) // 4 + level, 0, 255).astype(np.uint8) for level in (0, 180)
    ]
    spec = msgspec.to_builtins(PICTURE)
    first = [preprocess_image(np.asarray(image, np.uint8), spec) for image in originals]
    items: list[Item] = []
    for layout in ("nchw", "nhwc"):
        path = folder / f"{layout}.onnx"
        sizes: list[int | str] = [1, 3, 6, 6] if layout == "nchw" else [1, 6, 6, 3]
        nodes = [
            helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "axis"], ["column"]),
            helper.make_node("Sigmoid", ["column"], ["bright"]),
        ]
        _save(
            path, nodes, {"axis": np.array([1])},
            inputs={"image": (TensorProto.FLOAT, sizes)}, outputs={"bright": (TensorProto.FLOAT, [1, 1])},
        )  # fmt: skip
        arrays = first if layout == "nchw" else [np.ascontiguousarray(one.transpose(0, 2, 3, 1)) for one in first]
        tensor = BundledTensor(name="image", dtype="float32", shape=tuple(sizes), layout=layout)
        calls = _answered(path, [{"image": array} for array in arrays])
        name = f"picture_{layout}.onnx.fp32.onnx"
        items.append(Item(file=path, name=name, format="onnx", calls=calls, tensors={"image": tensor}))
    return items, originals


def _save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, Array],
    *,
    inputs: Mapping[str, tuple[int, Sequence[int | str]]],
    outputs: Mapping[str, tuple[int, Sequence[int | str]]],
) -> None:
    described = [
        [helper.make_tensor_value_info(name, kind, list(sizes)) for name, (kind, sizes) in values.items()]
        for values in (inputs, outputs)
    ]
    initial = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(list(nodes), "small", *described, initializer=initial)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def _answered(path: Path, given: Sequence[dict[str, Array]]) -> list[tuple[dict[str, Array], dict[str, Array]]]:
    session = onnxruntime.InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    return [(inputs, dict(zip(names, session.run(names, inputs), strict=True))) for inputs in given]
