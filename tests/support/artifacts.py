"""The small artifacts in tests/golden/artifacts, by name."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "artifacts"
READABLE = (
    "net.pt", "counter.pt", "net.pte", "portable.pte", "dynamic.pte", "net.tflite", "dynamic.tflite", "int8.tflite",
    "flex.tflite", "net.onnx", "side.onnx",
)  # fmt: skip


def golden(name: str) -> Path:
    """The path of an artifact."""
    return FOLDER / name
