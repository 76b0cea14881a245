"""Asks ONNX Runtime what it makes of an ONNX model here: which layers this machine computes in integers."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

# As in onnx.py.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

from ...converters.inspection.onnx_execution import read_onnx_execution
from ...converters.quantization.execution import Execution

_ONLY_FATAL = 4


def execution_here(path: Path) -> Execution:
    """The convolutions and matrix products of a model as ONNX Runtime optimises it; whoever calls has judged the file.

    What it fuses may differ from machine to machine, and from version to version.
    """
    with TemporaryDirectory() as folder:
        optimised = Path(folder) / "optimised.onnx"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ONLY_FATAL
        options.optimized_model_filepath = str(optimised)
        onnxruntime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
        return read_onnx_execution(memoryview(optimised.read_bytes()))
