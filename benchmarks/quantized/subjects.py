"""The models that are quantised, and what each of them decides; nothing here needs a framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from models.catalog import ITEMS, Item

from edgeproof.sample_models.catalog import SAMPLES, Sample

Outputs = Mapping[str, np.ndarray]
Decide = Callable[[Outputs], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a user reads from the outputs, in words, and from them by name as integers to compare."""

    words: str
    of: Decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One model: either `item` (published) or `sample` (of this repository). `decision` is None for embeddings."""

    name: str
    framework: str
    decision: Decision | None
    item: Item | None = None
    sample: Sample | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """SOURCE and its options for `edgeproof convert`."""
        if self.sample:
            return self.sample.arguments()
        assert self.item
        return (self.item.factory,)


def top(output: str = "", *, axis: int = -1, words: str = "top-1") -> Decision:
    """The largest of the scores along an axis of the output of this name, or of the only one."""
    return Decision(words=words, of=lambda outputs: np.argmax(_chosen(outputs, output), axis=axis))


def above(output: str = "", *, words: str) -> Decision:
    """Whether the probability in the output of this name, or in the only one, is at least a half."""
    return Decision(words=words, of=lambda outputs: _chosen(outputs, output) >= 0.5)


def _chosen(outputs: Outputs, name: str) -> np.ndarray:
    """Never by position: Keras and torch do not agree about the order of named outputs."""
    if name:
        return outputs[name]
    (only,) = outputs.values()
    return only


_FACE = "a face or not (the larger of two)"
_ITEM_DECISIONS: dict[str, Decision | None] = {
    "efficientnet_lite0 (torch)": top(),
    "crepe_tiny (torch)": top(words="pitch bin, top-1"),
    "minilm (torch)": None,
    "silero (torch)": above("output_0", words="speech at 0.5"),
    "mtcnn_pnet (torch)": top("output_1", axis=1, words=f"{_FACE}, at every place"),
    "mtcnn_rnet (torch)": top("output_1", words=_FACE),
    "mtcnn_onet (torch)": top("output_2", words=_FACE),
    "mtcnn_pnet (keras)": top("output_1", words=f"{_FACE}, at every place"),
    "mtcnn_rnet (keras)": top("output_1", words=_FACE),
    "mtcnn_onet (keras)": top("output_2", words=_FACE),
    "fer (keras)": top(),
    "sleep_gru (keras)": top(words="sleep stage of each epoch, top-1"),
}
_SAMPLE_DECISIONS: dict[str, Decision] = {
    "digits_cnn": top(),
    "ink_tokens": top(),
    "digit_rows_lstm": top(),
    "digit_pairs": above("same", words="the same digit at 0.5"),
    "faces_cnn": above(words="a face at 0.5"),
    "digit_columns_gru": top(),
    "tumours": above("malignant", words="malignant at 0.5"),
}
_FIRST = ("efficientnet_lite0", "crepe_tiny", "minilm", "silero", "mtcnn_onet", "fer", "sleep_gru")


def _plain_name(item: Item) -> str:
    twice = sum(other.model == item.model for other in ITEMS) > 1
    return f"{item.model}_keras" if twice and item.framework == "keras" else item.model


def _subjects() -> tuple[Subject, ...]:
    items = [
        Subject(name=_plain_name(item), framework=item.framework, decision=_ITEM_DECISIONS[item.name], item=item)
        for item in ITEMS
    ]
    samples = [
        Subject(name=sample.name, framework=sample.framework, decision=_SAMPLE_DECISIONS[sample.name], sample=sample)
        for sample in SAMPLES
    ]
    found = [*items, *samples]
    # The models that are known to be hard come first, so that a run that is watched says early how it goes.
    return tuple(sorted(found, key=lambda each: _FIRST.index(each.name) if each.name in _FIRST else len(_FIRST)))


SUBJECTS = _subjects()


def subject(name: str) -> Subject:
    """The subject of this name; raises SystemExit naming those there are."""
    for candidate in SUBJECTS:
        if candidate.name == name:
            return candidate
    raise SystemExit(f"no model is called {name}; there are: {', '.join(each.name for each in SUBJECTS)}")
