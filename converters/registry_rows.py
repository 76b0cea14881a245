"""What a row of the registry says, and edgeproof's own rows: text alone, so that listing them imports nothing."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from .artifact import Format
from .precision import Precision
from .source import Framework
from .worker.stacks import Stack

_FROM_TORCH = "edgeproof.converters.from_torch"
_FROM_KERAS = "edgeproof.converters.from_keras"
_FROM_TENSORFLOW = "edgeproof.converters.from_tensorflow"
_FROM_ONNX = "edgeproof.converters.from_onnx"
_RUNNERS = "edgeproof.validators.runners"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConverterRow:
    """One way from an origin ("torch", "keras", "tensorflow", or "onnx" for a graph made on the way) to a format.

    `cost` is a rough duration relative to the others, `needs` the import names it cannot do without,
    `extra` the installation extra that brings them; `detour` is the origin to try when the model turns out
    to need TensorFlow. `from_graph` says that there is no other way than that detour.
    """

    origin: str
    format: str
    entry: str
    stack: Stack
    cost: float
    needs: tuple[str, ...]
    extra: str
    backends: tuple[str, ...]
    precisions: tuple[Precision, ...] = (Precision.FP32,)
    detour: str | None = None
    from_graph: bool = False

    @property
    def key(self) -> str:
        """How the row is called: "torch:onnx"."""
        return f"{self.origin}:{self.format}"

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules it needs that are not installed (looked for, not imported)."""
        return tuple(name for name in self.needs if find_spec(name) is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerRow:
    """What runs a format; `warmth` names what a worker must have imported to be waited for (see pool.Task)."""

    format: str
    entry: str
    stack: Stack
    needs: tuple[str, ...]
    extra: str
    warmth: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules it needs that are not installed (looked for, not imported)."""
        return tuple(name for name in self.needs if find_spec(name) is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriberRow:
    """What loads and runs the sources of one framework; `opener` loads one, once per worker."""

    framework: Framework
    entry: str
    opener: str
    stack: Stack
    needs: tuple[str, ...]
    extra: str

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules it needs that are not installed (looked for, not imported)."""
        return tuple(name for name in self.needs if find_spec(name) is None)


CONVERTERS = (
    ConverterRow(
        origin="torch",
        format=Format.TORCHSCRIPT,
        entry=f"{_FROM_TORCH}.torchscript:convert",
        stack=Stack.TORCH,
        cost=2,
        needs=("torch",),
        extra="torch",
        backends=("torch",),
    ),
    ConverterRow(
        origin="torch",
        format=Format.EXECUTORCH,
        entry=f"{_FROM_TORCH}.executorch:convert",
        stack=Stack.TORCH,
        cost=10,
        needs=("torch", "executorch"),
        extra="executorch",
        backends=("xnnpack", "portable"),
    ),
    ConverterRow(
        origin="torch",
        format=Format.LITERT,
        entry=f"{_FROM_TORCH}.litert:convert",
        stack=Stack.TORCH,
        cost=9,
        needs=("torch", "litert_torch"),
        extra="litert",
        backends=("xnnpack",),
    ),
    ConverterRow(
        origin="torch",
        format=Format.ONNX,
        entry=f"{_FROM_TORCH}.onnx:convert",
        stack=Stack.TORCH,
        cost=4,
        needs=("torch", "onnx", "onnxscript"),
        extra="onnx",
        backends=("cpu",),
    ),
    ConverterRow(
        origin="keras",
        format=Format.TORCHSCRIPT,
        entry=f"{_FROM_KERAS}.bridge:convert_torchscript",
        stack=Stack.KERAS_TORCH,
        cost=3,
        needs=("keras", "torch"),
        extra="keras,torch",
        backends=("torch",),
        detour="onnx",
    ),
    ConverterRow(
        origin="keras",
        format=Format.EXECUTORCH,
        entry=f"{_FROM_KERAS}.bridge:convert_executorch",
        stack=Stack.KERAS_TORCH,
        cost=10,
        needs=("keras", "torch", "executorch"),
        extra="keras,executorch",
        backends=("xnnpack", "portable"),
        detour="onnx",
    ),
    ConverterRow(
        origin="keras",
        format=Format.LITERT,
        entry=f"{_FROM_KERAS}.program:convert_litert",
        stack=Stack.TENSORFLOW,
        cost=4,
        needs=("keras", "tensorflow"),
        extra="keras",
        backends=("xnnpack",),
    ),
    ConverterRow(
        origin="keras",
        format=Format.ONNX,
        entry=f"{_FROM_KERAS}.program:convert_onnx",
        stack=Stack.TENSORFLOW,
        cost=5,
        needs=("keras", "tensorflow", "tf2onnx"),
        extra="keras,onnx",
        backends=("cpu",),
    ),
    ConverterRow(
        origin="tensorflow",
        format=Format.TORCHSCRIPT,
        entry=f"{_FROM_ONNX}.convert:convert_torchscript",
        stack=Stack.TORCH,
        cost=2,
        needs=("torch", "onnx"),
        extra="keras,torch,onnx",
        backends=("torch",),
        detour="onnx",
        from_graph=True,
    ),
    ConverterRow(
        origin="tensorflow",
        format=Format.EXECUTORCH,
        entry=f"{_FROM_ONNX}.convert:convert_executorch",
        stack=Stack.TORCH,
        cost=10,
        needs=("torch", "executorch", "onnx"),
        extra="keras,executorch,onnx",
        backends=("xnnpack", "portable"),
        detour="onnx",
        from_graph=True,
    ),
    ConverterRow(
        origin="tensorflow",
        format=Format.LITERT,
        entry=f"{_FROM_TENSORFLOW}.litert:convert",
        stack=Stack.TF_KERAS,
        cost=4,
        needs=("tensorflow",),
        extra="keras",
        backends=("xnnpack",),
    ),
    ConverterRow(
        origin="tensorflow",
        format=Format.ONNX,
        entry=f"{_FROM_TENSORFLOW}.onnx:convert",
        stack=Stack.TF_KERAS,
        cost=5,
        needs=("tensorflow", "tf2onnx"),
        extra="keras,onnx",
        backends=("cpu",),
    ),
    ConverterRow(
        origin="onnx",
        format=Format.TORCHSCRIPT,
        entry=f"{_FROM_ONNX}.convert:convert_torchscript",
        stack=Stack.TORCH,
        cost=2,
        needs=("torch", "onnx"),
        extra="torch,onnx",
        backends=("torch",),
    ),
    ConverterRow(
        origin="onnx",
        format=Format.EXECUTORCH,
        entry=f"{_FROM_ONNX}.convert:convert_executorch",
        stack=Stack.TORCH,
        cost=10,
        needs=("torch", "executorch", "onnx"),
        extra="executorch,onnx",
        backends=("xnnpack", "portable"),
    ),
)

RUNNERS = (
    RunnerRow(
        format=Format.TORCHSCRIPT,
        entry=f"{_RUNNERS}.torchscript:run",
        stack=Stack.TORCH,
        needs=("torch",),
        extra="torch",
        warmth="torch",
    ),
    RunnerRow(
        format=Format.EXECUTORCH,
        entry=f"{_RUNNERS}.executorch:run",
        stack=Stack.TORCH,
        needs=("torch", "executorch"),
        extra="executorch",
        warmth="executorch",
    ),
    RunnerRow(
        format=Format.LITERT,
        entry=f"{_RUNNERS}.litert:run",
        stack=Stack.RUNTIMES,
        needs=("ai_edge_litert",),
        extra="litert",
    ),
    RunnerRow(
        format=Format.ONNX,
        entry=f"{_RUNNERS}.onnx:run",
        stack=Stack.RUNTIMES,
        needs=("onnxruntime",),
        extra="onnx",
    ),
)

DESCRIBERS = (
    DescriberRow(
        framework=Framework.TORCH,
        entry=f"{_FROM_TORCH}.describe:describe",
        opener=f"{_FROM_TORCH}.live:open_source",
        stack=Stack.TORCH,
        needs=("torch",),
        extra="torch",
    ),
    DescriberRow(
        framework=Framework.KERAS,
        entry=f"{_FROM_KERAS}.describe:describe",
        opener=f"{_FROM_KERAS}.live:open_source",
        stack=Stack.TENSORFLOW,
        needs=("keras", "tensorflow"),
        extra="keras",
    ),
    DescriberRow(
        framework=Framework.TENSORFLOW,
        entry=f"{_FROM_TENSORFLOW}.describe:describe",
        opener=f"{_FROM_TENSORFLOW}.live:open_source",
        stack=Stack.TF_KERAS,
        needs=("tensorflow", "tf_keras"),
        extra="keras",
    ),
)
