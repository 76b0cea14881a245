"""TorchScript archives as sources: their code is admitted before it is compiled, and what cannot be made is said."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch

from edgeproof.converters.checkpoints.malformed import Malformed
from edgeproof.converters.errors import ConversionError, InputError, SourceError, UnsafeInput
from edgeproof.converters.from_torch import live, load, onnx, program, torchscript
from edgeproof.converters.from_torch.opening.opened import Opened
from edgeproof.converters.from_torch.opening.torchscript_vetting import check_file
from edgeproof.converters.job import DescribeJob
from edgeproof.converters.live_source import describe_source
from edgeproof.converters.resolve import resolve
from edgeproof.converters.source import SourceKind

pytestmark = pytest.mark.torch
SPEC = "x:float32[2,4]"


class Plain(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor, scale: float = 2.0) -> dict[str, torch.Tensor]:
        return {"scores": self.body(x) * scale, "x": x + 1}


class Loop(Plain):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        if bool(x.sum() > 0):
            x = x * 2
        for _ in range(int(x.shape[0])):
            x = torch.tanh(x)
        return self.body(x)


class Counter(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        self.calls = self.calls + 1
        return self.body(x) + self.calls


class Saves(Plain):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        torch.ops.aten.save(x, "fired")
        return x


class Reads(Plain):
    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return torch.from_file("/etc/hostname", shared=False, size=1, dtype=torch.uint8) + x


class FiresWhenLoaded(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.held = torch.ones(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.held.sum()

    @torch.jit.export
    def __getstate__(self) -> tuple[torch.Tensor, bool]:  # type: ignore[override]
        return self.held, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]) -> None:  # type: ignore[override]
        self.held = state[0]
        self.training = state[1]
        torch.ops.aten.save(state[0], "fired")


@pytest.fixture(autouse=True)
def without_words_about_torchscript() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*", category=DeprecationWarning)
        yield


def saved(module: torch.nn.Module, path: Path) -> Path:
    torch.jit.save(torch.jit.script(module.eval()), path)
    return path


def opened(path: Path, *inputs: str) -> Opened:
    return load.load(resolve(str(path), inputs=inputs or (SPEC,)))


def programmed(path: Path, folder: Path, *inputs: str) -> program.TorchProgram:
    source = resolve(str(path), inputs=inputs or (SPEC,))
    program._loaded.cache_clear()
    flat, tensors = program.flat_source(source)
    found = describe_source(live.TorchSource(flat, tensors), DescribeJob(source=source, folder=str(folder)), made_by={})
    return program.TorchProgram(flat, tensors, found.signature)


def test_it_is_called_by_the_names_of_its_forward(tmp_path: Path):
    module = Plain()
    path = saved(module, tmp_path / "m.pt")
    assert resolve(str(path)).kind is SourceKind.TORCHSCRIPT
    source = live.TorchSource(*program.flat_source(resolve(str(path), inputs=(SPEC,))))
    assert list(source.examples) == ["x"]
    got = source.run(source.examples)
    with torch.no_grad():
        wanted = module(torch.from_numpy(source.examples["x"]))
    assert list(got) == ["scores", "x"]
    assert torch.equal(torch.from_numpy(got["scores"]), wanted["scores"])


def test_without_inputs_it_says_what_forward_takes(tmp_path: Path):
    path = saved(Plain(), tmp_path / "m.pt")
    with pytest.raises(InputError, match="x: Tensor, scale: float") as caught:
        load.load(resolve(str(path)))
    assert "--input" in caught.value.fix


def test_a_script_without_control_flow_becomes_a_program(tmp_path: Path):
    found = programmed(saved(Plain(), tmp_path / "m.pt"), tmp_path)
    (x,) = found.examples
    wanted = found.module(x)
    got = found.exported.module()(x)
    assert all(torch.allclose(one, other) for one, other in zip(got, wanted, strict=True))
    assert torch.equal(found.module(x)[0], wanted[0])  # the script is back in its place


def test_it_is_saved_again_as_it_is(tmp_path: Path):
    found = programmed(saved(Loop(), tmp_path / "m.pt"), tmp_path)
    lowering = torchscript.lower(found)
    (tmp_path / "again.pt").write_bytes(lowering.payload)
    x = -found.examples[0].abs()
    assert torch.equal(torch.jit.load(tmp_path / "again.pt")(x), found.module(x)[0])
    assert any("saved again" in note for note in lowering.notes)


def test_loops_and_branches_reach_onnx_and_the_other_formats_say_why_not(tmp_path: Path):
    found = programmed(saved(Loop(), tmp_path / "m.pt"), tmp_path)
    with pytest.raises(ConversionError, match="only TorchScript can hold this program") as caught:
        _ = found.exported
    assert "--model" in caught.value.fix
    session = onnxruntime.InferenceSession(onnx.lower(found).payload)
    for x in (found.examples[0].abs(), -found.examples[0].abs()):
        (got,) = session.run(None, {"x": x.numpy()})
        assert torch.allclose(torch.from_numpy(got), found.module(x)[0], atol=1e-6)


def test_a_state_between_calls_starts_anew_and_is_told(tmp_path: Path):
    path = saved(Counter(), tmp_path / "m.pt")
    assert any("state" in note for note in opened(path).notes)
    found = programmed(path, tmp_path)
    first, second = found.module(*found.examples), found.module(*found.examples)
    assert torch.equal(first[0], second[0])
    with pytest.raises(ConversionError, match="keeps a state"):
        onnx.lower(found)


def test_numbers_that_the_user_fixes_stay_fixed(tmp_path: Path):
    (tmp_path / "inputs.py").write_text("import torch\ndef inputs():\n    return torch.ones(2, 4), 3.0\n")
    found = programmed(saved(Plain(), tmp_path / "m.pt"), tmp_path, f"{tmp_path / 'inputs.py'}:inputs")
    (tmp_path / "again.pt").write_bytes(torchscript.lower(found).payload)
    assert torch.allclose(torch.jit.load(tmp_path / "again.pt")(torch.ones(2, 4))[0], found.module(torch.ones(2, 4))[0])


def test_its_weights_fill_an_architecture(tmp_path: Path):
    module = Plain()
    path = saved(module, tmp_path / "m.pt")
    code = "import torch\nclass Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    (tmp_path / "net.py").write_text(code + "        self.body = torch.nn.Linear(4, 3)\n")
    found = load.load(resolve(str(path), model=f"{tmp_path / 'net.py'}:Net"))
    assert torch.equal(found.module.state_dict()["body.weight"], module.body.weight)
    (tmp_path / "net.py").write_text(code + "        self.other = torch.nn.Linear(4, 3)\n")
    with pytest.raises(SourceError, match="missing"):
        load.load(resolve(str(path), model=f"{tmp_path / 'net.py'}:Net"))


@pytest.mark.parametrize("module", [Saves(), Reads(), FiresWhenLoaded()])
def test_what_touches_files_is_refused_before_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: torch.nn.Module
):
    path = saved(module, tmp_path / "m.pt")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsafeInput, match="does more than compute"):
        opened(path)
    assert [file.name for file in tmp_path.iterdir()] == ["m.pt"]


def rewritten(source: Path, target: Path, old: str, new: str) -> Path:
    """A copy whose code has another text."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as copy:
        for name in archive.namelist():
            data = archive.read(name)
            copy.writestr(name, data.replace(old.encode(), new.encode()) if name.endswith(".py") else data)
    return target


