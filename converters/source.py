"""What a user hands in: a checkpoint or a factory, with the framework that opens it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Framework(StrEnum):
    """Who can run the source."""

    TORCH = "torch"
    KERAS = "keras"
    TENSORFLOW = "tensorflow"  # functions of TensorFlow, and models of Keras 2, which is one of its parts


class Trust(StrEnum):
    """What of a file's own code its user allows to run; nothing by default."""

    PICKLE = "pickle"
    CODE = "code"
    REMOTE_CODE = "remote-code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the user says about opening a checkpoint, beside its path.

    `weights` is the key of the weights inside a training checkpoint, `custom_objects` names classes that a Keras
    model needs ("file.py:NAME,NAME"), `signature` which function of a SavedModel is meant, `trust` what of the
    file's own code may run.
    """

    weights: str | None = None
    custom_objects: str | None = None
    signature: str | None = None
    trust: tuple[Trust, ...] = ()


class SourceKind(StrEnum):
    """How the source is stored."""

    FACTORY = "factory"
    STATE_DICT = "state_dict"
    PICKLED_MODULE = "pickled_module"
    EXPORTED_PROGRAM = "exported_program"
    TORCHSCRIPT = "torchscript"
    TRANSFORMERS = "transformers"
    LIVE_MODULE = "live_module"
    KERAS_FILE = "keras_file"
    KERAS_HDF5 = "keras_hdf5"
    SAVED_MODEL = "saved_model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A model before conversion.

    `path` is the checkpoint file, or None for a bare factory. `factory` ("pkg.mod:fn" or "file.py:fn")
    builds the model, or the architecture that a state_dict is loaded into; `factory_args` are its keyword
    arguments as pairs of text. `inputs` are the `--input` texts, in order; `opening` is what else the user said.
    """

    name: str
    framework: Framework
    kind: SourceKind
    path: str | None = None
    factory: str | None = None
    factory_args: tuple[tuple[str, str], ...] = ()
    inputs: tuple[str, ...] = ()
    opening: Opening = Opening()

    @property
    def is_foreign(self) -> bool:
        """Whether opening it reads a file that may come from anybody; else all that runs is the user's own code."""
        return self.path is not None and self.kind is not SourceKind.LIVE_MODULE
