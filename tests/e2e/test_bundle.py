"""Bundles of real models as their users meet them: made, verified, run by their own examples, compared, broken."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bundled_samples import NAMES, Bundled, bundled_sample, source_labels
from commands import Done, edgeproof
from compiled_examples import built, labels_in, onnx_headers, outcome

from edgeproof.validators.bundle.packing import pack, write_sums

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
FORMATS = ("torchscript", "executorch", "litert", "onnx")
ARTIFACTS = [(made, precision) for made in FORMATS for precision in ("fp32", "int8")]
_SEED = 20261130


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A bundle that was unpacked as an app team does it."""

    bundled: Bundled
    folder: Path
    manifest: dict[str, Any]

    def artifact(self, made: str, precision: str) -> dict[str, Any]:
        return next(
            each for each in self.manifest["artifacts"] if (each["format"], each["precision"]) == (made, precision)
        )


@pytest.fixture(scope="module", params=NAMES)
def unpacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    bundled = bundled_sample(request.param, tmp_path_factory)
    folder = tmp_path_factory.mktemp("unpacked") / request.param
    shutil.unpack_archive(bundled.archive, folder)
    return Unpacked(bundled=bundled, folder=folder, manifest=json.loads((folder / "manifest.json").read_text()))


@pytest.fixture
def digits(tmp_path_factory: pytest.TempPathFactory) -> Bundled:
    return bundled_sample("digits_cnn", tmp_path_factory)


def verified(archive: Path, *options: str | Path) -> Done:
    return edgeproof("bundle", "verify", archive, *options, "-q", folder=archive.parent)


def repacked(digits: Bundled, tmp_path: Path, change: Any) -> Path:
    """The bundle with something in it changed by somebody who writes the checksums anew."""
    folder = tmp_path / "changed"
    shutil.unpack_archive(digits.archive, folder)
    change(folder)
    write_sums(folder)
    pack(folder, tmp_path / "changed.zip")
    return tmp_path / "changed.zip"


def test_it_is_for_all_platforms_and_every_artifact_is_in_it(unpacked: Unpacked):
    assert unpacked.manifest["platforms"] == ["android", "ios", "linux-arm64", "micro"]
    found = {(each["format"], each["precision"]) for each in unpacked.manifest["artifacts"]}
    assert found == set(ARTIFACTS)
    assert unpacked.manifest["expected"] == source_labels(unpacked.bundled)
    assert len(set(unpacked.manifest["expected"])) > 1


def test_it_verifies_with_its_preprocessing_repeated(unpacked: Unpacked):
    done = verified(unpacked.bundled.archive, "--json")
    assert done.code == 0, done.stdout + done.stderr
    assert [row["status"] for row in done.document["report"]["results"]] == ["PASS"] * 8
    assert done.document["preprocessing"] == {"samples": 8, "not_run": "", "fix": ""}
    assert done.document["signature"] == "none"


def test_the_same_folder_gives_the_same_bytes(digits: Bundled, tmp_path: Path):
    done = edgeproof("bundle", digits.folder, "-o", tmp_path / "again.zip", *digits.options, folder=tmp_path)
    assert done.code == 0, done.stderr
    assert (tmp_path / "again.zip").read_bytes() == digits.archive.read_bytes()


@pytest.mark.parametrize(("made", "precision"), ARTIFACTS)
def test_what_an_artifact_needs_was_read_from_the_shipped_file(unpacked: Unpacked, made: str, precision: str):
    needs = unpacked.artifact(made, precision)["needs"]
    assert needs["least"][0].isdigit()
    assert needs["least_by"]
    assert needs["proven"][0].endswith("on host")
    assert needs["operators"]
    if needs["reduced_build"]:
        assert (unpacked.folder / needs["reduced_build"]).stat().st_size


