"""`.pt2` files: opened without torch's loader, and refused where they ask for anything but computing with tensors."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from edgeproof.converters.errors import SourceError, UnsafeInput
from edgeproof.converters.from_torch import load, program
from edgeproof.converters.from_torch.opening.opened import Opened
from edgeproof.converters.from_torch.opening.program_expressions import check_expression
from edgeproof.converters.from_torch.opening.program_vetting import check_operator
from edgeproof.converters.resolve import resolve
from edgeproof.converters.source import Opening, Trust

pytestmark = pytest.mark.torch
Edit = Callable[[dict[str, Any]], None]


class Net(torch.nn.Module):
    """Weights, a buffer, a constant, nested inputs and outputs, a branch, and sizes that are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Linear(4, 4)
        self.tied = torch.nn.Linear(4, 4)
        self.tied.weight = self.body.weight
        self.register_buffer("shift", torch.ones(4))
        self.constant = torch.arange(4.0)

    def forward(self, x: torch.Tensor, more: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        y = self.tied(self.body(x)) + self.shift + self.constant + more["z"]
        y = torch.cond(y.sum() > 0, lambda y: y + 1, lambda y: y - 1, (y,))
        return {"rows": y.reshape(x.shape[0] * 2, -1), "raw": torch.nn.functional.gelu(y, approximate="tanh")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "net.pt2"
    batch = torch.export.Dim("batch", min=2, max=8)
    shapes = {"x": {0: batch}, "more": {"z": None}}
    exported = torch.export.export(Net(), (torch.randn(4, 4), {"z": torch.ones(4)}), dynamic_shapes=shapes)
    torch.export.save(exported, path)
    return path


class Fires:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return subprocess.call, (["touch", str(self.mark)],)


def opened(path: Path, *trust: Trust) -> Opened:
    return load.load(resolve(str(path), opening=Opening(trust=trust)))


def rewritten(source: Path, target: Path, changes: dict[str, bytes | None], edit: Edit | None = None) -> Path:
    """A copy with members changed, added, or (None) left out, and the program's JSON edited."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        members = {name: old.read(name) for name in old.namelist()}
        prefix = next(iter(members)).partition("/")[0]
        if edit is not None:
            described = json.loads(members[f"{prefix}/models/model.json"])
            edit(described)
            members[f"{prefix}/models/model.json"] = json.dumps(described).encode()
        members.update({f"{prefix}/{name}": data for name, data in changes.items() if data is not None})
        for name, data in members.items():
            if name.removeprefix(f"{prefix}/") not in changes or changes[name.removeprefix(f"{prefix}/")] is not None:
                new.writestr(name, data)
    return target


def pickled(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def test_it_computes_what_torch_s_own_loader_gives(whole: Path):
    found = opened(whole)
    args, kwargs = found.examples
    wanted = torch.export.load(whole).module()(*args, **kwargs)
    got = found.module(*args, **kwargs)
    assert got.keys() == wanted.keys()
    assert all(torch.equal(got[name], wanted[name]) for name in wanted)


def test_it_exports_again_with_its_names(whole: Path):
    program._loaded.cache_clear()
    flat, tensors = program.flat_source(resolve(str(whole)))
    assert flat.input_names == ("x", "more.z")
    torch.export.export(flat, tensors, strict=False)


def test_shared_weights_stay_shared(whole: Path):
    state = opened(whole).module.state_dict()
    assert state["body.weight"].data_ptr() == state["tied.weight"].data_ptr()


def test_a_trusted_program_opens_with_a_note(whole: Path):
    assert any("--trust-pickle" in note for note in opened(whole, Trust.PICKLE).notes)


def test_weights_of_the_former_layout_are_read_inertly(whole: Path, tmp_path: Path):
    weights = {name: value.detach() for name, value in torch.export.load(whole).state_dict.items()}
    path = rewritten(whole, tmp_path / "old.pt2", {"data/weights/model.pt": pickled(weights)})
    assert torch.equal(opened(path).module.state_dict()["body.weight"], weights["body.weight"])


@pytest.mark.parametrize("member", ["data/weights/model.pt", "data/constants/model.pt"])
def test_a_canary_among_pickled_tensors_does_not_fire(whole: Path, tmp_path: Path, member: str):
    path = rewritten(whole, tmp_path / "c.pt2", {member: pickled({"w": Fires(tmp_path / "fired")})})
    with pytest.raises(UnsafeInput):
        opened(path)
    assert not (tmp_path / "fired").exists()


def test_a_canary_among_the_example_inputs_does_not_fire(whole: Path, tmp_path: Path):
    canary = pickled(((Fires(tmp_path / "fired"),), {}))
    path = rewritten(whole, tmp_path / "c.pt2", {"data/sample_inputs/model.pt": canary})
    assert opened(path).examples is None
    assert not (tmp_path / "fired").exists()


@pytest.mark.parametrize("file", ["opaque_obj_0", "custom_obj_0", "tensor_0"])
def test_a_canary_among_the_constants_does_not_fire(whole: Path, tmp_path: Path, file: str):
    config = {"config": {"constant": {"path_name": file, "is_param": False, "use_pickle": True, "tensor_meta": None}}}
    changes: dict[str, bytes | None] = {
        "data/constants/model_constants_config.json": json.dumps(config).encode(),
        f"data/constants/{file}": pickled(Fires(tmp_path / "fired")),
    }
    path = rewritten(whole, tmp_path / "c.pt2", changes)
    with pytest.raises(UnsafeInput) as caught:
        opened(path)
    assert "--trust-pickle" in caught.value.fix
    assert not (tmp_path / "fired").exists()


def test_a_canary_fires_only_when_it_is_trusted(whole: Path, tmp_path: Path):
    config = {
        "config": {"more": {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}}
    }
    changes: dict[str, bytes | None] = {
        "data/constants/model_constants_config.json": json.dumps(config).encode(),
        "data/constants/opaque_obj_0": pickle.dumps(Fires(tmp_path / "fired")),
    }
    path = rewritten(whole, tmp_path / "c.pt2", changes)
    with suppress(SourceError):  # what it leaves behind is no constant
        opened(path, Trust.PICKLE)
    assert (tmp_path / "fired").exists()


@pytest.mark.parametrize(
    "member", ["data/aotinductor/model/model.so", "data/extra/model.so", "data/aotinductor/m/a.cpp"]
)
@pytest.mark.parametrize("trust", [(), (Trust.PICKLE,)])
def test_compiled_code_is_refused_whatever_is_trusted(whole: Path, tmp_path: Path, member: str, trust: tuple[Trust]):
    with pytest.raises(UnsafeInput, match="compiled code"):
        opened(rewritten(whole, tmp_path / "c.pt2", {member: b"\x7fELF"}), *trust)


def _guards(mark: Path) -> Edit:
    return lambda described: described.update(guards_code=[f"open({str(mark)!r}, 'w')"])


def test_guards_are_never_run(whole: Path, tmp_path: Path):
    found = opened(rewritten(whole, tmp_path / "c.pt2", {}, _guards(tmp_path / "fired")))
    args, kwargs = found.examples
    found.module(*args, **kwargs)
    assert not (tmp_path / "fired").exists()


def nodes(described: dict[str, Any]) -> list[dict[str, Any]]:
    return described["graph_module"]["graph"]["nodes"]


def signature(described: dict[str, Any]) -> dict[str, Any]:
    return described["graph_module"]["module_call_graph"][0]["signature"]


def _call(target: str) -> Edit:
    return lambda described: nodes(described)[0].update(target=target)


def _expression(text: str) -> Edit:
    def edit(described: dict[str, Any]) -> None:
        sizes = described["graph_module"]["graph"]["sym_int_values"]
        next(iter(sizes.values()))["as_expr"]["expr_str"] = text

    return edit


def _tree(kind: str, context: str) -> Edit:
    spec = [1, {"type": kind, "context": context, "children_spec": []}]
    return lambda described: signature(described).update(out_spec=json.dumps(spec))


def _rename_input(name: str) -> Edit:
    def edit(described: dict[str, Any]) -> None:
        text = json.dumps(described).replace('{"name": "x"}', json.dumps({"name": name}))
        described.update(json.loads(text))

    return edit


_BAD_NAME = "x): pass\nimport os\nos.system('touch fired')\ndef f(x"


@pytest.mark.parametrize(
    "edit",
    [
        _call("torch.load"),
        _call("torch.hub.load"),
        _call("torch.os.system"),
        _call("_operator.attrgetter"),
        _call("_operator.methodcaller"),
        _call("math.__loader__.load_module"),
        _call("torch.ops.aten.from_file.default"),
        _call("torch.ops.aten.save.default"),
        _call("torch.ops.debugprims.load_tensor.default"),
        _call("torch.ops.c10d.send.default"),
        _call("torch.ops.inductor.resize_storage_bytes_.default"),
        _call("torch.ops.higher_order.call_torchbind"),
        _call("torch.ops.higher_order.triton_kernel_wrapper_functional"),
        _call("torch.ops.load_library"),
        _call("torch.ops.aten.__init__.__globals__"),
        _call("torch.ops.aten.__class__.default"),
        _call("torch.ops.aten.add.__class__"),
        _call("torch.ops.aten.add"),
        _call("torch.ops.torchvision.never_heard_of.default"),
        _call("#extension:thing"),
        _expression("__import__('os').system('touch fired')"),
        _expression("preview(1)"),
        _expression("Symbol('s0').__class__"),
        _expression("(lambda: 1)()"),
        _expression("[x for x in ().__class__.__bases__]"),
        _tree("collections.defaultdict", json.dumps({"default_factory_module": "os", "default_factory_name": "abort"})),
        _tree("builtins.dict", '[{"__enum__": 1, "fqn": "antigravity:x", "name": "y"}]'),
        _tree("builtins.dict", json.dumps(['a", __import__("os").system("touch fired"), "'])),
        _rename_input(_BAD_NAME),
        lambda described: signature(described).update(forward_arg_names=[_BAD_NAME, "more"]),
        lambda described: described["range_constraints"].update({"u999999999999": {"min_val": 0, "max_val": 1}}),
        lambda described: described["graph_module"]["signature"]["input_specs"].append(
            {"custom_obj": {"arg": {"name": "o", "class_fqn": "x"}, "custom_obj_name": "o"}}
        ),
    ],
)
def test_what_would_run_is_refused(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Edit):
    monkeypatch.chdir(tmp_path)
    path = rewritten(whole, tmp_path / "c.pt2", {}, edit)
    with pytest.raises((UnsafeInput, SourceError)) as caught:
        opened(path)
    assert caught.value.fix
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt2"]


@pytest.mark.parametrize(
    "text",
    [
        "s0", "2*s0", "Max(1, s0)", "Symbol('s77', positive=True, integer=True)", "Float('0.5', precision=53)",
        "Add(Mul(Integer(2), Symbol('s0', integer=True)), Integer(-1))", "Pow(Symbol('s1'), Integer(2))",
    ],
)  # fmt: skip
def test_sizes_are_functions_of_symbols(text: str):
    if "*" in text:
        with pytest.raises(UnsafeInput):  # torch writes Mul(), and infix powers have no bound
            check_expression(text)
    else:
        check_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "1 +", "x.y", "x[0]", "f'{x}'", "Pow(Integer(10), Integer(1000000000))", "Pow(s0, Pow(9, 9))",
        "Integer('9999999999999999999999999999999999999999999999')", "Symbol('__import__')", "S('print(1)')",
        "Function('f')(1)", "Lambda(x, x)", "eval('1')", "Integer('1+1')", "a" * 30_000, "(" * 500 + ")" * 500,
        "Symbol('s0', commutative='__import__')", "LShift(Integer(1), Integer(100000000000))",
    ],
)  # fmt: skip
def test_other_expressions_are_refused(text: str):
    with pytest.raises(UnsafeInput):
        check_expression(text)


def test_operators_that_torch_itself_writes_are_admitted(whole: Path):
    with zipfile.ZipFile(whole) as archive:
        described = json.loads(archive.read("net/models/model.json"))
    for node in nodes(described):
        check_operator(node["target"])


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_truncated_program_is_one_error(whole: Path, tmp_path: Path, tenth: int):
    data = whole.read_bytes()
    (tmp_path / "cut.pt2").write_bytes(data[: len(data) * tenth // 10])
    with pytest.raises(SourceError) as caught:
        opened(tmp_path / "cut.pt2")
    assert caught.value.fix


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_byte_is_one_error_or_another_number(whole: Path, tmp_path: Path, seed: int):
    data = bytearray(whole.read_bytes())
    generator = torch.Generator().manual_seed(seed)
    position = int(torch.randint(len(data), (1,), generator=generator))
    data[position] ^= 1 << int(torch.randint(8, (1,), generator=generator))
    (tmp_path / "flipped.pt2").write_bytes(data)
    with suppress(SourceError, UnsafeInput):
        opened(tmp_path / "flipped.pt2")
