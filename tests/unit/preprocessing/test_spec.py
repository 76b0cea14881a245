"""What a preprocessing specification may say: documented, refused where it contradicts itself or the model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edgeproof.converters.errors import InputError
from edgeproof.converters.preprocessing.spec import DOCUMENT, Spec, check_spec, read_spec
from edgeproof.converters.signature import Dim, Signature, TensorSpec

DOCS = Path(__file__).resolve().parents[3] / "docs"
SCHEMA = DOCS / "schemas" / "preprocess.schema.json"
IMAGE: dict[str, Any] = {"schema": 1, "kind": "image", "input": "x"}
MELS = {"fft": 256, "hop": 128, "mels": 20, "high": 4000}
AUDIO: dict[str, Any] = {"schema": 1, "kind": "audio", "input": "x", "rate": 8000, "window": 1024}
TEXT: dict[str, Any] = {"schema": 1, "kind": "text", "ids": "x", "tokenizer": ["t.json"], "length": 8}


def written(folder: Path, **said: Any) -> Path:
    (folder / "t.json").write_text("{}")
    (folder / "sub").mkdir(exist_ok=True)
    (folder / "sub" / "t.json").write_text("{}")
    path = folder / "preprocess.json"
    path.write_text(json.dumps(said))
    return path


def spec(**said: Any) -> Spec:
    return msgspec.convert(said, Spec)  # type: ignore[arg-type]  # a union is no class


def test_the_documented_schema_is_current() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == DOCUMENT.schema_text(), (
        'run: python -c "from edgeproof.converters.preprocessing.spec import DOCUMENT; '
        "print(DOCUMENT.schema_text(), end='')\" > docs/schemas/preprocess.schema.json"
    )


@pytest.mark.parametrize("said", [IMAGE, AUDIO, {**AUDIO, "features": MELS}, TEXT], ids=lambda said: said["kind"])
def test_what_was_read_is_written_again_with_its_defaults(said: dict[str, Any], tmp_path: Path) -> None:
    read = read_spec(written(tmp_path, **said))
    again = tmp_path / "again.json"
    again.write_bytes(DOCUMENT.encode(read))
    assert read_spec(again) == read == spec(**said)
    assert set(json.loads(again.read_text())) == {*msgspec.structs.asdict(read), "kind"}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({**IMAGE, "resize": {}}, "neither size nor shortest"),
        ({**IMAGE, "resize": {"size": [4, 4], "shortest": 4}}, "both size and shortest"),
        ({**IMAGE, "resize": {"size": [4, 8]}, "crop": [5, 5]}, r"crop of 5 x 5 .* does not lie in 4 x 8"),
        ({**IMAGE, "resize": {"shortest": 4}, "crop": [5, 5]}, "whose shorter side is 4"),
        ({**IMAGE, "resize": {"size": [0, 4]}}, "does not fit the schema"),
        ({**IMAGE, "divisor": 0}, "a divisor of 0"),
        ({**IMAGE, "divisor": 1e39}, "a divisor of 1e[+]39"),
        ({**IMAGE, "mean": [0.5]}, "mean has 1 numbers, rgb has 3 channels"),
        ({**IMAGE, "mean": [1e39, 0, 0]}, "mean has a number that float32 does not hold"),
        ({**IMAGE, "colours": "grey", "std": [1, 1, 1]}, "std has 3 numbers, grey has 1 channels"),
        ({**IMAGE, "std": [1, 0, 1]}, "a std of 0"),
        ({**IMAGE, "std": [1, 1e-60, 1]}, "a std of 0, or one that float32 does not hold"),
        ({**IMAGE, "size": [4, 4]}, "unknown field `size`"),
        ({**IMAGE, "kind": "video"}, "Invalid value 'video'"),
        ({**IMAGE, "schema": 2}, "schema 2, this edgeproof reads 1"),
        ({**AUDIO, "features": {**MELS, "fft": 2048}}, "fft 2048 is longer than the window of 1024"),
        ({**AUDIO, "features": {**MELS, "low": 4000}}, r"from low 4000.0 Hz to high 4000.0 Hz"),
        ({**AUDIO, "features": {**MELS, "high": 5000}}, "more than half the rate"),
        ({**AUDIO, "features": {**MELS, "offset": 0}}, "silence has no logarithm"),
        ({**TEXT, "tokenizer": []}, "names no file"),
        ({**TEXT, "tokenizer": ["gone.json"]}, "'gone.json' of tokenizer is not there"),
        ({**TEXT, "tokenizer": ["../t.json"]}, "does not lie beside the specification"),
        ({**TEXT, "tokenizer": ["t.json", "sub/t.json"]}, "two files of tokenizer are called 't.json'"),
        ({**TEXT, "mask": "x"}, "ids and mask are both 'x'"),
        ({**TEXT, "padding": -1}, "padding is -1"),
    ],
)
def test_contradictions_are_refused_in_words(said: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_spec(written(tmp_path, **said))
    assert "preprocess.json" in caught.value.message
    assert caught.value.fix


def test_a_specification_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_spec(tmp_path / "gone.json")


def model(shape: tuple[int | str, ...], dtype: str = "float32", *, more: tuple[TensorSpec, ...] = ()) -> Signature:
    dims = (Dim(name="batch", min=1, max=8), Dim(name="side", min=16, max=64), Dim(name="large", min=2, max=8))
    inputs = (TensorSpec(name="x", dtype=dtype, shape=shape), *more)
    return Signature(inputs=inputs, outputs=(), dims=dims)


@pytest.mark.parametrize(
    ("said", "signature"),
    [
        ({**IMAGE, "resize": {"size": [8, 9]}}, model((1, 3, 8, 9))),
        ({**IMAGE, "resize": {"size": [8, 9]}, "crop": [4, 5], "layout": "nhwc"}, model(("batch", 4, 5, 3))),
        ({**IMAGE, "resize": {"shortest": 32}}, model((1, 3, "side", "side"))),
        (IMAGE, model((1, 3, 8, 9))),
        (AUDIO, model((1, 1024))),
        ({**AUDIO, "features": MELS}, model((1, 7, 20))),
        (TEXT, model((1, 8), "int32")),
        ({**TEXT, "mask": "m"}, model((1, 8), "int64", more=(TensorSpec(name="m", dtype="int64", shape=(1, 8)),))),
    ],
)
def test_what_a_model_takes_is_left_alone(said: dict[str, Any], signature: Signature) -> None:
    check_spec(spec(**said), signature)


@pytest.mark.parametrize(
    ("said", "signature", "words", "fix"),
    [
        ({**IMAGE, "input": "y"}, model((1, 3, 8, 8)), "feeds 'y', the model takes", "'x'"),
        (IMAGE, model((1, 3, 8, 8), "uint8"), "as float32, the model takes uint8", "file.py:function"),
        (TEXT, model((1, 8)), "as integers, the model takes float32", "file.py:function"),
        ({**IMAGE, "crop": [8, 9]}, model((1, 8, 9, 3)), r"\[1, 3, 8, 9\], the model takes \[1, 8, 9, 3\]", "nhwc"),
        ({**IMAGE, "resize": {"shortest": 4}}, model((1, 1, 8, 8)), r"\[1, 3, \?, \?\]", "colours"),
        ({**IMAGE, "crop": [8, 9]}, model((1, 3, "side", "side")), "side=16..64", "crop"),
        ({**IMAGE, "crop": [8, 9]}, model((3, 8, 9)), r"takes \[3, 8, 9\]", "layout"),
        ({**IMAGE, "crop": [8, 9]}, model(("large", 3, 8, 9)), "large=2..8", "crop"),
        (AUDIO, model((1, 1000)), r"\[1, 1024\]", "window"),
        ({**AUDIO, "features": MELS}, model((1, 20, 7)), r"\[1, 7, 20\]", "features"),
        (TEXT, model((1, 9), "int64"), r"\[1, 8\]", "length"),
        (
            IMAGE,
            model((1, 3, 8, 8), more=(TensorSpec(name="age", dtype="float32", shape=(1,)),)),
            "also takes",
            "kinds",
        ),
    ],
)
def test_contradictions_of_the_model_are_refused_in_words(
    said: dict[str, Any], signature: Signature, words: str, fix: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        check_spec(spec(**said), signature)
    assert fix in caught.value.fix


def test_the_examples_of_the_documentation_are_specifications(tmp_path: Path) -> None:
    page = (DOCS / "preprocessing.md").read_text(encoding="utf-8")
    examples = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    (tmp_path / "tokenizer.json").write_text("{}")
    kinds: list[str] = []
    for text in examples:
        (tmp_path / "preprocess.json").write_text(text)
        kinds.append(type(read_spec(tmp_path / "preprocess.json")).__name__)
    assert kinds == ["ImageSpec", "AudioSpec", "TextSpec"]
