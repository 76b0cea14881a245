"""Makes a model's inputs of files as a specification says, and keeps what they were before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np

from ..errors import InputError, NotRunnable
from ..signature import Signature
from ..spread import SAMPLES, spread
from ..tensors import Call, write_calls
from .audio import preprocess_audio
from .image import preprocess_image
from .kinds import AudioSpec, ImageSpec, Spec, TextSpec
from .sounds import read_samples_of
from .spec import check_spec, read_spec

_READERS = {ImageSpec: ("PIL", "Pillow", "images"), TextSpec: ("tokenizers", "tokenizers", "text")}


def require_reader(spec: Spec) -> None:
    """Raise NotRunnable if the package that reads what a specification is about is not installed."""
    module, name, extra = _READERS.get(type(spec), ("numpy", "numpy", ""))
    if find_spec(module) is None:
        raise NotRunnable(
            f"preprocessing as specified needs {name}, which is not installed",
            fix=f'pip install "edgeproof[{extra}]"',
        )


class Preprocessor:
    """A specification at work; `folder` is where it lies, its tokenizer beside it.

    Only files need a reader: pixels and sounds that were read before become inputs without any. NotRunnable for texts
    whose tokenizer's library is not installed.
    """

    def __init__(self, spec: Spec, folder: Path) -> None:
        self._spec = spec
        self._content = msgspec.to_builtins(spec)
        if isinstance(spec, TextSpec):
            require_reader(spec)
            from .tokens import Tokens  # noqa: PLC0415 (an extra)

            self._tokens = Tokens(spec, folder)

    def original(self, path: Path) -> dict[str, np.ndarray]:
        """What a file holds: "pixels" (height, width, 3) of uint8, "pcm" of int16, or "text", UTF-8 as uint8.

        Raises InputError if it is not a file of this kind.
        """
        match self._spec:
            case ImageSpec():
                from .pictures import read_pixels  # noqa: PLC0415 (an extra)

                return {"pixels": read_pixels(path)}
            case AudioSpec():
                return {"pcm": read_samples_of(path, self._spec.rate)}
            case TextSpec():
                return {"text": np.frombuffer(_read_text(path).encode(), np.uint8)}

    def inputs(self, original: Call) -> dict[str, np.ndarray]:
        """The model's inputs by name of what `original` gave; InputError for an image that is smaller than its crop."""
        match self._spec:
            case ImageSpec():
                try:
                    return {self._spec.input: preprocess_image(original["pixels"], self._content)}
                except ValueError as error:
                    raise InputError(str(error), fix="add a resize to the specification, or take it away") from error
            case AudioSpec():
                return {self._spec.input: preprocess_audio(original["pcm"], self._content)}
            case TextSpec():
                return self._tokens.of(original["text"].tobytes().decode())


def inputs_of(spec: Spec, original: Call, *, folder: Path) -> dict[str, np.ndarray]:
    """The inputs of one original, see Preprocessor, whose errors it raises."""
    return Preprocessor(spec, folder).inputs(original)


def calls_as_specified(
    files: Sequence[Path], preprocess: Path, signature: Signature, *, originals: Path | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """The calls that a specification makes of files; what some of them hold, see spread.py, is written to `originals`.

    Raises InputError if the specification contradicts the signature, or a file is none of its kind; NotRunnable if what
    reads the files is not installed.
    """
    spec = read_spec(preprocess)
    require_reader(spec)
    check_spec(spec, signature)
    preprocessor = Preprocessor(spec, preprocess.parent)
    if originals is not None:
        write_calls(originals, (preprocessor.original(files[place]) for place in spread(range(len(files)), SAMPLES)))
    for file in files:
        try:
            yield preprocessor.inputs(preprocessor.original(file))
        except InputError as error:
            named = error.message if str(file) in error.message else f"{file}: {error.message}"
            raise InputError(named, fix=error.fix) from error


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no text in UTF-8: {error}", fix="store it as UTF-8, or take it away") from error
