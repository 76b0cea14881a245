"""The Python example of an artifact."""

from __future__ import annotations

from ....converters.preprocessing.kinds import ImageSpec
from .facts import Facts, filled, template

_PACKAGES = {
    "executorch": ("executorch", "numpy"),
    "litert": ("ai-edge-litert", "numpy"),
    "onnx": ("onnxruntime", "numpy"),
    "torchscript": ("torch", "numpy"),
}
_RUNTIME_IMPORTS = {
    "executorch": (
        "import torch\nfrom executorch.runtime import Runtime\n"
        "import executorch.kernels.quantized  # noqa: F401 (registers the operators of quantised programs)"
    ),
    "litert": "from ai_edge_litert.interpreter import Interpreter",
    "onnx": "import onnxruntime",
    "torchscript": "import torch",
}
_ENGINE = """\
# Other engines may saturate in 8 bits; "qnnpack" computes the same on processors that this one is not built for.
torch.backends.quantized.engine = "onednn" if "onednn" in torch.backends.quantized.supported_engines else "qnnpack"
"""
_PREPROCESSED = '''
def preprocessed(sample):
    """The input {name} of a sample, from its {what}; None if that is not in the bundle."""
    original = original_of(sample, {kind})
    return None if original is None else {function}(original, SPEC)

'''
_FROM_ORIGINAL = """\
        made = preprocessed(call["sample"])
        if made is not None:
            inputs[SPEC["input"]] = made
"""


def example(facts: Facts) -> str:
    """The source of `examples/python/<stem>.py`."""
    made, spec = facts.artifact.format, facts.made
    placed = {"PATH": repr(facts.path), "ENGINE": _ENGINE if facts.exact_engine else ""}
    constants, text = "", ""
    if spec is not None:
        kind, function, what = _preprocessing(facts)
        changed = f' | {{"layout": {str(spec.layout)!r}}}' if isinstance(spec, ImageSpec) else ""
        described = facts.manifest.preprocessing
        file = described.file if described is not None else "preprocess.json"
        constants = f'SPEC = json.loads((ROOT / {file!r}).read_text(encoding="utf-8")){changed}\n'
        text = _PREPROCESSED.format(name=spec.input, what=what, kind=repr(kind), function=function)
    return filled(
        template("python", "example.py"),
        {
            "MODEL": filled(template("python", f"{made}.py"), placed),
            **facts.slots(""),
            "PACKAGES": " ".join(_PACKAGES[made]),
            "IMPORTS": _imports(facts),
            "NAME": repr(facts.path.rpartition("/")[2]),
            "CONSTANTS": constants,
            "PREPROCESSING": text,
            "SELF_TEST": 'ARTIFACT, infer, preprocessed, SPEC["input"]' if spec is not None else "ARTIFACT, infer",
            "FROM_ORIGINAL": _FROM_ORIGINAL if spec is not None else "",
        },
    )


def _preprocessing(facts: Facts) -> tuple[str, str, str]:
    if isinstance(facts.made, ImageSpec):
        return "pixels", "preprocess_image", "pixels"
    return "pcm", "preprocess_audio", "sound"


def _imports(facts: Facts) -> str:
    taken = ["artifact_called", "answer", "dequantize", "quantize", "self_test", "tensors", "ROOT"]
    lines = ["import numpy as np", *_RUNTIME_IMPORTS[facts.artifact.format].splitlines()]
    if facts.made is not None:
        taken.append("original_of")
        lines.insert(0, "import json\n")
        lines.append(f"from preprocess import {_preprocessing(facts)[1]}")
    lines.append(f"from bundle import {', '.join(sorted(taken))}")
    return "\n".join(lines)
