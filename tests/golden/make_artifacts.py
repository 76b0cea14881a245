"""Makes the small artifacts in tests/golden/artifacts with the upstream tools alone.

Run it once per stack, from the root of the repository, when a tool's file format changes:

    .venv/bin/python -P tests/golden/make_artifacts.py torch
    .venv/bin/python -P tests/golden/make_artifacts.py tensorflow
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "artifacts"


def make_with_torch() -> None:
    """TorchScript, ExecuTorch, LiteRT and ONNX of one small net, and variants that exercise the readers."""
    import executorch.exir
    import litert_torch
    import onnx
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

    class Block(torch.nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(width, width, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.conv(x)) + x

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = torch.nn.Sequential(Block(2), Block(2))
            self.head = torch.nn.Linear(2, 3)

        def forward(self, image: torch.Tensor, offset: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            features = torch.cumsum(self.blocks(image).mean((2, 3)), 1)
            return self.head(features), features + offset

    class Counter(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = Block(2)

        def forward(self, image: torch.Tensor, times: int) -> torch.Tensor:
            for _ in range(times):
                image = torch.sigmoid(self.block(image))
            if image.sum() > 0:
                image = torch.neg(image)
            return image

    torch.manual_seed(0)
    net = Net().eval()
    example = (torch.randn(2, 2, 4, 4), torch.randn(2, 2))
    traced: Any = torch.jit.trace(net, example)
    traced.save(FOLDER / "net.pt", _extra_files={"labels.txt": "cat, dog, cow"})
    torch.jit.script(Counter().eval()).save(FOLDER / "counter.pt")
    torch.save(net.state_dict(), FOLDER / "weights.pt")

    def lowered(dynamic_shapes: Any, partitioners: list[Any]) -> bytes:
        exported = torch.export.export(net, example, dynamic_shapes=dynamic_shapes)
        edge = executorch.exir.to_edge_transform_and_lower(
            exported, partitioner=partitioners, constant_methods={"labels": "cat, dog, cow", "classes": 3}
        )
        return edge.to_executorch().buffer

    (FOLDER / "net.pte").write_bytes(lowered(None, [XnnpackPartitioner()]))
    (FOLDER / "portable.pte").write_bytes(lowered(None, []))
    batch = torch.export.Dim("batch", min=1, max=8)
    (FOLDER / "dynamic.pte").write_bytes(lowered({"image": {0: batch}, "offset": {0: batch}}, [XnnpackPartitioner()]))
    litert_torch.convert(net, example).export(str(FOLDER / "net.tflite"))
    names: dict[str, Any] = {"input_names": ["image", "offset"], "output_names": ["scores", "features"]}
    torch.onnx.export(
        net, example, FOLDER / "net.onnx", dynamo=True, external_data=False, optimize=True,
        dynamic_shapes={"image": {0: batch}, "offset": {0: batch}}, **names,
    )  # fmt: skip
    onnx.save_model(
        onnx.load(FOLDER / "net.onnx"),
        FOLDER / "side.onnx",
        save_as_external_data=True,
        location="side.data",
        size_threshold=0,
    )


def make_with_tensorflow() -> None:
    """LiteRT with a dynamic batch, fully in int8, and with Flex operators."""
    import numpy as np
    import tensorflow as tf

    tf.random.set_seed(0)
    inputs = tf.keras.Input((4, 4, 2), name="image")
    hidden = tf.keras.layers.Conv2D(3, 3, activation="relu", name="conv")(inputs)
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(2, name="scores")(tf.keras.layers.Flatten()(hidden)))
    (FOLDER / "dynamic.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())

    whole = tf.lite.TFLiteConverter.from_keras_model(model)
    whole.optimizations = [tf.lite.Optimize.DEFAULT]
    whole.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    whole.inference_input_type = whole.inference_output_type = tf.int8
    generator = np.random.default_rng(0)
    whole.representative_dataset = lambda: (
        [generator.standard_normal((1, 4, 4, 2), dtype=np.float32)] for _ in range(8)
    )
    (FOLDER / "int8.tflite").write_bytes(whole.convert())

    function: Any = tf.function

    @function(input_signature=[tf.TensorSpec([2, 2], tf.float32, name="x")])
    def inverse(x: Any) -> Any:
        return {"inverse": tf.linalg.inv(x) + 1.0}

    compiled: Any = inverse
    concrete = compiled.get_concrete_function()
    flex = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    flex.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    (FOLDER / "flex.tflite").write_bytes(flex.convert())


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    {"torch": make_with_torch, "tensorflow": make_with_tensorflow}[sys.argv[1]]()
