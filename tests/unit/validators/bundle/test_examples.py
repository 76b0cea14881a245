"""Which examples an artifact gets, and what is written into them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bundles import Extras, Item, write_bundle

from edgeproof.converters.preprocessing.kinds import AudioSpec, LogMel, TextSpec
from edgeproof.validators.bundle.examples.micro import registration
from edgeproof.validators.bundle.manifest import BundledTensor, BundleManifest, Operator, Platform

_CALL = ({"in$put": np.zeros((1, 4), np.float32)}, {"out": np.zeros((1, 2), np.float32)})


def _bundle(folder: Path, extras: Extras | None = None, **changes: object) -> BundleManifest:
    file = folder.parent / "model"
    file.write_bytes(b"model")
    fields: dict[str, object] = {"name": "2nd net.onnx.fp32.onnx", "format": "onnx", "calls": [_CALL], **changes}
    return write_bundle(folder, [Item(file=file, **fields)], extras)  # type: ignore[arg-type]  # fields by name


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder / "examples")) for path in (folder / "examples").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("platform", "languages"),
    [
        (Platform.ANDROID, {"kotlin", "cpp"}),
        (Platform.IOS, {"swift", "cpp"}),
        (Platform.LINUX_ARM64, {"python", "cpp"}),
    ],
)
def test_platforms_decide_the_languages(tmp_path: Path, platform: Platform, languages: set[str]) -> None:
    _bundle(tmp_path / "bundle", platforms=(platform,))
    assert {name.partition("/")[0] for name in _files(tmp_path / "bundle")} == languages


def test_the_manifest_names_the_examples(tmp_path: Path) -> None:
    manifest = _bundle(tmp_path / "bundle")
    assert manifest.artifacts[0].examples == (
        "examples/cpp/2nd net.onnx.fp32.cpp",
        "examples/kotlin/Model2ndNetOnnxFp32.kt",
        "examples/python/2nd net.onnx.fp32.py",
        "examples/swift/Model2ndNetOnnxFp32.swift",
    )
    assert all((tmp_path / "bundle" / name).is_file() for name in manifest.artifacts[0].examples)


def test_a_format_of_others_gets_no_example(tmp_path: Path) -> None:
    assert _bundle(tmp_path / "bundle", format="coreml").artifacts[0].examples == ()


def test_names_are_written_as_each_language_has_them(tmp_path: Path) -> None:
    _bundle(tmp_path / "bundle")
    folder = tmp_path / "bundle/examples"
    assert 'Port("in\\$put", Type.FLOAT32' in (folder / "kotlin/Model2ndNetOnnxFp32.kt").read_text()
    assert 'Port(name: "in$put", type: .float32' in (folder / "swift/Model2ndNetOnnxFp32.swift").read_text()
    assert '{"in$put", Type::float32' in (folder / "cpp/2nd net.onnx.fp32.cpp").read_text()


def test_integers_bring_their_scale(tmp_path: Path) -> None:
    tensor = BundledTensor(name="out", dtype="int8", shape=(1, 2), scale=0.1, zero_point=-3)
    _bundle(tmp_path / "bundle", tensors={"out": tensor}, format="litert")
    text = (tmp_path / "bundle/examples/cpp/2nd net.onnx.fp32.cpp").read_text()
    assert '{"out", Type::int8, 0.1, -3}' in text


def test_a_microcontroller_gets_the_operators_and_no_desktop(tmp_path: Path) -> None:
    _bundle(tmp_path / "bundle", format="litert", platforms=(Platform.MICRO,))
    assert {name for name in _files(tmp_path / "bundle") if "2nd" in name} == {"cpp/2nd net.onnx.fp32_micro.cpp"}
    _bundle(tmp_path / "both", format="litert", platforms=(Platform.LINUX_ARM64, Platform.MICRO))
    assert {name for name in _files(tmp_path / "both") if "2nd" in name} == {
        "cpp/2nd net.onnx.fp32.cpp",
        "cpp/2nd net.onnx.fp32_micro.cpp",
        "python/2nd net.onnx.fp32.py",
    }


@pytest.mark.parametrize(
    ("operator", "method"),
    [
        (Operator(name="DEPTHWISE_CONV_2D", count=1), "AddDepthwiseConv2D"),
        (Operator(name="BATCH_MATMUL", count=1), "AddBatchMatMul"),
        (Operator(name="PADV2", count=1), "AddPadV2"),
        (Operator(name="SELECT_V2", count=1), "AddSelectV2"),
        (Operator(name="ethos-u", domain="custom", count=1), "AddEthosU"),
    ],
)
def test_operators_have_the_names_of_tflite_micro(operator: Operator, method: str) -> None:
    assert registration(operator) == method


def test_torchscript_in_integers_chooses_its_engine(tmp_path: Path) -> None:
    notes = ('integer kernels: set torch.backends.quantized.engine = "onednn" before torch.jit.load',)
    for named, wanted in ((notes, True), ((), False)):
        folder = tmp_path / str(wanted)
        _bundle(folder, notes=named, format="torchscript", platforms=(Platform.LINUX_ARM64,))
        examples = folder / "examples"
        assert ("setQEngine" in (examples / "cpp/2nd net.onnx.fp32.cpp").read_text()) is wanted
        assert ("quantized.engine" in (examples / "python/2nd net.onnx.fp32.py").read_text()) is wanted


def test_a_text_is_left_to_its_tokenizer(tmp_path: Path) -> None:
    spec = TextSpec(ids="in$put", tokenizer=("tokenizer.json",), length=4)
    _bundle(tmp_path / "bundle", Extras(spec=spec))
    for name in _files(tmp_path / "bundle"):
        if "2ndNet" in name or "2nd net" in name:
            assert "with tokenizer.json of the bundle" in (tmp_path / "bundle/examples" / name).read_text()


def test_a_sound_is_made_of_the_samples_in_a_file(tmp_path: Path) -> None:
    features = LogMel(fft=64, hop=32, mels=4, high=4000.0)
    spec = AudioSpec(input="in$put", rate=8000, window=400, features=features)
    _bundle(tmp_path / "bundle", Extras(spec=spec, originals=[np.zeros(400, np.int16)]))
    folder = tmp_path / "bundle/examples"
    settings = "rate = 8000, window = 400, fft = 64, hop = 32, mels = 4, low = 0.0, high = 4000.0, offset = 1e-06"
    assert f"AudioSpec({settings})" in (folder / "kotlin/Model2ndNetOnnxFp32.kt").read_text()
    assert "numbers_in<std::int16_t>" in (folder / "cpp/2nd net.onnx.fp32.cpp").read_text()
    assert "preprocess_audio" in (folder / "python/2nd net.onnx.fp32.py").read_text()
    assert {"cpp/preprocess.hpp", "kotlin/Preprocess.kt", "python/preprocess.py", "swift/Preprocess.swift"} <= _files(
        tmp_path / "bundle"
    )
