"""TorchScript to ONNX by torch.onnx's former exporter, which keeps loops and branches that exported programs cannot."""

from __future__ import annotations

import io
import warnings
from typing import Any

import onnx
import torch

from ..errors import ConversionError
from .flatten import FlatModule
from .program import TorchProgram
from .script_call import ScriptCall

_OPSET = 18


def model_of_script(program: TorchProgram, refusal: ConversionError) -> onnx.ModelProto:
    """The ONNX model of a TorchScript source whose program was refused; raises that `refusal` for any other source."""
    flat = program.module
    call = flat.module if isinstance(flat, FlatModule) else None
    if not isinstance(flat, FlatModule) or not isinstance(call, ScriptCall):
        raise refusal
    if call.keeps_state or not flat.takes_only_tensors:
        raise refusal
    inputs, outputs = program.signature.inputs, program.signature.outputs
    stored: Any = io.BytesIO()
    script: Any = call.script
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # it calls itself deprecated
            torch.onnx.export(
                script,
                program.examples,
                stored,
                dynamo=False,
                opset_version=_OPSET,
                input_names=[spec.name for spec in inputs],
                output_names=[spec.name for spec in outputs],
                dynamic_axes={
                    spec.name: {axis: str(spec.shape[axis]) for axis in spec.dynamic_axes} for spec in inputs
                },
            )
    except Exception as error:
        text = str(error).strip()
        raise ConversionError(
            f"{refusal.message}; and torch.onnx's exporter of TorchScript refuses it: "
            + (text.splitlines()[0] if text else type(error).__name__),
            fix=refusal.fix,
        ) from error
    return onnx.load_model_from_string(stored.getvalue())
