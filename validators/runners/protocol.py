"""What every runner is: opened with an artifact, it declares a signature and maps named arrays to named arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from ...converters.artifact import Artifact
from ...converters.errors import LoadError, RunError
from ...converters.signature import Signature, TensorSpec, allows, shape_text

Array = np.ndarray[Any, np.dtype[Any]]
_INPUTS_FIX = "if these are the source's inputs, the conversion changed them: `edgeproof inspect ARTIFACT` shows how"
_CONVERT_FIX = "convert again from the source; if it stays, report it with the artifact"


class Runner(Protocol):
    """A loaded artifact; a context manager, so that whatever the runtime holds is let go."""

    def __enter__(self) -> Self:
        """Itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Let go of the model."""
        ...

    @property
    def signature(self) -> Signature:
        """Names, dtypes and shapes as the file declares them, in the file's order.

        Where a format does not store a name or a bound, the artifact's record of it is taken.
        """
        ...

    @property
    def made_by(self) -> dict[str, str]:
        """Who computes: the runtime's version, and the delegate where there is one."""
        ...

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One call: arrays by input name in, arrays of their own memory by output name out, in the file's order.

        Raises RunError if the inputs do not fit the signature or the runtime fails.
        """
        ...


OpenRunner = Callable[[Artifact], Runner]


def fitting(signature: Signature, inputs: Mapping[str, Array]) -> list[Array]:
    """The inputs in the signature's order, as runtimes read them: contiguous and in this machine's byte order.

    Raises RunError unless names, dtypes and shapes fit.
    """
    names = [spec.name for spec in signature.inputs]
    if set(names) != set(inputs):
        raise RunError(f"the artifact takes the inputs {names} and was given {list(inputs)}", fix=_INPUTS_FIX)
    for spec in signature.inputs:
        _check_fits(spec, inputs[spec.name], signature)
    return [np.asarray(inputs[spec.name], dtype=spec.dtype, order="C") for spec in signature.inputs]


def _check_fits(spec: TensorSpec, array: Array, signature: Signature) -> None:
    if array.dtype.name != spec.dtype:
        raise RunError(f"input {spec.name!r} must be {spec.dtype} and is {array.dtype.name}", fix=_INPUTS_FIX)
    if not allows(signature, spec, array.shape):
        raise RunError(
            f"input {spec.name!r} must have shape {shape_text(signature, spec)} and has {list(array.shape)}",
            fix=_INPUTS_FIX,
        )


def named_outputs(signature: Signature, outputs: Sequence[Array]) -> dict[str, Array]:
    """The outputs by name; RunError if there are more or fewer than the signature has."""
    names = [spec.name for spec in signature.outputs]
    if len(names) != len(outputs):
        raise RunError(
            f"the artifact gave {len(outputs)} outputs where its signature has {len(names)}: {names}", fix=_CONVERT_FIX
        )
    return dict(zip(names, outputs, strict=True))


def not_loadable(artifact: Artifact, runtime: str, why: object) -> LoadError:
    """The error for a file that its runtime does not open."""
    return LoadError(f"{runtime} does not load {artifact.file}: {first_lines(why)}", fix=_CONVERT_FIX)


def not_runnable(runtime: str, inputs: Mapping[str, Array], why: object) -> RunError:
    """The error for a call that the runtime refused or broke off."""
    given = ", ".join(f"{name}: {array.dtype}{list(array.shape)}" for name, array in inputs.items())
    return RunError(f"{runtime} failed on {given}: {first_lines(why)}", fix=_CONVERT_FIX)


def first_lines(why: object, *, count: int = 3) -> str:
    """The first lines of a message with something in them: the rest is in the log."""
    lines = [line.strip() for line in str(why).splitlines() if line.strip()]
    return "; ".join(lines[:count]) or type(why).__name__


def with_sizes(spec: TensorSpec, sizes: Sequence[int | str | None], recorded: Signature) -> TensorSpec:
    """`spec` with the `sizes` that a file declares; an open one goes by the name that the record has for it."""
    known = {other.name: other.shape for other in (*recorded.inputs, *recorded.outputs)}.get(spec.name, ())
    shape = tuple(
        size if isinstance(size, int) and size >= 0 else _open_size(known, spec.name, axis)
        for axis, size in enumerate(sizes)
    )
    return TensorSpec(name=spec.name, dtype=spec.dtype, shape=shape)


def _open_size(known: Sequence[int | str], name: str, axis: int) -> str:
    size = known[axis] if axis < len(known) else None
    return size if isinstance(size, str) else f"{name}.{axis}"


def keep_dynamic(spec: TensorSpec, recorded: TensorSpec | None) -> TensorSpec:
    """`spec` with the axes open that the record has open: for files that hold a size to start from.

    That such an axis can really be resized is seen when calls of two sizes run.
    """
    if recorded is None or len(recorded.shape) != len(spec.shape):
        return spec
    shape = tuple(
        open_size if isinstance(open_size, str) else size
        for open_size, size in zip(recorded.shape, spec.shape, strict=True)
    )
    return TensorSpec(name=spec.name, dtype=spec.dtype, shape=shape)
