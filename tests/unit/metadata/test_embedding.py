"""Texts in artifacts: always the same bytes, shown by inspect, and nothing else in the file changes."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from artifacts import golden

from edgeproof.cli.inspection_text import describe
from edgeproof.converters.errors import SourceError, UsageError
from edgeproof.converters.inspection.inspect import inspect_artifact
from edgeproof.converters.metadata.embed import Embedded, EmbedJob, embed
from edgeproof.converters.metadata.facts import ImageFacts, ModelFacts, TensorText

FORMATS = {
    "net.pt": "torchscript",
    "counter.pt": "torchscript",
    "net.pte": "executorch",
    "portable.pte": "executorch",
    "dynamic.pte": "executorch",
    "net.tflite": "litert",
    "int8.tflite": "litert",
    "flex.tflite": "litert",
    "net.onnx": "onnx",
}
TEXT = json.dumps({"schema": 1, "name": "é", "inputs": ["x" * 80] * 20, "long": "y" * 400}, ensure_ascii=False)
ENTRIES = {"edgeproof.json": TEXT, "short.txt": "two\nlines"}
FACTS = ModelFacts(
    name="net",
    version="1.2",
    description="a small model",
    author="a team",
    license="MIT",
    inputs=(
        TensorText(
            name="args_0",
            description="a picture",
            image=ImageFacts(colours="rgb", mean=(123.675, 116.28, 103.53), std=(58.395,)),
            low=(-2.5,),
            high=(2.5,),
        ),
    ),
    outputs=(TensorText(name="output_1", labels="labels.txt"),),
    files={"labels.txt": "cat\ndog\n", "preprocess.json": "{}"},
)


def job_for(name: str, output: Path) -> EmbedJob:
    return EmbedJob(file=str(golden(name)), format=FORMATS[name], output=str(output), entries=ENTRIES)


@pytest.mark.parametrize("name", FORMATS)
def test_inspect_shows_the_texts_and_the_rest_as_before(name: str, tmp_path: Path) -> None:
    output = tmp_path / name
    assert embed(job_for(name, output)) == Embedded(keys=tuple(ENTRIES))
    before, after = inspect_artifact(golden(name)).contents, inspect_artifact(output).contents
    assert after.metadata == {**before.metadata, **ENTRIES}
    versions = {**after.versions, **before.versions}
    assert replace(after, metadata=before.metadata, versions=versions) == replace(before, versions=versions)


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_texts_give_the_same_bytes_also_in_place(name: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    embed(job_for(name, first))
    second.write_bytes(golden(name).read_bytes())
    embed(replace(job_for(name, second), file=str(second)))
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_key_that_is_there_is_refused(name: str, tmp_path: Path) -> None:
    output = tmp_path / name
    embed(job_for(name, output))
    written = output.read_bytes()
    with pytest.raises(UsageError, match="already"):
        embed(replace(job_for(name, output), file=str(output), entries={"short.txt": "other"}))
    assert output.read_bytes() == written


@pytest.mark.parametrize("name", ["net.tflite", "int8.tflite", "net.pte", "portable.pte", "dynamic.pte"])
def test_what_was_there_follows_whole_and_as_aligned_as_before(name: str, tmp_path: Path) -> None:
    output = tmp_path / name
    embed(job_for(name, output))
    old, new = golden(name).read_bytes(), output.read_bytes()
    program = old if name.endswith(".tflite") else old[: int.from_bytes(old[16:24], "little") or len(old)]
    place = new.index(program[8 if name.endswith(".tflite") else 40 :]) - (8 if name.endswith(".tflite") else 40)
    assert place % 64 == 0


def test_segments_of_a_program_keep_their_alignment(tmp_path: Path) -> None:
    output = tmp_path / "net.pte"
    embed(job_for("net.pte", output))
    data = output.read_bytes()
    program, segments, size = (int.from_bytes(data[at : at + 8], "little") for at in (16, 24, 32))
    assert segments % 128 == 0
    assert segments >= program
    assert segments + size == len(data)
    assert data.index(TEXT.encode()) % 128 == 0


@pytest.mark.parametrize("name", ["net.tflite"])
def test_buffers_of_litert_are_aligned(name: str, tmp_path: Path) -> None:
    embed(job_for(name, tmp_path / name))
    assert (tmp_path / name).read_bytes().index(TEXT.encode()) % 16 == 0


def test_litert_holds_what_tensorflow_lite_reads(tmp_path: Path) -> None:
    output = tmp_path / "net.tflite"
    embed(replace(job_for("net.tflite", output), facts=FACTS))
    assert json.loads(inspect_artifact(output).contents.metadata["TFLITE_METADATA"]) == {
        "name": "net",
        "version": "1.2",
        "description": "a small model",
        "author": "a team",
        "license": "MIT",
        "files": ["preprocess.json"],
        "inputs": [
            {
                "name": "args_0",
                "description": "a picture",
                "image": "rgb",
                "mean": [123.675, 116.28, 103.53],
                "std": [58.395],
                "max": [2.5],
                "min": [-2.5],
            },
            {"name": "args_1"},
        ],
        "outputs": [{"name": "output_0"}, {"name": "output_1", "files": ["labels.txt"]}],
    }
    with zipfile.ZipFile(output) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name).decode() for name in archive.namelist()} == FACTS.files


def test_metadata_behind_which_files_stand_is_not_written_over(tmp_path: Path) -> None:
    output = tmp_path / "net.tflite"
    embed(replace(job_for("net.tflite", output), facts=FACTS))
    with pytest.raises(UsageError, match="behind its graph"):
        embed(replace(job_for("net.tflite", output), file=str(output), entries={"other": "text"}))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (replace(FACTS, inputs=(TensorText(name="picture"),)), "no tensor 'picture'"),
        (replace(FACTS, files={}), "no file 'labels.txt'"),
        (replace(FACTS, files={**FACTS.files, "../x": ""}), "no plain name"),
    ],
)
def test_facts_that_do_not_fit_are_refused(facts: ModelFacts, said: str, tmp_path: Path) -> None:
    output = tmp_path / "net.tflite"
    with pytest.raises(UsageError, match=said):
        embed(replace(job_for("net.tflite", output), facts=facts))
    assert not output.exists()


def test_the_format_of_a_third_party_is_copied_as_it_is(tmp_path: Path) -> None:
    source = tmp_path / "model.coreml"
    source.write_bytes(b"anything")
    done = embed(EmbedJob(file=str(source), format="coreml", output=str(tmp_path / "copy"), entries=ENTRIES))
    assert done.keys == ()
    assert "coreml" in done.note
    assert (tmp_path / "copy").read_bytes() == b"anything"


@pytest.mark.parametrize("name", ["net.pte", "net.tflite", "net.onnx"])
def test_a_file_that_is_cut_off_is_refused(name: str, tmp_path: Path) -> None:
    cut = tmp_path / name
    cut.write_bytes(golden(name).read_bytes()[:60])
    with pytest.raises(SourceError, match="damaged"):
        embed(replace(job_for(name, tmp_path / "out"), file=str(cut)))


def test_the_text_report_shows_long_json_by_its_keys(tmp_path: Path) -> None:
    output = tmp_path / "net.onnx"
    embed(job_for("net.onnx", output))
    lines = [line.strip() for line in describe(inspect_artifact(output))]
    assert f"metadata    edgeproof.json: JSON of {len(TEXT)} characters (--json shows all)".replace("1,", "1,") in [
        line.replace(f"{len(TEXT):,}", str(len(TEXT))) for line in lines
    ]
    assert {'- name: "é"', "- inputs: 20 values", "short.txt: two\\nlines"} <= set(lines)
    assert any(line.startswith('- long: "yyyy') and line.endswith("y...") for line in lines)
