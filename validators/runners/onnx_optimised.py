"""Writes the graph that ONNX Runtime makes of a model as it loads it, as far as that is the same on all processors."""

from __future__ import annotations

import os
from pathlib import Path

# The Linux wheels report usage unless this is set before the library starts.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

from ...converters.errors import LoadError
from ...converters.inspection.onnx import check_external_data
from ...converters.needs.optimising import OptimiseJob
from ...converters.writing import atomic_replacement

_ONLY_FATAL = 4


def optimise(job: OptimiseJob) -> str:
    """Write the model as fused for the CPU, without layouts of one processor; returns where it lies.

    Raises LoadError if ONNX Runtime refuses the model.
    """
    check_external_data(Path(job.file))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ONLY_FATAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    with atomic_replacement(Path(job.output)) as partial:
        options.optimized_model_filepath = str(partial)
        try:
            onnxruntime.InferenceSession(job.file, sess_options=options, providers=["CPUExecutionProvider"])
        except Exception as error:
            # The runtime's exceptions share no base but Exception.
            raise LoadError(f"{job.file} does not load in ONNX Runtime: {error}", fix="convert it again") from error
    return job.output
