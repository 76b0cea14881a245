"""Makes a sequence of the calls of a model that carries state, for the judgement with its own state."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..converters.errors import InputError, UsageError
from ..converters.feedback import Feedback
from ..converters.signature import Signature
from ..converters.tensors import Call
from .samples import SampleSet, hash_calls

KIND = "sequence"
_LONGEST = 64
_LOOKS_LIKE_STATE = re.compile(r"(^|[_.])(state|hidden|cell|cache|mem(ory)?|[hc]\d?)s?\d*($|[_.])", re.IGNORECASE)


def parse_state(texts: tuple[str, ...]) -> dict[str, str]:
    """Texts such as "output=input" as a mapping of inputs to the outputs that are fed back; raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        taken, equals, given = text.partition("=")
        if not equals or not taken or not given:
            raise UsageError(f"--state {text!r} is not understood", fix="write --state OUTPUT=INPUT")
        if given in found:
            raise UsageError(
                f"--state feeds {given!r} from {found[given]!r} and from {taken!r}", fix="name one of them"
            )
        found[given] = taken
    return found


def check_state(state: Mapping[str, str], signature: Signature) -> None:
    """Raises UsageError unless every input exists and the output that it comes from has its dtype and shape."""
    inputs = {spec.name: spec for spec in signature.inputs}
    outputs = {spec.name: spec for spec in signature.outputs}
    for given, taken in state.items():
        if given not in inputs or taken not in outputs:
            raise UsageError(
                f"--state {taken}={given}: the model has the outputs {', '.join(outputs)} and the inputs "
                f"{', '.join(inputs)}",
                fix="write --state OUTPUT=INPUT with these names",
            )
        left, right = outputs[taken], inputs[given]
        if (left.dtype, left.shape) != (right.dtype, right.shape):
            raise UsageError(
                f"--state {taken}={given}: the output is {left.dtype}{list(left.shape)} and the input "
                f"{right.dtype}{list(right.shape)}",
                fix="feed back an output of the input's own dtype and shape",
            )


def with_sequence(samples: SampleSet, state: Mapping[str, str]) -> SampleSet:
    """The calls and after them, where the model carries state, a sequence of real ones, or of generated ones.

    Raises InputError if there are fewer than two calls of one shape to make a sequence of.
    """
    if not state:
        return samples
    calls = list(_of_one_shape(samples.calls[: samples.given] or samples.calls))[:_LONGEST]
    if len(calls) < 2:
        raise InputError(
            f"a sequence to judge the state on needs two samples of one shape, and there are {len(calls)}",
            fix="give the samples of a sequence in their order with --samples",
        )
    together = (*samples.calls, *calls)
    kinds = (*samples.kinds, *(KIND for _ in calls))
    return replace(samples, calls=together, kinds=kinds, sha256=hash_calls(together))


def feedback_of(samples: SampleSet, state: Mapping[str, str]) -> Feedback | None:
    """Where the sequence begins and what is fed back in it; None for a model without state."""
    return Feedback(start=samples.kinds.index(KIND), state=dict(state)) if KIND in samples.kinds else None


def notes_on_state(signature: Signature, state: Mapping[str, str]) -> Iterator[str]:
    """A word about inputs that look like state which nobody has named."""
    for spec in signature.inputs:
        if spec.name in state or not _LOOKS_LIKE_STATE.search(spec.name):
            continue
        alike = [other.name for other in signature.outputs if (other.dtype, other.shape) == (spec.dtype, spec.shape)]
        if alike:
            yield (
                f"{spec.name!r} looks like state that {alike[0]!r} is fed back to: with --state {alike[0]}={spec.name} "
                "it is also judged with its own state over the sequence of samples"
            )


def _of_one_shape(calls: tuple[Call, ...]) -> Iterator[Call]:
    for call in calls:
        if all(array.shape == calls[0][name].shape for name, array in call.items()):
            yield call
