"""Makes the small checkpoints in tests/golden/checkpoints with the upstream tools alone, one of each kind.

Run it once per stack, from the root of the repository, when a tool's file format changes; then write down what
`edgeproof inspect` says of each, and read the difference:

    .venv/bin/python -P tests/golden/make_checkpoints.py torch
    KERAS_BACKEND=tensorflow .venv/bin/python -P tests/golden/make_checkpoints.py tensorflow
    .venv/bin/python -P tests/golden/make_checkpoints.py outputs
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import pickle
import shutil
import struct
import sys
import tarfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "checkpoints"
OUTPUTS = Path(__file__).parent / "inspections"
NAMES = (
    "training.pth", "legacy.pth", "tar.pth", "module.pt", "lightning.ckpt", "program.pt2", "net.safetensors", "shards",
    "shards/model.safetensors.index.json", "transformers", "net.keras", "lambda.keras", "net.h5", "net.weights.h5",
    "keras2.h5", "net.json", "saved_model",
)  # fmt: skip
ARTIFACTS = ("net.pt", "net.pte", "net.tflite", "net.onnx")


def make_with_torch() -> None:
    """Every kind that torch, safetensors and Transformers write."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 3)
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net(torch.ones(2, 1, 4, 4)).sum().backward()
    optimizer.step()
    net.eval()
    weights = net.state_dict()
    training = {
        "epoch": 12,
        "best_score": 0.75,
        "state_dict": {f"module.{name}": tensor for name, tensor in weights.items()},
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(width=2, arch="net"),
    }
    torch.save(training, FOLDER / "training.pth")
    torch.save(weights, FOLDER / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(net, FOLDER / "module.pt")
    torch.save(
        {
            "epoch": 3,
            "global_step": 120,
            "pytorch-lightning_version": "2.5.1",
            "state_dict": {f"model.{name}": tensor for name, tensor in weights.items()},
            "loops": {"fit_loop": {"state_dict": {}}},
            "hyper_parameters": {"lr": 0.1},
        },
        FOLDER / "lightning.ckpt",
    )
    program = torch.export.export(net, (torch.ones(2, 1, 4, 4),))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # it names this machine's folders
    torch.export.save(program, FOLDER / "program.pt2")
    save_file(weights, FOLDER / "net.safetensors", metadata={"format": "pt"})
    _write_tar(FOLDER / "tar.pth", torch)
    _write_shards(FOLDER / "shards", weights, save_file)
    _write_transformers(FOLDER / "transformers", weights, save_file)


def _write_tar(path: Path, torch: Any) -> None:
    """What torch 0.1.10 wrote, by hand: one storage with a view, and one tensor over the view."""
    storages = pickle.dumps(1, 2) + pickle.dumps((11, "cpu", torch.FloatStorage), 2)
    storages += struct.pack("<q6f", 6, *range(6)) + pickle.dumps([(12, 11, 1, 4)], 2)
    tensors = pickle.dumps(1, 2) + pickle.dumps((21, 12, torch.FloatTensor), 2)
    tensors += struct.pack("<ii5q", 2, 0, 2, 2, 2, 1, 0)

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: object) -> str | None:
            return "21" if obj == "the tensor" else None

    data = io.BytesIO()
    Pickler(data, 2).dump({"weight": "the tensor"})
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in (("storages", storages), ("tensors", tensors), ("pickle", data.getvalue())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _write_shards(folder: Path, weights: dict[str, Any], save_file: Any) -> None:
    folder.mkdir(exist_ok=True)
    names = list(weights)
    where: dict[str, str] = {}
    for number, part in enumerate((names[:4], names[4:]), 1):
        shard = f"model-{number:05d}-of-00002.safetensors"
        save_file({name: weights[name] for name in part}, folder / shard)
        where |= dict.fromkeys(part, shard)
    index = {"metadata": {"total_size": 1}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))


def _write_transformers(folder: Path, weights: dict[str, Any], save_file: Any) -> None:
    """A folder as one that brings its own code, which must not run."""
    folder.mkdir(exist_ok=True)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["TinyModel"],
        "auto_map": {"AutoModel": "modeling_tiny.TinyModel"},
        "dtype": "float32",
        "model_type": "tiny",
        "transformers_version": "5.23.0",
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    (folder / "modeling_tiny.py").write_text('raise RuntimeError("this must not run")\n')


def make_with_tensorflow() -> None:
    """Every kind that Keras 3, Keras 2 and TensorFlow write."""
    import keras
    import tf_keras

    keras.utils.set_random_seed(0)
    net: Any = keras.Sequential([
        keras.Input((4,), name="features"), keras.layers.Dense(3, activation="relu", name="hidden"),
        keras.layers.Dense(2, name="scores"),
    ], name="net")  # fmt: skip
    net.save(FOLDER / "net.keras")
    net.save(FOLDER / "net.h5")
    net.save_weights(FOLDER / "net.weights.h5")
    (FOLDER / "net.json").write_text(net.to_json())
    shutil.rmtree(FOLDER / "saved_model", ignore_errors=True)
    net.export(FOLDER / "saved_model")
    inputs: Any = keras.Input((4,))
    double = eval(compile("lambda x: x * 2", "double.py", "eval"))  # its code is stored with the name of its file
    keras.Model(inputs, keras.layers.Lambda(double)(inputs), name="net").save(FOLDER / "lambda.keras")
    old: Any = tf_keras.Sequential(
        [tf_keras.layers.InputLayer((4,)), tf_keras.layers.Dense(2, name="scores")], name="net"
    )
    old.save(FOLDER / "keras2.h5")


def write_outputs() -> None:
    """What the command line says of each, as text and as JSON."""
    from edgeproof.cli.main import run

    os.environ["COLUMNS"] = "120"
    OUTPUTS.mkdir(exist_ok=True)
    for folder, names in ((FOLDER, NAMES), (FOLDER.parent / "artifacts", ARTIFACTS)):
        os.chdir(folder)
        for name in names:
            for option, ending in (([], "txt"), (["--json"], "json")):
                said = io.StringIO()
                with contextlib.redirect_stdout(said):
                    run(["inspect", name, *option])
                (OUTPUTS / f"{name.replace('/', '-')}.{ending}").write_text(said.getvalue())


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    {"torch": make_with_torch, "tensorflow": make_with_tensorflow, "outputs": write_outputs}[sys.argv[1]]()
