"""The programs in a bundle: they print the source's labels, replay the golden data and notice a changed byte."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tree_sitter
import tree_sitter_swift
from android_api import write_declarations
from artifacts import golden
from bundled_models import LABELS, PICTURE, YES_OR_NO, keras_nets, nets, pictures, tokens
from bundles import Calls, Extras, write_bundle
from compiled_examples import built, compiled, flags_of, labels_in, outcome
from compiled_examples import onnx_headers as had_onnx_headers

from edgeproof.validators.bundle.manifest import BundleManifest, Platform

# Everything of an example but its runtime, whose place a formula takes: the originals' bits, answers and labels.
_KOTLIN_MAIN = """
import java.io.File

fun main(arguments: Array<String>) {
    val root = File(arguments[0])
    val differences = BundleFiles.preprocessingTest(
        root, PictureNchwOnnxFp32.CALLS, 0, PictureNchwOnnxFp32.ORIGINALS
    ) {
        val pixels = File(root, it.file).readBytes()
        Preprocess.image(pixels, it.shape[0].toInt(), it.shape[1].toInt(), PictureNchwOnnxFp32.SPEC)
    } + BundleFiles.selfTest(root, PictureNchwOnnxFp32.CALLS, PictureNchwOnnxFp32.OUTPUTS) { listOf(bright(it[0])) }
    differences.forEach { println(it) }
    val labels = File(root, "labels.txt").readLines()
    for (call in PictureNchwOnnxFp32.CALLS) {
        val output = bright(BundleFiles.load(root, call.inputs[0]))
        println("sample ${call.sample}: " + BundleFiles.label(output, labels).first)
    }
}

