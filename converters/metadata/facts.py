"""What is written about a model into its artifact, beside the texts: for formats with fields of their own for it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What the pixels of an image input are: "rgb" or "grey", and their (pixel - mean) / std, one number a channel.

    Pixels go from 0 to 255; `mean` and `std` are in the same unit. Channels in another order have no name in LiteRT's
    metadata: `colours` is None for them.
    """

    colours: str | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorText:
    """One input or output, by the name that the artifact's signature gives it.

    `low` and `high` are the range of its values, of one number or one a channel; `labels` names the associated file
    with a label for each element of its last axis.
    """

    name: str
    description: str = ""
    image: ImageFacts | None = None
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    labels: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """The model as a whole; `files` are texts that travel in the artifact, by plain file name."""

    name: str
    version: str
    description: str = ""
    author: str | None = None
    license: str | None = None
    inputs: tuple[TensorText, ...] = ()
    outputs: tuple[TensorText, ...] = ()
    files: dict[str, str] = field(default_factory=dict[str, str])