@pytest.mark.parametrize("made", FORMATS)
def test_what_an_app_must_know_stands_in_the_artifact_itself(unpacked: Unpacked, made: str):
    artifact = unpacked.artifact(made, "int8")
    done = edgeproof("inspect", unpacked.folder / artifact["file"], "--json", folder=unpacked.folder)
    written = json.loads(done.document["metadata"]["edgeproof.json"])
    assert (written["name"], written["version"]) == (unpacked.manifest["name"], "1.2.3")
    assert written["preprocess"]["kind"] == "image"
    assert written["labels"]["names"] == unpacked.bundled.chosen.labels.read_text().split()
    assert [each["name"] for each in written["inputs"]] == [each["name"] for each in artifact["inputs"]]


def test_the_python_examples_say_what_the_source_says(unpacked: Unpacked):
    examples = [each for artifact in unpacked.manifest["artifacts"] for each in artifact["examples"]]
    expected = unpacked.manifest["expected"]
    programs = [each for each in examples if each.endswith(".py")]
    assert len(programs) == len(ARTIFACTS)
    for example, done in zip(programs, _ran(unpacked, [(each,) for each in programs]), strict=True):
        assert done.returncode == 0, done.stdout + done.stderr
        said = [line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("sample ")]
        assert [line.split()[0] for line in said] == expected, example