fun bright(image: Tensor): Tensor {
    val mean = (0 until image.count).map { image.value(it) }.average()
    return BundleFiles.tensorOf(floatArrayOf((1 / (1 + Math.exp(-mean))).toFloat()), longArrayOf(1, 1))
}
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BundleManifest]:
    """Models with several inputs and outputs, open sizes, integers, tokens and masks; labels for the net's scores."""
    folder, models = tmp_path_factory.mktemp("bundle"), tmp_path_factory.mktemp("models")
    items = [*nets(), *keras_nets(), tokens(models)]
    return folder, write_bundle(folder, items, Extras(labels=("scores", LABELS)))


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of images, with a specification and originals; the labels are of one probability."""
    folder, models = tmp_path_factory.mktemp("gallery"), tmp_path_factory.mktemp("models")
    items, originals = pictures(models)
    write_bundle(folder, items, Extras(labels=("bright", YES_OR_NO), spec=PICTURE, originals=originals))
    return folder


@pytest.fixture(scope="module")
def onnx_headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return had_onnx_headers(tmp_path_factory)


def _python(folder: Path, stem: str, *options: str) -> tuple[int, list[str]]:
    return outcome([sys.executable, folder / f"examples/python/{stem}.py", *options])


def _expected(calls: Calls, output: str) -> list[str]:
    return [LABELS[int(np.argmax(answers[output][0]))] for _, answers in calls]


def _stems(manifest: BundleManifest) -> list[tuple[str, str]]:
    return [(artifact.file.rpartition(".")[0], artifact.format) for artifact in manifest.artifacts]


def test_python_replays_every_format(bundle: tuple[Path, BundleManifest]) -> None:
    folder, manifest = bundle
    for stem, _ in _stems(manifest):
        code, lines = _python(folder, stem, "--self-test")
        assert code == 0, (stem, lines)
        assert lines[-1].endswith("calls replayed, 0 differences")


@pytest.mark.parametrize("made", ["onnx", "executorch", "torchscript"])
def test_python_prints_the_labels_of_the_source(bundle: tuple[Path, BundleManifest], made: str) -> None:
    item = next(item for item in nets() if item.format == made)
    code, lines = _python(bundle[0], item.name.rpartition(".")[0])
    assert code == 0
    assert labels_in(lines) == _expected(item.calls, "scores")
    assert len(set(labels_in(lines))) > 1


def test_cpp_replays_every_format(bundle: tuple[Path, BundleManifest], onnx_headers: Path, tmp_path: Path) -> None:
    folder, manifest = bundle
    for stem, made in _stems(manifest):
        program = built(folder, stem, made, onnx_headers, tmp_path)
        code, lines = outcome([program, folder, "--self-test"])
        assert code == 0, (stem, lines)
        assert lines[-1].endswith("calls replayed, 0 outputs differ")
        item = next((item for item in nets() if item.name.startswith(stem) and item.format != "litert"), None)
        if item is not None:
            assert labels_in(outcome([program, folder])[1]) == _expected(item.calls, "scores")


def test_a_program_for_a_microcontroller_runs_without_exceptions(tmp_path: Path) -> None:
    net = next(item for item in nets() if item.format == "executorch")
    item = replace(net, file=golden("portable.pte"), calls=net.calls[:3], platforms=(Platform.MICRO,))
    folder = tmp_path / "bundle"
    write_bundle(folder, [item], Extras(labels=("scores", LABELS)))
    flags, libraries = flags_of("executorch", tmp_path, tmp_path)
    program = compiled(folder, "net.executorch.fp32_micro", ["-fno-exceptions", *flags], libraries, tmp_path)
    assert outcome([program, folder, "--self-test"])[0] == 0
    assert labels_in(outcome([program, folder])[1]) == _expected(item.calls, "scores")


@pytest.mark.parametrize("language", ["python", "cpp"])
def test_a_picture_is_preprocessed_in_the_layout_of_the_artifact(
    gallery: Path, onnx_headers: Path, tmp_path: Path, language: str
) -> None:
    for stem in ("picture_nchw.onnx.fp32", "picture_nhwc.onnx.fp32"):
        if language == "python":
            tested, run = _python(gallery, stem, "--self-test"), _python(gallery, stem)
        else:
            program = built(gallery, stem, "onnx", onnx_headers, tmp_path)
            tested, run = outcome([program, gallery, "--self-test"]), outcome([program, gallery])
        assert tested[0] == 0, tested[1]
        assert labels_in(run[1]) == list(YES_OR_NO)


@pytest.mark.parametrize("language", ["python", "cpp"])
def test_a_changed_byte_is_named(gallery: Path, onnx_headers: Path, tmp_path: Path, language: str) -> None:
    folder = tmp_path / "changed"
    shutil.copytree(gallery, folder)
    stem = "picture_nchw.onnx.fp32"
    for name in (f"golden/{stem}.onnx/0.bright.bin", "golden/originals/1.raw"):
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2 + 1] ^= 0x40  # of a float the exponent, of an image the middle
        (folder / name).write_bytes(content)
    program = built(folder, stem, "onnx", onnx_headers, tmp_path) if language == "cpp" else None
    code, lines = outcome([program, folder, "--self-test"]) if program else _python(folder, stem, "--self-test")
    assert code == 1
    assert any(line.startswith("sample 0: output bright element 0 is ") for line in lines)
    assert f"sample 1: preprocessing gives other bits than golden/{stem}.onnx/1.image.bin" in lines


def test_kotlin_compiles_against_declarations_of_the_runtimes_and_runs_around_them(
    bundle: tuple[Path, BundleManifest], gallery: Path, tmp_path: Path
) -> None:
    compiler, machine = shutil.which("kotlinc"), shutil.which("java")
    if compiler is None or machine is None:
        pytest.skip("there is no Kotlin compiler here")
    write_declarations(tmp_path / "api")
    own = sorted((bundle[0] / "examples/kotlin").glob("*.kt"))
    pictured = sorted((gallery / "examples/kotlin").glob("P*.kt"))
    assert len(own) == 1 + 6
    assert len(pictured) == 1 + 2
    (tmp_path / "Main.kt").write_text(_KOTLIN_MAIN, encoding="utf-8")
    sources = [*own, *pictured, gallery / "examples/kotlin/Preprocess.kt", tmp_path / "Main.kt", tmp_path / "api"]
    code, lines = outcome([compiler, *sources, "-include-runtime", "-d", tmp_path / "all.jar"])
    assert code == 0, [line for line in lines if "error:" in line]
    assert outcome([machine, "-jar", tmp_path / "all.jar", gallery]) == (0, ["sample 0: dark", "sample 1: bright"])


def test_swift_has_no_error_that_a_parser_sees(bundle: tuple[Path, BundleManifest], gallery: Path) -> None:
    language = tree_sitter.Language(tree_sitter_swift.language())  # pyright: ignore[reportDeprecated]
    parser = tree_sitter.Parser(language)
    files = [*(bundle[0] / "examples/swift").glob("*.swift"), *(gallery / "examples/swift").glob("*.swift")]
    assert len(files) == 1 + 6 + 2 + 2
    assert [path.name for path in files if parser.parse(path.read_bytes()).root_node.has_error] == []
