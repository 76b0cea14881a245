"""Runtimes that are known to compute wrongly: by version, and by what the processor can or cannot do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..converters.hazards import Hazard, HazardCode, notes_of
from ..converters.installation import satisfies
from ..converters.precision import Precision
from ..converters.processor import Processor


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFault:
    """One row: a package in some `versions`, on processors with one of `present` and with none of `absent`.

    Without `precisions` it is about all of them; `link` is where it was reported.
    """

    package: str
    versions: str
    text: str
    fix: str
    link: str
    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    precisions: frozenset[Precision] = frozenset()

    def concerns(self, versions: Mapping[str, str], processor: Processor, precision: Precision) -> bool:
        """Whether an artifact of a precision that these tools ran on this processor may have met it."""
        found = versions.get(self.package)
        features = set(processor.features)
        return (
            found is not None
            and satisfies(found, self.versions)
            and (not self.precisions or precision in self.precisions)
            and (not self.present or bool(features & self.present))
            and not features & self.absent
        )


KNOWN_FAULTS = (
    KnownFault(
        package="onnxruntime",
        versions="==1.27.0",
        present=frozenset({"sme", "sme2"}),
        text="with SME, convolutions that pad their height otherwise than their width come out wrong",
        fix="use onnxruntime 1.27.1",
        link="https://github.com/k2-fsa/sherpa-onnx/issues/3791",
    ),
    KnownFault(
        package="onnxruntime",
        versions=">=1",
        present=frozenset({"avx2"}),
        absent=frozenset({"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8"}),
        precisions=frozenset({Precision.INT8, Precision.INT8_DYNAMIC}),
        text="without VNNI, products of uint8 and int8 are added up in pairs of 16 bits, which saturate",
        fix='set the session option "session.x64quantprecision" to "1", or run it where there is VNNI',
        link="https://github.com/microsoft/onnxruntime/issues/14642",
    ),
    KnownFault(
        package="onnxruntime",
        versions="<1.26",
        text="average pools that count their padding, where it is not alike on both sides, divide by the wrong number",
        fix="use onnxruntime 1.26 or newer",
        link="https://github.com/microsoft/onnxruntime/pull/27375",
    ),
    KnownFault(
        package="ai-edge-litert",
        versions="<=2.1.5",
        text="a convolution with SAME padding whose strides differ, such as (3, 4), may give nothing but zeros",
        fix="use ai-edge-litert 2.3",
        link="https://github.com/google-ai-edge/LiteRT/issues/9256",
    ),
)


def runtime_notes(versions: Mapping[str, str], processor: Processor, precision: Precision) -> tuple[str, ...]:
    """What is known to go wrong where an artifact ran; `versions` are those of its runtime."""
    return notes_of(_hazards(versions, processor, precision))


def _hazards(versions: Mapping[str, str], processor: Processor, precision: Precision) -> Iterator[Hazard]:
    for fault in KNOWN_FAULTS:
        if fault.concerns(versions, processor, precision):
            reason = f"{fault.package} {versions[fault.package]}: {fault.text}"
            yield Hazard(code=HazardCode.RUNTIME, reason=reason, fix=f"{fault.fix} ({fault.link})")