def test_the_cpp_examples_say_what_the_source_says(
    unpacked: Unpacked, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    for made in ("executorch", "litert", "onnx"):  # libtorch's headers take a quarter of a minute
        stem = Path(unpacked.artifact(made, "int8")["file"]).stem
        program = built(unpacked.folder, stem, made, onnx_headers(tmp_path_factory), tmp_path)
        code, lines = outcome([program, unpacked.folder])
        assert (code, labels_in(lines)) == (0, unpacked.manifest["expected"])
        assert outcome([program, unpacked.folder, "--self-test"])[0] == 0


def test_the_python_examples_replay_the_golden_data_and_see_a_changed_one(unpacked: Unpacked):
    programs = [each for each in unpacked.artifact("onnx", "int8")["examples"] if each.endswith(".py")]
    programs += [each for each in unpacked.artifact("litert", "int8")["examples"] if each.endswith(".py")]
    for done in _ran(unpacked, [(each, "--self-test") for each in programs]):
        assert done.returncode == 0, done.stdout + done.stderr
    (golden,) = unpacked.artifact("onnx", "int8")["golden"][3]["outputs"].values()
    content = (unpacked.folder / golden).read_bytes()
    (unpacked.folder / golden).write_bytes(bytes([*content[:3], content[3] ^ 0x80, *content[4:]]))
    (done,) = _ran(unpacked, [(programs[0], "--self-test")])
    (unpacked.folder / golden).write_bytes(content)
    assert done.returncode == 1, done.stdout


def _ran(unpacked: Unpacked, commands: list[tuple[str, ...]]) -> list[subprocess.CompletedProcess[str]]:
    """Examples as an app team runs them, two at a time."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        whole = (sys.executable, *command)
        return subprocess.run(
            whole, cwd=unpacked.folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(run, commands))


def test_changed_bytes_are_caught_by_the_command(digits: Bundled, tmp_path: Path):
    content, rng = digits.archive.read_bytes(), random.Random(_SEED)
    for _ in range(4):
        broken = bytearray(content)
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
        (tmp_path / "broken.zip").write_bytes(broken)
        done = verified(tmp_path / "broken.zip")
        assert done.code == 5, done.stderr
        assert "\nfix: " in done.stderr
        assert "Traceback" not in done.stderr


def _swap_labels(folder: Path) -> None:
    labels = (folder / "labels.txt").read_text().split()
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in reversed(labels)))


def _other_divisor(folder: Path) -> None:
    path = folder / "preprocess.json"
    path.write_text(path.read_text().replace("255.0", "127.5"))


def _other_sample(folder: Path) -> None:
    path = folder / "golden" / "inputs" / "0.image.bin"
    path.write_bytes(path.read_bytes()[::-1])


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda folder: (folder / "labels.txt").write_text("one\ntwo\n"), 2, "2 labels"),
        (lambda folder: (folder / "manifest.json").write_text('{"schema": 7}'), 2, "schema 7"),
        (_other_divisor, 2, "gives other bits"),
        (_other_sample, 2, "another sample 0"),
        (lambda folder: shutil.rmtree(folder / "verification"), 2, "nothing to judge by"),
    ],
    ids=["labels", "schema", "preprocessing", "sample", "verification"],
)
def test_a_bundle_that_contradicts_itself_is_refused(
    digits: Bundled, tmp_path: Path, change: Any, code: int, said: str
):
    done = verified(repacked(digits, tmp_path, change))
    assert (done.code, said in done.stderr) == (code, True), done.stderr
    assert "\nfix: " in done.stderr


def test_an_app_is_told_what_breaks_it(digits: Bundled, tmp_path: Path):
    def named_otherwise(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(path.read_text().replace('"version": "1.2.3"', '"version": "1.2.4"'))

    harmless = repacked(digits, tmp_path, named_otherwise)
    done = edgeproof("bundle", "diff", digits.archive, harmless, folder=tmp_path)
    assert done.code == 0, done.stdout + done.stderr
    (tmp_path / "again").mkdir()
    done = edgeproof(
        "bundle", "diff", digits.archive, repacked(digits, tmp_path / "again", _swap_labels), folder=tmp_path
    )
    assert done.code == 1, done.stdout + done.stderr
    assert "breaking [labels]" in done.stdout


def test_a_signed_bundle_is_verified_with_its_key_and_with_no_other(digits: Bundled, tmp_path: Path):
    for name in ("maker", "other"):
        make = ("openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", f"{name}.pem")
        show = ("openssl", "ec", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pub")
        for command in (make, show):
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    signing = ("--platform", "micro", "--sign", "maker.pem", "-o", "signed.zip")
    done = edgeproof("bundle", digits.folder, *digits.options, *signing, folder=tmp_path)
    assert done.code == 0, done.stderr
    archive = tmp_path / "signed.zip"
    assert verified(archive, "--json").document["signature"] == "not checked"
    assert verified(archive, "--key", tmp_path / "maker.pub", "--json").document["signature"] == "verified"
    done = verified(archive, "--key", tmp_path / "other.pub")
    assert (done.code, "not made with the key" in done.stderr) == (5, True), done.stderr
    done = verified(digits.archive, "--key", tmp_path / "maker.pub")
    assert (done.code, "carries no signature" in done.stderr) == (5, True), done.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--labels", "two.txt"), 2, "2 labels"),
        (("--platform", "windows"), 2, "--platform does not know"),
        (("--allow", "nothing.onnx"), 2, "no such artifact"),
        (("--preprocess", "other.json"), 2, "not the specification"),
        (("--sign", "two.txt"), 2, "no private key"),
        (("-o", "absent/x.zip"), 2, "no folder"),
    ],
)
def test_what_cannot_be_bundled_is_told_and_nothing_is_left(
    digits: Bundled, tmp_path: Path, options: tuple[str, ...], code: int, said: str
):
    (tmp_path / "two.txt").write_text("one\ntwo\n")
    spec = json.loads(digits.chosen.preprocessing.read_text())
    (tmp_path / "other.json").write_text(json.dumps({**spec, "divisor": 16.0}))
    before = set(tmp_path.iterdir())
    done = edgeproof(
        "bundle", digits.folder, "-q", *(("-o", "x.zip") if "-o" not in options else ()), *options, folder=tmp_path
    )
    assert (done.code, said in done.stderr) == (code, True), done.stderr
    assert "\nfix: " in done.stderr
    assert set(tmp_path.iterdir()) == before


def test_what_was_not_judged_is_not_bundled(digits: Bundled, tmp_path: Path):
    convert = ("convert", *digits.chosen.arguments(), "--to", "onnx", "--no-verify", "-o", "unjudged", "-q")
    assert edgeproof(*convert, folder=tmp_path).code == 0
    done = edgeproof("bundle", "unjudged", "-o", "x.zip", folder=tmp_path)
    assert (done.code, "no artifact with a verdict" in done.stderr) == (2, True), done.stderr


def test_the_archive_is_one_that_any_program_opens(digits: Bundled):
    with zipfile.ZipFile(digits.archive) as opened:
        assert opened.testzip() is None
