"""What a row of the registry says, and edgeproof's own rows: text alone, so that listing them imports nothing."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from .artifact import Format
from .precision import Precision
from .source import Framework
from .worker.stacks import Stack

FROM_TORCH = "edgeproof.converters.from_torch"
FROM_KERAS = "edgeproof.converters.from_keras"
FROM_TENSORFLOW = "edgeproof.converters.from_tensorflow"
FROM_ONNX = "edgeproof.converters.from_onnx"
_RUNNERS = "edgeproof.validators.runners"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConverterRow:
    """One way from an origin ("torch", "keras", "tensorflow", or "onnx" for a graph made on the way) to a format.

    `cost` is a rough duration relative to the others, `needs` the import names it cannot do without,
    `extra` the installation extra that brings them; `detour` is the origin to try when the model turns out
    to need TensorFlow. `from_graph` says that there is no other way than that detour. Several rows may lead to one
    format, in different precisions, or for backends of another `family`. Where the backend quantises by itself, without
    a recipe, `simulator` runs what its quantiser made.
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
    family: str = ""
    simulator: str = ""

    @property
    def key(self) -> str:
        """How the row is called: "torch:onnx", and "keras:onnx:int8" for one that makes other precisions than fp32."""
        if self.family:
            return f"{self.origin}:{self.format}:{self.family}"
        other = "" if Precision.FP32 in self.precisions else f":{self.precisions[0]}"
        return f"{self.origin}:{self.format}{other}"

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules it needs that are not installed (looked for, not imported)."""
        return tuple(name for name in self.needs if find_spec(name) is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerRow:
    """What runs a format, what measures how long that takes, and what shows the values inside.

    `tap` shows what every operator gives, `extract` takes one out; a format without them is lowered again from its
    program instead (QuantizerRow.tapped). `warmth` names what a worker must have imported to be waited for (see
    pool.Task). A runner without `measure`, such as another distribution's, measures nothing; `measure_stack` is there
    where that takes other libraries than running.
    """

    format: str
    entry: str
    measure: str = ""
    measure_stack: Stack | None = None
    tap: str = ""
    extract: str = ""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizerRow:
    """What quantises the programs of an origin, and runs them: as simulations, in float64, and operator by operator.

    `tapped` and `extract` lower one again for a format whose runtime does not show what is inside.
    """

    origin: str
    entry: str
    simulator: str
    truth: str
    tracer: str
    tapped: str
    extract: str
    stack: Stack
    needs: tuple[str, ...]
    extra: str

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules it needs that are not installed (looked for, not imported)."""
        return tuple(name for name in self.needs if find_spec(name) is None)


QUANTIZERS = (
    QuantizerRow(
        origin="torch",
        entry=f"{FROM_TORCH}.quantize:quantize",
        simulator=f"{FROM_TORCH}.quantize:simulate",
        truth=f"{FROM_TORCH}.truth:tell_truth",
        tracer=f"{FROM_TORCH}.tracing:trace",
        tapped=f"{FROM_TORCH}.executorch_tapped:make",
        extract=f"{FROM_TORCH}.executorch_tapped:extract",
        stack=Stack.TORCH,
        needs=("torch",),
        extra="torch",
    ),
    QuantizerRow(
        origin="keras",
        entry=f"{FROM_KERAS}.bridge:quantize",
        simulator=f"{FROM_KERAS}.bridge:simulate",
        truth=f"{FROM_KERAS}.bridge:tell_truth",
        tracer=f"{FROM_KERAS}.diagnosing:trace",
        tapped=f"{FROM_KERAS}.diagnosing:make",
        extract=f"{FROM_KERAS}.diagnosing:extract",
        stack=Stack.KERAS_TORCH,
        needs=("keras", "torch", "executorch", "litert_torch", "onnxscript"),
        extra="keras,torch",
    ),
    QuantizerRow(
        origin="onnx",
        entry=f"{FROM_ONNX}.convert:quantize",
        simulator=f"{FROM_ONNX}.convert:simulate",
        truth=f"{FROM_ONNX}.convert:tell_truth",
        tracer=f"{FROM_ONNX}.diagnosing:trace",
        tapped=f"{FROM_ONNX}.diagnosing:make",
        extract=f"{FROM_ONNX}.diagnosing:extract",
        stack=Stack.TORCH,
        needs=("torch", "onnx", "executorch", "litert_torch", "onnxscript"),
        extra="torch,onnx",
    ),
)

RUNNERS = (
    RunnerRow(
        format=Format.TORCHSCRIPT,
        entry=f"{_RUNNERS}.torchscript:run",
        measure=f"{_RUNNERS}.torchscript:measure",
        tap=f"{_RUNNERS}.torchscript_taps:tap",
        extract=f"{_RUNNERS}.torchscript_taps:extract",
        stack=Stack.TORCH,
        needs=("torch",),
        extra="torch",
        warmth="torch",
    ),
    RunnerRow(
        format=Format.EXECUTORCH,
        entry=f"{_RUNNERS}.executorch:run",
        measure=f"{_RUNNERS}.executorch_bindings:measure",
        measure_stack=Stack.TORCH,
        stack=Stack.RUNTIMES,
        needs=("executorch",),
        extra="executorch",
    ),
    RunnerRow(
        format=Format.LITERT,
        entry=f"{_RUNNERS}.litert:run",
        measure=f"{_RUNNERS}.litert:measure",
        tap=f"{_RUNNERS}.litert_taps:tap",
        extract=f"{_RUNNERS}.litert_taps:extract",
        stack=Stack.RUNTIMES,
        needs=("ai_edge_litert",),
        extra="litert",
    ),
    RunnerRow(
        format=Format.ONNX,
        entry=f"{_RUNNERS}.onnx:run",
        measure=f"{_RUNNERS}.onnx:measure",
        tap=f"{_RUNNERS}.onnx_taps:tap",
        extract=f"{_RUNNERS}.onnx_taps:extract",
        stack=Stack.RUNTIMES,
        needs=("onnxruntime",),
        extra="onnx",
    ),
)

DESCRIBERS = (
    DescriberRow(
        framework=Framework.TORCH,
        entry=f"{FROM_TORCH}.describe:describe",
        opener=f"{FROM_TORCH}.live:open_source",
        stack=Stack.TORCH,
        needs=("torch",),
        extra="torch",
    ),
    DescriberRow(
        framework=Framework.KERAS,
        entry=f"{FROM_KERAS}.describe:describe",
        opener=f"{FROM_KERAS}.live:open_source",
        stack=Stack.TENSORFLOW,
        needs=("keras", "tensorflow"),
        extra="keras",
    ),
    DescriberRow(
        framework=Framework.TENSORFLOW,
        entry=f"{FROM_TENSORFLOW}.describe:describe",
        opener=f"{FROM_TENSORFLOW}.live:open_source",
        stack=Stack.TF_KERAS,
        needs=("tensorflow", "tf_keras"),
        extra="keras",
    ),
)
