"""Many real calls of every published model in two parts that share no input: one to calibrate with, one to judge on.

    .venv/bin/python benchmarks/models/real_calls.py fer keras FOLDER   # writes calibration.npz and heldout.npz there

Arrays are stacks of calls, named like the model's inputs, as `edgeproof convert --samples` takes them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from real_data import RATE, heart_beats, sleep_features, speech
from sentences import sentences
from skimage import data as photographs
from sklearn.datasets import load_sample_image

Arrays = dict[str, np.ndarray]
_COLOUR = ("astronaut", "chelsea", "coffee", "rocket", "retina", "hubble_deep_field", "immunohistochemistry")
_GREY = ("camera", "coins", "clock", "brick", "grass")
_OF_SCIKIT_LEARN = ("china.jpg", "flower.jpg")
_IMAGENET = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)
_FACES = 100
_PITCH_WINDOW, _PITCH_PAIRS = 1024, 8
_VOICE_WINDOW, _VOICE_CONTEXT, _EVERY = 512, 64, 3
_SPEECH_STARTS = 6 * RATE  # before that there is silence
_TOKENS, _SENTENCES_OF_A_CALL = 32, 3
_EPOCHS, _NIGHTS = 64, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Calls by input name, stacked along a leading axis."""

    calibration: Arrays
    held_out: Arrays


def parts_of(model: str, framework: str) -> Parts:
    """The calls of one published model; KeyError for a name that is not in catalog.py."""
    return _MAKERS[model](framework)


def _crops(size: int, count: int) -> tuple[list[Image.Image], list[Image.Image]]:
    """`count` square cuts each of the two halves of many photographs, at several places and scales.

    Halves are swapped from one photograph to the next, so that what lies left is no property of a part.
    """
    halves: tuple[list[Image.Image], list[Image.Image]] = ([], [])
    for number, image in enumerate(_images()):
        middle = image.width // 2
        left, right = image.crop((0, 0, middle, image.height)), image.crop((middle, 0, image.width, image.height))
        for part, half in zip(halves, (left, right) if number % 2 else (right, left), strict=True):
            part.append(half)
    return tuple(_cuts_of(part, size, count) for part in halves)  # type: ignore[return-value]


def _images() -> Iterator[Image.Image]:
    for name in (*_COLOUR, *_GREY):
        yield Image.fromarray(getattr(photographs, name)()).convert("RGB")
    yield Image.fromarray(photographs.stereo_motorcycle()[0]).convert("RGB")
    yield from (Image.fromarray(load_sample_image(name)).convert("RGB") for name in _OF_SCIKIT_LEARN)


def _cuts_of(images: Sequence[Image.Image], size: int, count: int) -> list[Image.Image]:
    """The images in turn; the largest square first, then smaller ones anywhere."""
    chance = np.random.default_rng(0)
    found = []
    for index in range(count):
        image, turn = images[index % len(images)], index // len(images)
        side = round(min(image.size) * (1.0, 0.8, 0.6, 0.45)[turn % 4])
        left, top = (round(chance.uniform(0, length - side)) for length in image.size)
        found.append(image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BICUBIC))
    return found


def _faces(size: int) -> tuple[list[Image.Image], list[Image.Image]]:
    """Labelled Faces in the Wild, faces and backgrounds in turn; the second half of each kind is held out.

    To each part come cuts of photographs in colour, which the grey cuts say nothing about.
    """
    cuts = photographs.lfw_subset()
    scaled = [
        Image.fromarray(np.uint8(np.round(np.clip(cuts[index], 0, 1) * 255)))
        .resize((size, size), Image.Resampling.BICUBIC)
        .convert("RGB")
        for face in range(_FACES)
        for index in (face, face + _FACES)
    ]
    others, held_out = _crops(size, 28)
    return scaled[:_FACES] + others, scaled[_FACES:] + held_out


def _pixels(
    name: str, parts: tuple[list[Image.Image], list[Image.Image]], shape: Callable[[list[Image.Image]], np.ndarray]
) -> Parts:
    calibration, held_out = parts
    return Parts(calibration={name: shape(calibration)}, held_out={name: shape(held_out)})


def _array(images: Sequence[Image.Image]) -> np.ndarray:
    return np.stack([np.asarray(image, np.float32) for image in images])


def _efficientnet_lite0(_: str) -> Parts:
    mean, deviation = _IMAGENET

    def shape(images: list[Image.Image]) -> np.ndarray:
        pixels = (_array(images) / 255 - mean) / deviation
        return np.asarray(pixels.transpose(0, 3, 1, 2), np.float32).reshape(-1, 3, 3, 224, 224)

    return _pixels("inputs", _crops(224, 192), shape)


def _mtcnn(images: Callable[[], tuple[list[Image.Image], list[Image.Image]]]) -> Callable[[str], Parts]:
    def shape(found: list[Image.Image]) -> np.ndarray:
        return (_array(found) - 127.5)[:, None] / 128

    def make(framework: str) -> Parts:
        if framework == "keras":
            return _pixels("input", images(), shape)
        return _pixels("x", images(), lambda found: np.ascontiguousarray(shape(found).transpose(0, 1, 4, 2, 3)))

    return make


