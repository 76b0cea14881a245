"""Image, sound and text files become originals and inputs, and what is none of them is refused by name."""

from __future__ import annotations

import json
import struct
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from edgeproof.converters.errors import InputError, NotRunnable
from edgeproof.converters.preprocessing import pictures, reading
from edgeproof.converters.preprocessing.pictures import read_pixels
from edgeproof.converters.preprocessing.reading import calls_as_specified, inputs_of, require_reader
from edgeproof.converters.preprocessing.sounds import read_samples_of
from edgeproof.converters.preprocessing.spec import AudioSpec, ImageSpec, TextSpec, read_spec
from edgeproof.converters.preprocessing.storing import store_spec
from edgeproof.converters.signature import Signature, TensorSpec
from edgeproof.converters.spread import SAMPLES, spread
from edgeproof.converters.tensors import read_calls

PIXELS = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
TEXT = TextSpec(ids="ids", mask="mask", tokenizer=("t.json",), length=4, padding=9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    words = Tokenizer(WordLevel({"an": 1, "old": 2, "cat": 3, "?": 0}, unk_token="?"))
    words.pre_tokenizer = Whitespace()  # type: ignore[assignment]  # its setter is untyped
    words.save(str(tmp_path / "t.json"))
    return tmp_path


def sound(path: Path, samples: np.ndarray, *, rate: int = 8000, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


@pytest.mark.parametrize(("mode", "name"), [("RGB", "a.png"), ("RGBA", "a.png"), ("RGB", "a.bmp"), ("RGB", "a.webp")])
def test_pixels_are_those_of_the_file(mode: str, name: str, tmp_path: Path) -> None:
    Image.fromarray(PIXELS).convert(mode).save(tmp_path / name, lossless=True)
    assert np.array_equal(read_pixels(tmp_path / name), PIXELS)


def test_a_picture_that_lies_on_its_side_is_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_pixels(tmp_path / "a.png"), np.rot90(PIXELS, -1))


def test_of_a_phones_pictures_of_one_moment_the_first_counts(tmp_path: Path) -> None:
    first, depth = (Image.new("RGB", (8, 8), (grey,) * 3) for grey in (200, 10))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[depth])
    assert abs(read_pixels(tmp_path / "a.jpg").astype(int) - 200).max() < 4


def refused_files(folder: Path) -> dict[str, str]:
    Image.fromarray(PIXELS[:, :, 0].astype(np.uint16) * 300).save(folder / "deep.png")
    Image.fromarray(PIXELS[:, :, 0].astype(np.float32)).save(folder / "float.tiff")
    Image.fromarray(PIXELS).convert("CMYK").save(folder / "print.jpg")
    frames = [Image.fromarray(PIXELS + shift) for shift in (0, 90)]
    frames[0].save(folder / "moves.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(np.dstack([PIXELS, PIXELS[:, :, 0]])).save(folder / "glass.png")
    (folder / "page.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n")
    Image.effect_noise((64, 64), 90).save(folder / "whole.png")
    (folder / "cut.png").write_bytes((folder / "whole.png").read_bytes()[:-200])
    return {
        "deep.png": "more than 8 bits a channel",
        "float.tiff": "more than 8 bits a channel",
        "print.jpg": "colours in CMYK",
        "moves.gif": "holds several pictures",
        "glass.png": "transparent pixels",
        "page.eps": "is no image in PNG",
        "cut.png": "cannot be decoded",
        "gone.png": "cannot be decoded: .*No such file",
    }


def test_what_is_no_still_picture_of_8_bits_is_refused(tmp_path: Path) -> None:
    for name, words in refused_files(tmp_path).items():
        with pytest.raises(InputError, match=f"{name}.* {words}"):
            read_pixels(tmp_path / name)


def test_16_bits_of_red_green_and_blue_are_seen_although_pillow_opens_them_as_8(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(13))), (b"IEND", b""))
    packed = (struct.pack(">I", len(x)) + kind + x + struct.pack(">I", zlib.crc32(kind + x)) for kind, x in chunks)
    (tmp_path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    with Image.open(tmp_path / "deep.png") as image:
        assert image.mode == "RGB"
    with pytest.raises(InputError, match="more than 8 bits a channel"):
        read_pixels(tmp_path / "deep.png")


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures.Image, "MAX_IMAGE_PIXELS", 15)
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="too large to be opened safely"):
        read_pixels(tmp_path / "a.png")


def test_of_two_channels_the_mean_is_taken_and_rounded_down(tmp_path: Path) -> None:
    stereo = np.array([[1, 2], [-1, -2], [32767, 32767]], "<i2")
    assert read_samples_of(sound(tmp_path / "a.wav", stereo), 8000).tolist() == [1, -2, 32767]


