"""Who makes int8 artifacts, for which format, and which function of this folder does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FORMATS = ("torchscript", "executorch", "litert", "onnx")
STATIC, DYNAMIC = "int8", "int8-dynamic"
FLOAT, OURS = "fp32", "edgeproof"
SUFFIXES = {"torchscript": "pt", "executorch": "pte", "litert": "tflite", "onnx": "onnx"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way to one artifact. `frameworks` are those whose models the tool takes; `make` is "" for edgeproof."""

    tool: str
    format: str
    mode: str
    make: str = ""
    frameworks: tuple[str, ...] = ("torch", "keras")

    @property
    def ours(self) -> bool:
        """Whether the command line of edgeproof makes it."""
        return self.tool == OURS


_TORCH, _KERAS = ("torch",), ("keras",)
UPSTREAM = (
    Contender(tool="quantize_static S8S8", format="onnx", mode=STATIC, make="onnxruntime_tools:static_s8s8"),
    Contender(tool="quantize_static U8S8", format="onnx", mode=STATIC, make="onnxruntime_tools:static_u8s8"),
    Contender(tool="quantize_dynamic", format="onnx", mode=DYNAMIC, make="onnxruntime_tools:dynamic"),
    Contender(tool="LiteRT quantizer", format="litert", mode=STATIC, make="litert_tools:static"),
    Contender(tool="LiteRT quantizer", format="litert", mode=DYNAMIC, make="litert_tools:dynamic"),
    Contender(tool="TFLiteConverter", format="litert", mode=STATIC, make="tensorflow_tools:static", frameworks=_KERAS),
    Contender(
        tool="TFLiteConverter", format="litert", mode=DYNAMIC, make="tensorflow_tools:dynamic", frameworks=_KERAS
    ),
    Contender(
        tool="litert-torch PT2E", format="litert", mode=STATIC, make="litert_torch_tools:static", frameworks=_TORCH
    ),
    Contender(
        tool="litert-torch PT2E", format="litert", mode=DYNAMIC, make="litert_torch_tools:dynamic", frameworks=_TORCH
    ),
    Contender(
        tool="XNNPACKQuantizer", format="executorch", mode=STATIC, make="executorch_tools:static", frameworks=_TORCH
    ),
    Contender(
        tool="XNNPACKQuantizer", format="executorch", mode=DYNAMIC, make="executorch_tools:dynamic", frameworks=_TORCH
    ),
    Contender(tool="torch.ao FX", format="torchscript", mode=STATIC, make="torch_ao_tools:static", frameworks=_TORCH),
    Contender(
        tool="torch.ao dynamic", format="torchscript", mode=DYNAMIC, make="torch_ao_tools:dynamic", frameworks=_TORCH
    ),
)
OUR_OWN = tuple(Contender(tool=OURS, format=name, mode=mode) for name in FORMATS for mode in (STATIC, DYNAMIC))


def chosen(which: Sequence[str], formats: Sequence[str]) -> tuple[Contender, ...]:
    """Those called "upstream", "edgeproof" or by a tool's name, for these formats; all of them for no name.

    Raises SystemExit for a name that nobody has.
    """
    everyone = (*UPSTREAM, *OUR_OWN)
    known = {"upstream": UPSTREAM, **{each.tool: [c for c in everyone if c.tool == each.tool] for each in everyone}}
    unknown = [name for name in which if name not in known]
    if unknown:
        raise SystemExit(f"no contender is called {', '.join(unknown)}; there are: {', '.join(known)}")
    found = [each for name in which for each in known[name]] if which else everyone
    return tuple(each for each in dict.fromkeys(found) if each.format in formats)
