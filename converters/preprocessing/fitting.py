"""Whether a preprocessing specification gives what a model takes: names, dtypes and shapes of its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..job import Layout
from ..signature import Signature, TensorSpec, allows, shape_text
from .kinds import HOW, AudioSpec, ImageSpec, Spec, TextSpec

_INTEGERS = ("int32", "int64", "uint32", "uint64", "int16", "uint16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """One input that a specification feeds: the dtypes it may have, and its shape; None for what the file decides."""

    name: str
    dtypes: tuple[str, ...]
    shape: tuple[int | None, ...]


def fed_by(spec: Spec) -> tuple[Fed, ...]:
    """The inputs that a specification feeds, by its own words."""
    match spec:
        case ImageSpec():
            return (Fed(name=spec.input, dtypes=("float32",), shape=_image_shape(spec, spec.layout)),)
        case AudioSpec():
            return (Fed(name=spec.input, dtypes=("float32",), shape=_audio_shape(spec)),)
        case TextSpec():
            names = [name for name in (spec.ids, spec.mask) if name is not None]
            return tuple(Fed(name=name, dtypes=_INTEGERS, shape=(1, spec.length)) for name in names)


def check_spec(spec: Spec, signature: Signature) -> None:
    """Raise InputError unless the specification feeds every input of the signature, each with what it takes."""
    inputs = {tensor.name: tensor for tensor in signature.inputs}
    fed = fed_by(spec)
    for each in fed:
        if each.name not in inputs:
            raise InputError(
                f"the preprocessing specification feeds {each.name!r}, the model takes {sorted(inputs)}",
                fix=f"name one of them in the specification: {next(iter(inputs), 'none')!r}",
            )
        _check_tensor(spec, each, inputs[each.name], signature)
    unfed = [name for name in inputs if name not in {each.name for each in fed}]
    if unfed:
        raise InputError(
            f"the preprocessing specification feeds {[each.name for each in fed]}, the model also takes {unfed}",
            fix="use --preprocess file.py:function for a model with several kinds of inputs",
        )


def _check_tensor(spec: Spec, fed: Fed, tensor: TensorSpec, signature: Signature) -> None:
    if tensor.dtype not in fed.dtypes:
        raise InputError(
            f"the preprocessing specification gives {tensor.name!r} as {_dtype_text(fed)}, "
            f"the model takes {tensor.dtype}",
            fix="convert a model that takes what the specification gives, or use --preprocess file.py:function",
        )
    if not _fits(fed.shape, tensor, signature):
        given = ", ".join("?" if size is None else str(size) for size in fed.shape)
        raise InputError(
            f"the preprocessing specification gives {tensor.name!r} the shape [{given}], the model takes "
            f"{shape_text(signature, tensor)}",
            fix=_shape_fix(spec, tensor, signature),
        )


def _dtype_text(fed: Fed) -> str:
    return fed.dtypes[0] if len(fed.dtypes) == 1 else "integers"


def _fits(shape: Sequence[int | None], tensor: TensorSpec, signature: Signature) -> bool:
    """Whether the model takes the shape; a size that files decide may be any that the model takes."""
    if len(shape) != len(tensor.shape):
        return False
    own = [signature.dim(size).min if isinstance(size, str) else size for size in tensor.shape]
    return allows(signature, tensor, [known if size is None else size for size, known in zip(shape, own, strict=True)])


def _shape_fix(spec: Spec, tensor: TensorSpec, signature: Signature) -> str:
    match spec:
        case ImageSpec():
            other = Layout.NHWC if spec.layout is Layout.NCHW else Layout.NCHW
            if _fits(_image_shape(spec, other), tensor, signature):
                return f'write "layout": "{other}" in the specification'
            return f"correct colours, resize, crop or layout in the specification; {HOW}"
        case AudioSpec():
            return f"correct window or features in the specification; {HOW}"
        case TextSpec():
            return f"correct length in the specification; {HOW}"


def _image_shape(spec: ImageSpec, layout: Layout) -> tuple[int | None, ...]:
    exact = spec.resize.size if spec.resize is not None else None
    height, width = spec.crop or exact or (None, None)
    channels = spec.colours.channels
    return (1, channels, height, width) if layout is Layout.NCHW else (1, height, width, channels)


def _audio_shape(spec: AudioSpec) -> tuple[int, ...]:
    if spec.features is None:
        return 1, spec.window
    return 1, 1 + (spec.window - spec.features.fft) // spec.features.hop, spec.features.mels
