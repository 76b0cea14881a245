"""Integer inputs are followed to the tables that they index, in eager modules, TorchScript and exported programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from edgeproof.converters.errors import SourceError
from edgeproof.converters.from_torch.flatten import FlatModule
from edgeproof.converters.from_torch.live import TorchSource
from edgeproof.converters.job import DescribeJob
from edgeproof.converters.live_source import describe_source
from edgeproof.converters.resolve import resolve

pytestmark = pytest.mark.torch
LENGTH = 12


class Text(nn.Module):
    """Token ids, segment ids and a mask, with positions that the model counts itself."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(30, 8)
        self.places = nn.Embedding(LENGTH, 8)
        self.kinds = nn.Parameter(torch.randn(7, 8))
        self.reader = nn.Linear(8, 8)

    def forward(self, ids: torch.Tensor, kinds: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """One row of features for each text."""
        known = ids.view(1, -1).long().clamp(min=0)
        x = self.words(known) + self.places(torch.arange(ids.shape[1])) + self.kinds[kinds]
        read = self.reader(x).tanh()
        return (read * mask.unsqueeze(-1)).sum(1)


def inputs() -> dict[str, torch.Tensor]:
    return {
        "ids": torch.arange(LENGTH, dtype=torch.int32).unsqueeze(0),
        "kinds": torch.zeros(1, LENGTH, dtype=torch.int64),
        "mask": torch.ones(1, LENGTH, dtype=torch.int64),
    }


def source_of(module: nn.Module, examples: dict[str, torch.Tensor]) -> TorchSource:
    return TorchSource(FlatModule(module, ((), examples)).eval(), tuple(examples.values()))


def as_it_is(module: nn.Module) -> nn.Module:
    return module


def scripted(module: nn.Module) -> nn.Module:
    made: nn.Module = torch.jit.script(module)
    return made


def exported(module: nn.Module) -> nn.Module:
    program = torch.export.export(module, (), inputs())
    made: Any = program.module()
    made.eval = lambda: made
    made.train = lambda *_: made
    return made  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("form", [as_it_is, scripted, exported])
def test_every_input_that_chooses_rows_is_found_with_their_number(form: Callable[[nn.Module], nn.Module]):
    source = source_of(form(Text().eval()), inputs())
    for _ in range(3):
        assert source.tables() == {"ids": 30, "kinds": 7}


def test_the_smallest_of_several_tables_counts():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.large, self.small = nn.Embedding(50, 4), nn.Embedding(20, 4)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.large(ids) + self.small(ids)

    assert source_of(Two(), {"ids": torch.arange(5)}).tables() == {"ids": 20}


def test_other_numbers_made_of_an_input_are_not_the_input():
    """Hashed ids index a table that says nothing about the ids."""

    class Hashed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(8, 4)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.table(ids * 7 % 8)

    assert source_of(Hashed(), {"ids": torch.tensor([[100, 3, 5000]])}).tables() == {}


def test_an_input_with_the_numbers_of_another_is_not_mistaken_for_it():
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(8, 4)

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return self.table(ids) * mask.unsqueeze(-1)

    ones = torch.ones(1, 5, dtype=torch.int64)
    assert source_of(Masked(), {"ids": ones, "mask": ones.clone()}).tables() == {"ids": 8}


@pytest.mark.parametrize("way", ["index_select", "gather", "one_hot", "bag", "index"])
def test_every_way_to_choose_rows_is_seen(way: str):
    class Chooser(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.randn(9, 4))

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            ways: dict[str, Callable[[], torch.Tensor]] = {
                "index_select": lambda: torch.index_select(self.table, 0, ids),
                "gather": lambda: torch.gather(self.table[:, 0], 0, ids),
                "one_hot": lambda: nn.functional.one_hot(ids, 9) @ self.table.round().long(),
                "bag": lambda: nn.functional.embedding_bag(ids.unsqueeze(0), self.table),
                "index": lambda: self.table[ids],
            }
            return ways[way]()

    assert source_of(Chooser(), {"ids": torch.tensor([3, 1, 4])}).tables() == {"ids": 9}


def test_a_description_has_the_ranges(tmp_path: Path):
    source = source_of(Text(), inputs())
    job = DescribeJob(source=resolve(__file__ + ":build"), folder=str(tmp_path))
    found = describe_source(source, job, made_by={})
    assert found.ranges == {"ids": (0, 29), "kinds": (0, 6)}
    assert found.notes == ()


def test_a_model_that_cannot_be_watched_is_described_with_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(_self: TorchSource) -> dict[str, int]:
        raise SourceError("the model raised TypeError", fix="nothing")

    monkeypatch.setattr(TorchSource, "tables", refuse)
    job = DescribeJob(source=resolve(__file__ + ":build"), folder=str(tmp_path))
    found = describe_source(source_of(Text(), inputs()), job, made_by={})
    assert found.ranges == {}
    assert "the model raised TypeError" in found.notes[0]


def test_floats_that_are_no_whole_numbers_are_not_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(_self: TorchSource) -> dict[str, int]:
        raise AssertionError("the model ran once more for nothing")

    monkeypatch.setattr(TorchSource, "tables", fail)
    job = DescribeJob(source=resolve(__file__ + ":build"), folder=str(tmp_path))
    examples = {"input": torch.randn(1, 4)}
    assert describe_source(source_of(nn.Linear(4, 2), examples), job, made_by={}).ranges == {}


def build() -> nn.Module:
    return Text()