def _fer(_: str) -> Parts:
    def shape(images: list[Image.Image]) -> np.ndarray:
        grey = _array([image.convert("L") for image in images])
        return ((grey / 255 - 0.5) * 2)[:, None, :, :, None]

    return _pixels("input_1", _faces(64), shape)


def _crepe_tiny(_: str) -> Parts:
    """Speech, eight pairs of windows at a time to one part and to the other."""
    sound = speech()[_SPEECH_STARTS:]
    windows = sound[: len(sound) // (2 * _PITCH_WINDOW) * 2 * _PITCH_WINDOW].reshape(-1, 2, _PITCH_WINDOW)
    centred = windows - windows.mean(axis=2, keepdims=True)
    calls = np.asarray(centred / np.maximum(centred.std(axis=2, keepdims=True), 1e-10), np.float32)
    held_out = np.arange(len(calls)) // _PITCH_PAIRS % 2 == 1
    return Parts(calibration={"x": calls[~held_out]}, held_out={"x": calls[held_out]})


def _silero(_: str) -> Parts:
    """Every third frame of the speech with the state that all before it left; the seconds go to the parts in turn.

    The first frame of a second shares its context with the one before and goes to neither.
    """
    import torch  # noqa: PLC0415 (the states are the model's own)
    from torch_models import silero  # noqa: PLC0415

    names = ["sound", "state"]
    model, _unused = silero()
    sound, state = torch.from_numpy(speech()), torch.zeros(2, 1, 128)
    found: list[list[tuple[np.ndarray, np.ndarray]]] = [[], []]
    with torch.no_grad():
        for index, start in enumerate(range(_SPEECH_STARTS, len(sound) - _VOICE_WINDOW, _VOICE_WINDOW)):
            window = sound[start - _VOICE_CONTEXT : start + _VOICE_WINDOW].unsqueeze(0)
            first, last = (start - _VOICE_CONTEXT) // RATE, (start + _VOICE_WINDOW - 1) // RATE
            if index % _EVERY == 0 and first == last:
                found[first % 2].append((window.numpy(), state.numpy()))
            _, state = model.eval()(window, state)
    calibration, held_out = (
        {name: np.stack(arrays) for name, arrays in zip(names, zip(*part, strict=True), strict=True)} for part in found
    )
    return Parts(calibration=calibration, held_out=held_out)


def _minilm(_: str) -> Parts:
    """Sentences, each in one part only."""
    from torch_models import _tokens  # noqa: PLC0415 (it brings torch with it)

    texts = sentences()
    whole = len(texts) // (2 * _SENTENCES_OF_A_CALL) * 2 * _SENTENCES_OF_A_CALL
    ids, masks = (array.numpy().reshape(-1, 2, _SENTENCES_OF_A_CALL, _TOKENS) for array in _tokens(texts[:whole]))
    calibration, held_out = ({"input_ids": ids[:, part], "attention_mask": masks[:, part]} for part in (0, 1))
    return Parts(calibration=calibration, held_out=held_out)


def _sleep_gru(_: str) -> Parts:
    """Nights of people of many ages, with slower and faster hearts than the one of the ECG, some epochs masked.

    The beats of the first half of the ECG calibrate, those of the second are held out.
    """
    beats = heart_beats()
    halves = beats[: len(beats) // 2], beats[len(beats) // 2 :]
    calibration, held_out = (
        {"input_layer": np.stack([_night(half, part, night)[None] for night in range(_NIGHTS)])}
        for part, half in enumerate(halves)
    )
    return Parts(calibration=calibration, held_out=held_out)


def _night(beats: np.ndarray, part: int, night: int) -> np.ndarray:
    """One night. A heart's pace drifts: beats that repeat exactly would make one of the features 1e15."""
    whole = np.tile(beats, 2 * _EPOCHS * 30 // round(beats.sum()))
    hours = np.cumsum(whole) / 3600
    pace = (0.85 + 0.03 * ((night * 7 + part * 3) % 11)) * (1 + 0.04 * np.sin(4 * hours + night))
    features = sleep_features(_EPOCHS, shift=11.0 * night, age=25 + (night * 5 + part * 2) % 60, beats=whole * pace)
    features[len(features) - 8 * (night % 3) :] = -1
    return features


_MAKERS: dict[str, Callable[[str], Parts]] = {
    "crepe_tiny": _crepe_tiny,
    "efficientnet_lite0": _efficientnet_lite0,
    "fer": _fer,
    "minilm": _minilm,
    "mtcnn_pnet": _mtcnn(lambda: _crops(96, 128)),
    "mtcnn_rnet": _mtcnn(lambda: _faces(24)),
    "mtcnn_onet": _mtcnn(lambda: _faces(48)),
    "silero": _silero,
    "sleep_gru": _sleep_gru,
}


def main(model: str, framework: str, folder: Path) -> None:
    """Write the two files."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = parts_of(model, framework)
    np.savez(folder / "calibration.npz", **parts.calibration)  # type: ignore[arg-type]
    np.savez(folder / "heldout.npz", **parts.held_out)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
