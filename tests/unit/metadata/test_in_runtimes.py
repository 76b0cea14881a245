"""With texts in it an artifact gives the same bits, and its runtime gives the texts where it has a way to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import flatbuffers
import onnxruntime
import pytest
from ai_edge_litert import schema_py_generated as schema
from artifacts import golden
from golden_calls import artifact_at, outputs_of

from edgeproof.converters.artifact import Artifact
from edgeproof.converters.errors import UsageError
from edgeproof.converters.metadata.embed import EmbedJob, embed
from edgeproof.converters.metadata.facts import ModelFacts
from edgeproof.validators.runners import executorch, litert, onnx
from edgeproof.validators.runners.protocol import Runner

ENTRIES = {"edgeproof.json": '{"name": "é"}', "other": "text" * 1000}
CASES: dict[str, tuple[str, Callable[[Artifact], Runner]]] = {
    "net.pte": ("executorch", executorch.open_runner),
    "net.tflite": ("litert", litert.open_runner),
    "net.onnx": ("onnx", onnx.open_runner),
}


@pytest.mark.parametrize("name", CASES)
def test_it_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    output = tmp_path / name
    format_name, open_runner = CASES[name]
    facts = ModelFacts(name="net", version="1", files={"readme.txt": "text"})
    embed(EmbedJob(file=str(golden(name)), format=format_name, output=str(output), entries=ENTRIES, facts=facts))
    plain, with_texts = (artifact_at(file, name, format_name) for file in (golden(name), output))
    assert outputs_of(open_runner, plain) == outputs_of(open_runner, with_texts)


def test_onnx_runtime_gives_the_texts(tmp_path: Path) -> None:
    output = tmp_path / "net.onnx"
    embed(EmbedJob(file=str(golden("net.onnx")), format="onnx", output=str(output), entries=ENTRIES))
    assert onnxruntime.InferenceSession(str(output)).get_modelmeta().custom_metadata_map == ENTRIES


@pytest.mark.parametrize("what", ["constant", "options"])
def test_what_is_found_from_the_start_of_a_litert_file_is_not_moved(what: str, tmp_path: Path) -> None:
    model = schema.ModelT.InitFromPackedBuf(golden("net.tflite").read_bytes(), 0)
    if what == "constant":
        model.buffers.append(schema.BufferT())
        model.buffers[-1].offset = model.buffers[-1].size = 16
    else:
        model.subgraphs[0].operators[0].largeCustomOptionsOffset = 16
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    file = tmp_path / "large.tflite"
    file.write_bytes(bytes(builder.Output()))
    with pytest.raises(UsageError, match="behind its graph"):
        embed(EmbedJob(file=str(file), format="litert", output=str(tmp_path / "out"), entries=ENTRIES))
    assert not (tmp_path / "out").exists()


def test_litert_files_hold_them_as_metadata(tmp_path: Path) -> None:
    output = tmp_path / "net.tflite"
    embed(EmbedJob(file=str(golden("net.tflite")), format="litert", output=str(output), entries=ENTRIES))
    payload = output.read_bytes()
    assert schema.Model.ModelBufferHasIdentifier(payload, 0)
    model = schema.ModelT.InitFromPackedBuf(payload, 0)
    before = schema.ModelT.InitFromPackedBuf(golden("net.tflite").read_bytes(), 0)
    found = {entry.name.decode(): bytes(model.buffers[entry.buffer].data).decode() for entry in model.metadata[-2:]}
    assert found == ENTRIES
    assert len(model.metadata) == len(before.metadata) + 2
    assert len(model.buffers) == len(before.buffers) + 2