@pytest.mark.parametrize(
    ("samples", "said", "words"),
    [
        (np.zeros(4, "<i2"), {"rate": 44100}, "has 44100 Hz, the specification takes 8000 Hz"),
        (np.zeros(4, "u1"), {"width": 1}, "has 8 bits a sample"),
        (np.zeros(0, "<i2"), {}, "holds no sample"),
    ],
)
def test_other_sounds_are_refused(samples: np.ndarray, said: dict[str, int], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read_samples_of(sound(tmp_path / "a.wav", samples, **said), 8000)


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"a.wav is no .wav file"):
        read_samples_of(tmp_path / "a.wav", 8000)


@pytest.mark.parametrize(
    ("text", "ids", "mask"),
    [
        ("an old cat", [1, 2, 3, 9], [1, 1, 1, 0]),
        ("cat cat cat an old", [3, 3, 3, 1], [1] * 4),
        ("", [9] * 4, [0] * 4),
    ],
)
def test_texts_are_cut_or_padded(text: str, ids: list[int], mask: list[int], folder: Path) -> None:
    call = inputs_of(TEXT, {"text": np.frombuffer(text.encode(), np.uint8)}, folder=folder)
    assert (call["ids"].tolist(), call["mask"].tolist()) == ([ids], [mask])


def test_what_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("{}")
    with pytest.raises(InputError, match=r"t.json is no tokenizer.json"):
        inputs_of(TEXT, {"text": np.zeros(0, np.uint8)}, folder=tmp_path)


def test_a_package_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "find_spec", lambda name: None if name in {"PIL", "tokenizers"} else name)
    for spec, extra in ((ImageSpec(input="x"), "images"), (TEXT, "text")):
        with pytest.raises(NotRunnable) as caught:
            require_reader(spec)
        assert caught.value.fix == f'pip install "edgeproof[{extra}]"'
    require_reader(AudioSpec(input="x", rate=8000, window=4))


def test_some_files_are_kept_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "preprocess.json").write_text(
        json.dumps({"schema": 1, "kind": "audio", "input": "x", "rate": 8000, "window": 4})
    )
    files = [sound(tmp_path / f"{index:02}.wav", np.arange(index + 1, dtype="<i2")) for index in range(10)]
    signature = Signature(inputs=(TensorSpec(name="x", dtype="float32", shape=(1, 4)),), outputs=())
    originals = tmp_path / "originals.npz"
    calls = [*calls_as_specified(files, tmp_path / "preprocess.json", signature, originals=originals)]
    kept = [*read_calls(originals)]
    places = spread(range(10), SAMPLES)
    assert (len(calls), [len(original["pcm"]) for original in kept]) == (10, [place + 1 for place in places])
    spec = read_spec(tmp_path / "preprocess.json")
    for original, call in zip(kept, (calls[place] for place in places), strict=True):
        assert inputs_of(spec, original, folder=tmp_path)["x"].tobytes() == call["x"].tobytes()


def test_a_file_that_is_smaller_than_its_crop_is_named(tmp_path: Path) -> None:
    (tmp_path / "preprocess.json").write_text(
        json.dumps({"schema": 1, "kind": "image", "input": "x", "crop": [6, 4], "layout": "nhwc"})
    )
    Image.fromarray(PIXELS).save(tmp_path / "small.png")
    signature = Signature(inputs=(TensorSpec(name="x", dtype="float32", shape=(1, 6, 4, 3)),), outputs=())
    with pytest.raises(InputError, match=r"small.png: an image of 5 x 4 .* has no centre of 6 x 4"):
        next(calls_as_specified([tmp_path / "small.png"], tmp_path / "preprocess.json", signature))


def test_a_stored_specification_has_its_tokenizer_beside_it(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "t.json").rename(folder / "sub" / "t.json")
    said = {"schema": 1, "kind": "text", "ids": "ids", "tokenizer": ["sub/t.json"], "length": 4}
    (folder / "spec.json").write_text(json.dumps(said))
    (folder / "out").mkdir()
    store_spec(folder / "spec.json", folder / "out")
    stored = read_spec(folder / "out" / "preprocess.json")
    assert isinstance(stored, TextSpec)
    assert stored.tokenizer == ("tokenizer/t.json",)
    original = {"text": np.frombuffer(b"old cat", np.uint8)}
    assert inputs_of(stored, original, folder=folder / "out")["ids"].tolist() == [[2, 3, 0, 0]]
