"""Texts to token numbers, with Hugging Face's tokenizers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from ..errors import InputError
from .kinds import TextSpec


class Tokens:
    """What a specification makes of texts; the tokenizer is read once. InputError if its file is none."""

    def __init__(self, spec: TextSpec, folder: Path) -> None:
        path = folder / spec.tokenizer[0]
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # its Rust code raises plain Exception
            raise InputError(
                f"{path} is no tokenizer.json: {error}", fix="write it with Tokenizer.save or save_pretrained"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length=spec.length)
        self._spec = spec

    def of(self, text: str) -> dict[str, np.ndarray]:
        """The inputs (1, length) of int64: numbers of the tokens, and 1 for each of them where a mask is asked for."""
        numbers = self._tokenizer.encode(text).ids
        ids = np.full((1, self._spec.length), self._spec.padding, np.int64)
        ids[0, : len(numbers)] = numbers
        if self._spec.mask is None:
            return {self._spec.ids: ids}
        mask = (np.arange(self._spec.length) < len(numbers)).astype(np.int64)[np.newaxis]
        return {self._spec.ids: ids, self._spec.mask: mask}