@pytest.mark.parametrize(
    "code",
    [
        "ops.c10d.send([x], 0, 0)",
        "ops . inductor . resize_storage_bytes_(x, 1)",
        "o = ops",
        "__torch__.torch.classes.dist_c10d.FileStore",
        "_1 = torch . save(x, 'f')",
        "f = x.save",
        '_1 = "a\\"b"; torch.save(x, "c")',
        "_1 = torch.fbgemm_linear_int8_weight(x, x, x, x, 1., 1, x)",
    ],
)
def test_operators_by_another_spelling_are_refused(tmp_path: Path, code: str):
    path = saved(Plain(), tmp_path / "m.pt")
    with pytest.raises(UnsafeInput):
        check_file(rewritten(path, tmp_path / "e.pt", "    body = self.body\n", f"    {code}\n    body = self.body\n"))


def test_a_text_that_speaks_of_saving_is_no_reason(tmp_path: Path):
    class Speaks(Plain):
        def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            if x.dim() != 2:
                raise ValueError("save your breath")
            return x

    path = saved(Speaks(), tmp_path / "m.pt")
    check_file(path)


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_truncated_archive_is_one_error(tmp_path: Path, tenth: int):
    data = saved(Plain(), tmp_path / "m.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(data[: len(data) * tenth // 10])
    with pytest.raises(SourceError) as caught:
        opened(tmp_path / "cut.pt")
    assert caught.value.fix


def test_the_frozen_form_opens(tmp_path: Path):
    frozen: Any = torch.jit.freeze(torch.jit.script(Plain().eval()))
    torch.jit.save(frozen, tmp_path / "m.pt")
    assert opened(tmp_path / "m.pt").module(torch.ones(2, 4)).keys() == {"scores", "x"}


def test_a_storage_that_is_shorter_than_its_tensor_is_refused_before_torch_reads_behind_its_end(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(64, 64)), tmp_path / "whole.pt")
    with zipfile.ZipFile(tmp_path / "whole.pt") as archive, zipfile.ZipFile(tmp_path / "cut.pt", "w") as made:
        for name in archive.namelist():
            content = archive.read(name)
            made.writestr(name, content[:-512] if "/data/" in name else content)
    with pytest.raises(Malformed, match="claims"):
        check_file(tmp_path / "cut.pt")
