"""Texts in TorchScript archives as torch gives them, and in ExecuTorch programs as its own reader has them."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from artifacts import golden
from executorch.exir._serialize import _deserialize_pte_binary
from golden_calls import artifact_at, outputs_of

from edgeproof.converters.metadata.embed import EmbedJob, embed
from edgeproof.validators.runners import executorch_bindings, torchscript

ENTRIES = {"edgeproof.json": '{"name": "é"}', "other": "text" * 1000}


def test_torch_gives_the_texts_and_the_same_bits(tmp_path: Path) -> None:
    output = tmp_path / "net.pt"
    embed(EmbedJob(file=str(golden("net.pt")), format="torchscript", output=str(output), entries=ENTRIES))
    found: dict[str, str | bytes] = dict.fromkeys(ENTRIES, "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.load(str(output), _extra_files=found)
    assert {key: text if isinstance(text, str) else text.decode() for key, text in found.items()} == ENTRIES
    plain, with_texts = (artifact_at(file, "net.pt", "torchscript") for file in (golden("net.pt"), output))
    assert outputs_of(torchscript.open_runner, plain) == outputs_of(torchscript.open_runner, with_texts)


@pytest.mark.parametrize("name", ["net.pte", "portable.pte"])
def test_executorch_reads_them_as_named_data(name: str, tmp_path: Path) -> None:
    output = tmp_path / name
    embed(EmbedJob(file=str(golden(name)), format="executorch", output=str(output), entries=ENTRIES))
    named = _deserialize_pte_binary(output.read_bytes()).named_data
    before = _deserialize_pte_binary(golden(name).read_bytes()).named_data
    assert named is not None
    found = {key: bytes(named.buffers[entry.buffer_index]) for key, entry in named.pte_data.items()}
    assert {key: found[key].decode() for key in ENTRIES} == ENTRIES
    for key, entry in (before.pte_data if before else {}).items():
        assert before is not None
        assert found[key] == bytes(before.buffers[entry.buffer_index])


def test_the_bindings_give_the_same_bits(tmp_path: Path) -> None:
    output = tmp_path / "net.pte"
    embed(EmbedJob(file=str(golden("net.pte")), format="executorch", output=str(output), entries=ENTRIES))
    plain, with_texts = (artifact_at(file, "net.pte", "executorch") for file in (golden("net.pte"), output))
    opened = executorch_bindings.open_runner
    assert outputs_of(opened, plain) == outputs_of(opened, with_texts)
