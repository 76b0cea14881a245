"""Example inputs of a Transformers model, from its configuration and what forward() takes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import transformers

from ...errors import InputError

_TOKENS = 16
_SEED = 0
_PADDED = 4  # one in so many positions of the mask
_SECOND_OF_FRAMES = 50
Array = np.ndarray[Any, Any]


class ConfiguredInputs:
    """Draws each input that a configuration tells the size of; `folder` may hold preprocessor_config.json."""

    def __init__(self, model: transformers.PreTrainedModel, folder: Path) -> None:
        self._model = model
        self._folder = folder
        self._takes = inspect.signature(model.forward).parameters
        self._generator = np.random.default_rng(_SEED)
        self._makers: dict[str, Callable[[], Array | None]] = {
            "input_ids": self._ids,
            "pixel_values": self._pixels,
            "input_values": self._waveform,
            "input_features": self._features,
        }

    def draw(self) -> dict[str, Array]:
        """One call by name; InputError, with the --input to give, where the configuration does not tell."""
        made: dict[str, Array] = {}
        for name in self._wanted():
            array = self._makers[name]() if name in self._makers else None
            if array is None:
                raise self._unknown(name)
            made[name] = array
        if "input_ids" in made and "attention_mask" in self._takes:
            made["attention_mask"] = self._mask(made["input_ids"])
        if getattr(self._model.config, "is_encoder_decoder", False) and "decoder_input_ids" in self._takes:
            ids = self._ids()
            if ids is None:
                raise self._unknown("decoder_input_ids")
            made["decoder_input_ids"] = ids
        return made

    def _wanted(self) -> list[str]:
        """The main input, and the other one of a model with a text and a vision part."""
        names = [self._model.main_input_name]
        for other, part in (("input_ids", "text_config"), ("pixel_values", "vision_config")):
            if other not in names and other in self._takes and hasattr(self._model.config, part):
                names.append(other)
        return [name for name in names if name in self._takes] or [next(iter(self._takes))]

    def _setting(self, *names: str) -> Any:
        """The first of these settings, in the configuration or in those of its parts."""
        config = self._model.config
        parts = [getattr(config, part, None) for part in getattr(config, "sub_configs", {})]
        for place in (config, *parts):
            for name in names:
                value = getattr(place, name, None)
                if value is not None:
                    return value
        return None

    def _preprocessing(self, name: str) -> Any:
        path = self._folder / "preprocessor_config.json"
        try:
            found = json.loads(path.read_bytes()) if path.is_file() else {}
        except ValueError:
            return None
        return found.get(name) if isinstance(found, dict) else None

    def _ids(self) -> Array | None:
        size = self._setting("vocab_size")
        if not isinstance(size, int) or size < 1:
            return None
        longest = self._setting("max_position_embeddings", "n_positions")
        length = min(_TOKENS, longest) if isinstance(longest, int) and longest > 0 else _TOKENS
        ids = self._generator.integers(0, size, (1, length), dtype=np.int64)
        padding, end = self._setting("pad_token_id"), self._setting("eos_token_id")
        if isinstance(padding, int) and size > 1:
            ids[ids == padding] = (padding + 1) % size
        if isinstance(end, int) and 0 <= end < size:
            ids[0, -1] = end  # some heads look for the end of the text
        return ids

    def _mask(self, ids: Array) -> Array:
        mask = np.ones_like(ids)
        mask[:, ids.shape[1] - ids.shape[1] // _PADDED :] = 0
        return mask

    def _pixels(self) -> Array | None:
        sides = _sides(self._setting("image_size")) or _sides(
            self._preprocessing("crop_size") or self._preprocessing("size")
        )
        if sides is None:
            return None
        channels = self._setting("num_channels") or 3
        return self._normal(1, channels, *sides)

    def _waveform(self) -> Array | None:
        """A second of sound, or the spectrogram that some models call by the same name."""
        bins, frames = self._setting("num_mel_bins"), self._setting("max_length")
        if bins and frames:
            return self._normal(1, frames, bins)
        step = self._setting("inputs_to_logits_ratio")
        return self._normal(1, step * _SECOND_OF_FRAMES) if isinstance(step, int) else None

    def _features(self) -> Array | None:
        bins, frames = self._setting("num_mel_bins"), self._setting("max_source_positions")
        return self._normal(1, bins, 2 * frames) if bins and frames else None

    def _normal(self, *shape: int) -> Array:
        return self._generator.standard_normal(shape).astype(np.float32)

    def _unknown(self, name: str) -> InputError:
        spec = {
            "pixel_values": "pixel_values:float32[1,3,224,224]",
            "input_ids": "input_ids:int64[1,16]{0..100}",
            "decoder_input_ids": "decoder_input_ids:int64[1,16]{0..100}",
            "input_values": "input_values:float32[1,16000]",
            "input_features": "input_features:float32[1,80,3000]",
        }.get(name, f"{name}:float32[1,...]")
        return InputError(
            f"the configuration of {type(self._model).__name__} does not tell the size of its input {name!r}",
            fix=f'give every input that it needs, such as --input "{spec}"',
        )


def _sides(size: Any) -> tuple[int, int] | None:
    """Height and width from what configurations write: 224, [224, 224], {"height": 224, "width": 224}."""
    match size:
        case int() if size > 0:
            return size, size
        case [int(height), int(width)] | {"height": int(height), "width": int(width)}:
            return height, width
        case [int(side)] | {"shortest_edge": int(side)}:
            return side, side
        case _:
            return None
