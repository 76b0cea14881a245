"""What the manifest says of an artifact, written down as constants of a language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ....converters.preprocessing.kinds import AudioSpec, ImageSpec
from ..manifest import BundledTensor, GoldenCall
from .facts import Facts


@dataclass(frozen=True, slots=True)
class Single:
    """A number of single precision."""

    value: float


Value = StrEnum | bool | int | float | Single | tuple[Single, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a language writes constants; the texts are formats, whose fields the methods below fill.

    `escapes` are the characters of a string literal that mean something else, `dtype` and `member` say how a dtype and
    an enumeration's member are called, `single` is a number of single precision and `floats` a list of those.
    """

    escapes: Mapping[str, str]
    dtype: Callable[[str], str]
    member: Callable[[StrEnum], str]
    shape: str
    tensors: str
    port: str
    stored: str
    call: str
    original: str
    single: str
    floats: str

    def quoted(self, text: str) -> str:
        """A string literal."""
        replaced = {"\\": "\\\\", '"': '\\"', "\n": "\\n", **self.escapes}
        return '"' + "".join(replaced.get(letter, letter) for letter in text) + '"'

    def ports(self, tensors: Sequence[BundledTensor]) -> list[str]:
        """The inputs or outputs of an artifact."""
        return [
            self.port.format(
                name=self.quoted(tensor.name),
                type=self.dtype(tensor.dtype),
                scale=float(tensor.scale or 0),
                zero_point=tensor.zero_point or 0,
            )
            for tensor in tensors
        ]

    def calls(self, facts: Facts) -> list[str]:
        """The golden calls, their tensors in the order of the artifact's."""
        artifact = facts.artifact
        return [
            self.call.format(
                sample=call.sample,
                inputs=self._tensors(call, call.inputs, artifact.inputs),
                outputs=self._tensors(call, call.outputs, artifact.outputs),
            )
            for call in artifact.golden
        ]

    def _tensors(self, call: GoldenCall, files: Mapping[str, str], tensors: Sequence[BundledTensor]) -> str:
        stored = (
            self.stored.format(
                file=self.quoted(files[tensor.name]),
                type=self.dtype(call.dtypes[tensor.name]),
                shape=self._shape(call.shapes[tensor.name]),
                tolerance=float(call.tolerance.get(tensor.name, 0)),
            )
            for tensor in tensors
        )
        return self.tensors.format(items=", ".join(stored))

    def originals(self, facts: Facts) -> list[str]:
        """The samples before preprocessing."""
        return [
            self.original.format(sample=one.sample, file=self.quoted(one.file), shape=self._shape(one.shape))
            for one in facts.originals
        ]

    def _shape(self, sizes: Iterable[int]) -> str:
        return self.shape.format(items=", ".join(str(size) for size in sizes))

    def value(self, value: Value) -> str:
        """A setting's value."""
        if isinstance(value, StrEnum):
            return self.member(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Single):
            return self.single.format(value=float(value.value))
        if isinstance(value, tuple):
            return self.floats.format(items=", ".join(self.value(one) for one in value))
        return repr(value)


def settings_of(spec: ImageSpec | AudioSpec) -> dict[str, Value]:
    """The fields of a specification that are not at their defaults, by the names that shipped code has in C++."""
    return _image(spec) if isinstance(spec, ImageSpec) else _audio(spec)


def _image(spec: ImageSpec) -> dict[str, Value]:
    settings: dict[str, Value] = {"colours": spec.colours}
    if spec.resize is not None and spec.resize.size is not None:
        settings |= {"resize_height": spec.resize.size[0], "resize_width": spec.resize.size[1]}
    if spec.resize is not None and spec.resize.shortest is not None:
        settings["shortest"] = spec.resize.shortest
    if spec.resize is not None:
        settings |= {"filter": spec.resize.filter, "antialias": spec.resize.antialias}
    if spec.crop is not None:
        settings |= {"crop_height": spec.crop[0], "crop_width": spec.crop[1]}
    settings["divisor"] = Single(spec.divisor)
    settings |= {name: tuple(map(Single, given)) for name, given in (("mean", spec.mean), ("std", spec.std)) if given}
    return {**settings, "nhwc": spec.layout == "nhwc"}


def _audio(spec: AudioSpec) -> dict[str, Value]:
    settings: dict[str, Value] = {"rate": spec.rate, "window": spec.window}
    if spec.features is None:
        return settings
    features = spec.features
    settings |= {"fft": features.fft, "hop": features.hop, "mels": features.mels}
    return settings | {"low": float(features.low), "high": float(features.high), "offset": float(features.offset)}


def camel(name: str) -> str:
    """A name as Kotlin and Swift write it."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
