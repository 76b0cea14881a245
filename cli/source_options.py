"""The options that say how a source is opened, and the Source that they become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from ..converters.resolve import resolve
from ..converters.source import Framework, Opening, Source, Trust
from .options import parse_assignments

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--model",
        metavar="FACTORY",
        help="What builds the model that weights belong to: file.py:function; for Keras also architecture.json.",
    ),
    click.option("--model-arg", multiple=True, metavar="K=V", help="An argument for the factory; repeatable."),
    click.option(
        "--framework",
        type=click.Choice(["torch", "keras", "tensorflow"]),
        help="Whose model a factory builds, if its file does not show.",
    ),
    click.option(
        "--input",
        multiple=True,
        metavar="SPEC",
        help='Example input: "image:float32[1,3,224,224]", x.npz or file.py:function; repeatable.',
    ),
    click.option("--weights", metavar="KEY", help="Where the weights are in a training checkpoint: ema, state.model."),
    click.option("--custom-objects", metavar="FILE:NAMES", help="Classes that a Keras model needs: file.py:Name,Name."),
    click.option("--signature", metavar="NAME", help="Which function of a SavedModel, if it has several."),
    click.option(
        "--trust-pickle",
        is_flag=True,
        help="Unpickle a whole module: runs what the file asks for. Only for files of yours.",
    ),
    click.option(
        "--trust-code", is_flag=True, help="Run the Python code inside a Keras file. Only for files of yours."
    ),
    click.option("--trust-remote-code", is_flag=True, help="Run the Python files in a Transformers folder."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceArguments:
    """The texts of the command line about a source, as click hands them over."""

    model: str | None
    model_arg: tuple[str, ...]
    framework: str | None
    input: tuple[str, ...]
    weights: str | None
    custom_objects: str | None
    signature: str | None
    trust_pickle: bool
    trust_code: bool
    trust_remote_code: bool

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> SourceArguments:
        """Those among all the arguments of a command."""
        return cls(**{name: given[name] for name in SourceArguments.__dataclass_fields__})

    @property
    def given(self) -> list[str]:
        """The options that were used, as they are typed."""
        names = (name for name in SourceArguments.__dataclass_fields__ if getattr(self, name))
        return [f"--{name.replace('_', '-')}" for name in names]


def source_options(function: Decorated) -> Decorated:
    """What a checkpoint alone does not say."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def source_from(text: str, given: SourceArguments) -> Source:
    """The source that was named; raises UsageError or SourceError, before anything is opened by a framework."""
    trusted = {
        Trust.PICKLE: given.trust_pickle,
        Trust.CODE: given.trust_code,
        Trust.REMOTE_CODE: given.trust_remote_code,
    }
    return resolve(
        text,
        model=given.model,
        model_args=parse_assignments(given.model_arg, option="--model-arg"),
        inputs=given.input,
        framework=Framework(given.framework) if given.framework else None,
        opening=Opening(
            weights=given.weights,
            custom_objects=given.custom_objects,
            signature=given.signature,
            trust=tuple(trust for trust, allowed in trusted.items() if allowed),
        ),
    )
