"""Weights in training checkpoints: found, freed of wrappers' prefixes, matched strictly, and never guessed."""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from edgeproof.converters.errors import SourceError, UnsafeInput, UsageError
from edgeproof.converters.from_torch import load
from edgeproof.converters.from_torch.opening.opened import Opened
from edgeproof.converters.resolve import resolve
from edgeproof.converters.source import Opening, SourceKind, Trust

pytestmark = pytest.mark.torch
CODE = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Linear(4, 2)
        self.norm = torch.nn.BatchNorm1d(2)
        self.register_buffer("mask", torch.ones(2), persistent=False)

    def forward(self, x):
        return self.norm(self.body(x)) * self.mask

def build():
    return Net()
"""


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Linear(4, 2)
        self.norm = torch.nn.BatchNorm1d(2)
        self.register_buffer("mask", torch.ones(2), persistent=False)


class Meter:
    """What training loops keep beside the weights."""

    def __init__(self) -> None:
        self.history = [0.5]


class Fires:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return subprocess.call, (["touch", str(self.mark)],)


@pytest.fixture
def factory(tmp_path: Path) -> str:
    (tmp_path / "model.py").write_text(CODE)
    return f"{tmp_path / 'model.py'}:build"


@pytest.fixture
def filled(tmp_path: Path, factory: str) -> Callable[..., Opened]:
    def fill(checkpoint: Any, weights: str | None = None) -> Opened:
        torch.save(checkpoint, tmp_path / "c.pt")
        return load.load(resolve(str(tmp_path / "c.pt"), model=factory, opening=Opening(weights=weights)))

    return fill


def state(seed: int = 1) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return {name: torch.randn_like(value.float()).to(value.dtype) for name, value in Net().state_dict().items()}


def prefixed(prefix: str, seed: int = 1) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in state(seed).items()}


def same(opened: Opened, wanted: dict[str, torch.Tensor]) -> bool:
    got = opened.module.state_dict()
    return got.keys() == wanted.keys() and all(torch.equal(got[name], value) for name, value in wanted.items())


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict", "ema", "net", "module", "params", "odd"])
def test_weights_are_found_at_any_key_and_the_place_is_told(filled: Callable[..., Opened], key: str):
    found = filled({"epoch": 3, key: state(), "args": argparse.Namespace(width=4), "loss": torch.tensor(0.5)})
    assert same(found, state())
    assert any(repr(key) in note for note in found.notes)
    assert any("argparse.Namespace" in note for note in found.notes)


def test_weights_one_level_deeper_are_found(filled: Callable[..., Opened]):
    optimiser = torch.optim.Adam(Net().parameters())
    found = filled({"state": {"model": state(), "step": 3}, "optimizer": optimiser.state_dict(), "meter": Meter()})
    assert same(found, state())
    assert any("'state.model'" in note for note in found.notes)


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "net.", "module._orig_mod.", "module.model.", "_orig_mod.module.net."]
)
def test_a_wrapper_s_prefix_is_taken_off_and_told(filled: Callable[..., Opened], prefix: str):
    found = filled({"state_dict": prefixed(prefix)})
    assert same(found, state())
    assert any(repr(prefix) in note for note in found.notes)


def test_a_plain_state_dict_has_no_notes(filled: Callable[..., Opened]):
    assert filled(state()).notes == ()


def test_another_prefix_stays_and_is_named(filled: Callable[..., Opened]):
    with pytest.raises(SourceError, match="does not fit") as caught:
        filled(prefixed("strange."))
    assert "without the prefix 'strange.'" in caught.value.fix


def test_a_lightning_checkpoint_is_opened(filled: Callable[..., Opened]):
    checkpoint = {
        "epoch": 1, "global_step": 10, "pytorch-lightning_version": "2.5.0", "state_dict": prefixed("model."),
        "loops": {"fit_loop": {"state_dict": {}}}, "callbacks": {}, "optimizer_states": [{"state": {}}],
        "lr_schedulers": [], "hparams_name": "kwargs", "hyper_parameters": {"lr": 1e-3, "net": Meter()},
    }  # fmt: skip
    found = filled(checkpoint)
    assert same(found, state())
    assert any("Lightning 2.5.0" in note for note in found.notes)


def test_two_sets_that_fit_are_listed_and_chosen_by_their_key(filled: Callable[..., Opened]):
    checkpoint = {"model": state(1), "ema": state(2), "head": {"w": torch.ones(1)}, "deep": {"ema": state(3)}}
    words = re.escape("model (7 keys, 7 match), ema (7 keys, 7 match), deep.ema (7 keys, 7 match)")
    with pytest.raises(SourceError, match=words) as caught:
        filled(checkpoint)
    assert "--weights deep.ema" in caught.value.fix
    assert same(filled(checkpoint, "ema"), state(2))
    assert same(filled(checkpoint, "deep.ema"), state(3))
    with pytest.raises(UsageError, match=r"no weights at 'emma'.*ema \(7 keys") as missed:
        filled(checkpoint, "emma")
    assert "--weights" in missed.value.fix


def test_the_same_weights_under_two_keys_are_no_choice(filled: Callable[..., Opened]):
    weights = state()
    assert same(filled({"model": weights, "state_dict": weights}), weights)


def test_a_set_that_fits_wins_over_one_that_does_not(filled: Callable[..., Opened]):
    other = {"generator.weight": torch.ones(9, 9), "body.weight": torch.ones(2, 4)}
    assert same(filled({"other": other, "net": state()}), state())


def test_all_that_differs_is_counted_and_named(filled: Callable[..., Opened]):
    weights = state()
    weights["body.weight"] = torch.ones(3, 4)
    weights["stranger"] = weights.pop("body.bias")
    with pytest.raises(SourceError) as caught:
        filled({"model": weights, "few": {"w": torch.ones(1)}})
    for words in (
        "'model'",
        "1 missing (body.bias)",
        "1 unexpected (stranger)",
        "body.weight 3x4 for 2x4",
        "few (1 keys",
    ):
        assert words in caught.value.message


def test_counters_that_old_checkpoints_lack_are_told(filled: Callable[..., Opened]):
    weights = state()
    del weights["norm.num_batches_tracked"]
    assert any("num_batches_tracked" in note for note in filled(weights).notes)


@pytest.mark.parametrize("value", [Meter(), torch.ones(2).to_sparse()])
def test_an_entry_that_is_no_plain_tensor_is_named(filled: Callable[..., Opened], value: Any):
    with pytest.raises(SourceError, match=r"body\.bias \("):
        filled({**state(), "body.bias": value})


@pytest.mark.parametrize(
    ("checkpoint", "words"),
    [
        ({}, "empty dictionary"),
        ({"epoch": 1}, "epoch"),
        (torch.ones(3), "single tensor"),
        ([1, 2], "list"),
        (Meter(), "Meter"),
    ],
)
def test_a_file_without_weights_says_what_it_holds(filled: Callable[..., Opened], checkpoint: Any, words: str):
    with pytest.raises(SourceError, match=words):
        filled(checkpoint)


@pytest.mark.parametrize("legacy", [False, True])
def test_nothing_that_a_checkpoint_names_ever_runs(tmp_path: Path, factory: str, legacy: bool):
    mark = tmp_path / "fired"
    checkpoint = {"state_dict": state(), "args": Fires(mark), "more": {"deep": [Fires(mark)]}}
    torch.save(checkpoint, tmp_path / "c.pt", _use_new_zipfile_serialization=not legacy)
    found = load.load(resolve(str(tmp_path / "c.pt"), model=factory))
    assert same(found, state())
    assert not mark.exists()


def test_a_pickled_module_is_refused_with_two_ways_out(tmp_path: Path):
    torch.save(Net(), tmp_path / "whole.pt")
    with pytest.raises(UnsafeInput, match=r"pickled module \(.*Net\)") as caught:
        resolve(str(tmp_path / "whole.pt"))
    assert "--model" in caught.value.fix
    assert "--trust-pickle" in caught.value.fix


def test_an_object_of_another_class_is_named_and_is_no_module_when_it_is_trusted(tmp_path: Path):
    torch.save(Meter(), tmp_path / "meter.pt")
    with pytest.raises(UnsafeInput, match="Meter"):
        resolve(str(tmp_path / "meter.pt"))
    with pytest.raises(SourceError):  # here the class cannot be imported either
        load.load(resolve(str(tmp_path / "meter.pt"), opening=Opening(trust=(Trust.PICKLE,))))


@pytest.mark.parametrize("nested", [False, True])
def test_a_pickled_module_s_weights_fill_the_architecture(filled: Callable[..., Opened], nested: bool):
    module = Net()
    module.load_state_dict(state())
    found = filled({"model": module, "epoch": 3} if nested else module)
    assert same(found, state())
    assert any("Net, which was not opened" in note for note in found.notes)


def test_a_pickled_module_opens_only_when_it_is_trusted(tmp_path: Path):
    module = torch.nn.Sequential(torch.nn.Linear(2, 3))
    torch.save({"model": module, "fire": Fires(tmp_path / "fired")}, tmp_path / "whole.pt")
    with pytest.raises(UnsafeInput):
        resolve(str(tmp_path / "whole.pt"))
    assert not (tmp_path / "fired").exists()
    source = resolve(str(tmp_path / "whole.pt"), opening=Opening(trust=(Trust.PICKLE,)))
    assert source.kind is SourceKind.PICKLED_MODULE
    found = load.load(source)
    assert isinstance(found.module, torch.nn.Sequential)
    assert any("--trust-pickle" in note for note in found.notes)
    assert (tmp_path / "fired").exists()


def test_trusting_a_pickle_does_not_open_what_needs_no_trust(tmp_path: Path, factory: str):
    torch.save({"state_dict": state(), "fire": Fires(tmp_path / "fired")}, tmp_path / "c.pt")
    source = resolve(str(tmp_path / "c.pt"), model=factory, opening=Opening(trust=(Trust.PICKLE,)))
    assert same(load.load(source), state())
    assert not (tmp_path / "fired").exists()


def test_two_trusted_modules_are_listed(tmp_path: Path):
    torch.save({"model": torch.nn.Linear(1, 1), "ema": torch.nn.Linear(1, 1)}, tmp_path / "whole.pt")
    trust = (Trust.PICKLE,)
    with pytest.raises(SourceError, match=r"model \(Linear\), ema \(Linear\)") as caught:
        load.load(resolve(str(tmp_path / "whole.pt"), opening=Opening(trust=trust)))
    assert "--weights ema" in caught.value.fix
    load.load(resolve(str(tmp_path / "whole.pt"), opening=Opening(trust=trust, weights="ema")))


def test_a_key_for_a_file_without_keys_is_refused(tmp_path: Path, factory: str):
    save_file(state(), tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match="no weights at 'ema'"):
        load.load(resolve(str(tmp_path / "w.safetensors"), model=factory, opening=Opening(weights="ema")))


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_truncated_checkpoint_is_one_error(tmp_path: Path, factory: str, legacy: bool, tenth: int):
    torch.save({"model": state()}, tmp_path / "c.pt", _use_new_zipfile_serialization=not legacy)
    data = (tmp_path / "c.pt").read_bytes()
    (tmp_path / "c.pt").write_bytes(data[: len(data) * tenth // 10])
    with pytest.raises((SourceError, UnsafeInput)) as caught:
        load.load(resolve(str(tmp_path / "c.pt"), model=factory))
    assert caught.value.fix
