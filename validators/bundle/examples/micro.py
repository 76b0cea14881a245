"""What a C++ example for a microcontroller has in place of a desktop's runtime."""

from __future__ import annotations

from ....converters.micro_backends import micro_backend
from ..manifest import BundledArtifact, Operator, Platform
from .facts import filled, template

INCLUDES = {
    "executorch": (
        "<executorch/extension/data_loader/buffer_data_loader.h>",
        "<executorch/runtime/executor/program.h>",
        "<memory>",
    ),
    "litert": (
        "<tensorflow/lite/micro/micro_interpreter.h>",
        "<tensorflow/lite/micro/micro_mutable_op_resolver.h>",
        "<tensorflow/lite/schema/schema_generated.h>",
    ),
}
_RUNTIMES = {
    "executorch": "ExecuTorch without an operating system",
    "litert": "TensorFlow Lite for Microcontrollers",
}
_BUILDS = {
    "executorch": "your board's toolchain, with ExecuTorch, and the kernels and delegates that manifest.json names",
    "litert": "your board's toolchain, with tflite-micro's headers and its library",
}
_CHECKED = {
    "executorch": """\
// Made of parts that edgeproof's tests compile and run on Linux with the portable kernels; it has not been built for a
// microcontroller. Files are read through the C library: on a board that is semihosting.""",
    "litert": """\
// Examples of this form were built with tflite-micro on Linux by hand, where they gave what the golden data says; no
// test builds them, and this file has not been built for a microcontroller. Files are read through the C library: on a
// board that is semihosting.""",
}
_MODELS = {"executorch": "bare_executorch.cpp", "litert": "tflm.cpp"}
_EXCEPTIONS = {
    "BATCH_MATMUL": "BatchMatMul",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}
_TABLES = 32 * 1024  # what tflite-micro needs beside the activations, generously
_UNKNOWN = 256 * 1024


def is_micro_only(artifact: BundledArtifact) -> bool:
    """Whether an artifact runs on microcontrollers alone."""
    return artifact.platforms == (Platform.MICRO,) or micro_backend(artifact.backend) is not None


def runs_on_micro(artifact: BundledArtifact) -> bool:
    """Whether an artifact runs on microcontrollers as well."""
    return Platform.MICRO in artifact.platforms


def slots_of(artifact: BundledArtifact) -> dict[str, str]:
    """What the head of an example says: how it is built, what it runs in and how far it was checked."""
    made = artifact.format
    return {"BUILD": _BUILDS[made], "RUNTIME": _RUNTIMES[made], "CHECKED": _CHECKED[made]}


def model_of(artifact: BundledArtifact) -> str:
    """The class that runs an artifact, with the sizes of its memory and its operators."""
    operators = sorted({registration(operator) for operator in artifact.needs.operators})
    peak = artifact.needs.arena_bytes
    slots = {
        "ARENA": str(_UNKNOWN if peak is None else peak + _TABLES),
        "COUNT": str(max(len(operators), 1)),
        "OPERATORS": "\n".join(f"    resolver.{operator}();" for operator in operators),
        "METHOD_POOL": str(_UNKNOWN),
        "SCRATCH_POOL": str(_UNKNOWN),
    }
    return filled(template("cpp", _MODELS[artifact.format]), slots)


def registration(operator: Operator) -> str:
    """The method of MicroMutableOpResolver for an operator: "CONV_2D" is AddConv2D."""
    if operator.domain == "custom":
        return "Add" + "".join(word.capitalize() for word in operator.name.split("-"))
    if operator.name in _EXCEPTIONS:
        return f"Add{_EXCEPTIONS[operator.name]}"
    return "Add" + "".join(word if word[:1].isdigit() else word.capitalize() for word in operator.name.split("_"))
