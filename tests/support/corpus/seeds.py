"""The sound files that are damaged: one of every kind, and what is said about each on the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .damage import Seed

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "checkpoints"
_ARTIFACTS = GOLDEN.parent / "artifacts"
_INPUT = ("input:float32[2,1,4,4]",)
FACTORIES = """
import torch

def net():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 3)
    )

class Square(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(2, 2))

    def forward(self, x):
        return x @ self.weight

def square():
    return Square(), torch.ones(1, 2)
"""
KERAS_FACTORY = """
import keras

def net():
    return keras.Sequential([
        keras.Input((4,), name="features"), keras.layers.Dense(3, activation="relu", name="hidden"),
        keras.layers.Dense(2, name="scores"),
    ], name="net")
"""


_BERT = """
import sys, torch, transformers
torch.manual_seed(0)
config = transformers.BertConfig(
    vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
    max_position_embeddings=16,
)
transformers.BertModel(config).save_pretrained(sys.argv[1])
"""


def transformers_seed(folder: Path) -> Seed:
    """A folder that Transformers itself wrote; takes a process with torch and some seconds."""
    place = folder / "bert"
    subprocess.run([sys.executable, "-c", _BERT, str(place)], check=True, capture_output=True, timeout=120)
    return Seed(kind="Transformers, a known architecture", path=place)


def seeds(folder: Path) -> list[Seed]:
    """All of them; writes the factories that build their architectures into `folder`."""
    torch, keras = folder / "factories.py", folder / "keras_factories.py"
    torch.write_text(FACTORIES)
    keras.write_text(KERAS_FACTORY)
    net, square = f"{torch}:net", f"{torch}:square"
    weights = (
        ("training.pth", "torch zip"), ("lightning.ckpt", "Lightning"), ("legacy.pth", "torch legacy"),
        ("net.safetensors", "safetensors"), ("module.pt", "pickled module, its weights"),
    )  # fmt: skip
    found = [Seed(kind=kind, path=GOLDEN / name, model=net, inputs=_INPUT) for name, kind in weights]
    found += [
        Seed(kind="torch tar", path=GOLDEN / "tar.pth", model=square),
        Seed(kind="pickled module", path=GOLDEN / "module.pt", inputs=_INPUT),
        Seed(kind="safetensors shards", path=GOLDEN / "shards", model=net, inputs=_INPUT),
        Seed(kind="exported program", path=GOLDEN / "program.pt2"),
        Seed(kind="TorchScript", path=_ARTIFACTS / "net.pt", inputs=("image:float32[2,2,4,4]", "offset:float32[2,2]")),
        Seed(kind="TorchScript", path=_ARTIFACTS / "counter.pt", inputs=("image:float32[2,2,4,4]",)),
        Seed(kind="Transformers", path=GOLDEN / "transformers"),
        Seed(kind="Keras 3 .keras", path=GOLDEN / "net.keras"),
        Seed(kind="Keras 3 .keras with a Lambda", path=GOLDEN / "lambda.keras"),
        Seed(kind="Keras 3 HDF5", path=GOLDEN / "net.h5"),
        Seed(kind="Keras 2 HDF5", path=GOLDEN / "keras2.h5"),
        Seed(kind="Keras weights", path=GOLDEN / "net.weights.h5", model=f"{keras}:net"),
        Seed(kind="Keras JSON", path=GOLDEN / "net.json", weights=GOLDEN / "net.weights.h5"),
        Seed(kind="SavedModel", path=GOLDEN / "saved_model"),
    ]
    kinds = {"net.onnx": "ONNX", "side.onnx": "ONNX", "net.tflite": "LiteRT", "net.pte": "ExecuTorch"}
    return found + [Seed(kind=kind, path=_ARTIFACTS / name) for name, kind in kinds.items()]
