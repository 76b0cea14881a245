"""Canaries in programs and folders: TorchScript code, text in .pt2 files, ONNX side files, Transformers folders."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from .case import Canaries, Case
from .opcodes import call, complete, python_code, text
from .pickles import in_zip

_INPUTS = ("image:float32[2,2,4,4]", "offset:float32[2,2]")


def program_canaries(folder: Path, canaries: Canaries, golden: Path) -> Iterator[Case]:
    """All of them."""
    yield from _torchscript(folder, canaries, golden.parent / "artifacts" / "net.pt")
    yield from _exported(folder, canaries, golden / "program.pt2")
    yield from _onnx(folder, canaries, golden.parent / "artifacts" / "side.onnx")
    yield from _transformers(folder, canaries, golden / "transformers")
    yield from _shards(folder, golden / "shards")


def rewritten(source: Path, path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """A zip archive with changed members, sound otherwise."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(path, "w") as made:
        for name in archive.namelist():
            made.writestr(name, change(name, archive.read(name)))
    return path


def _torchscript(folder: Path, canaries: Canaries, source: Path) -> Iterator[Case]:
    mark = canaries.mark("torchscript")
    lines = {
        "save": f'_0 = torch.save(image, "{mark}")', "aten-save": f'ops.aten.save(image, "{mark}")',
        "from-file": f'_0 = torch.from_file("{mark}", True, 4)', "load": f'_0 = torch.load("{mark}")',
        "python-operator": "_0 = ^Hostile()(image)", "import": "import os", "ops": f'ops.hostile.run("{mark}")',
        "print": "print(image)", "loop": "while True:\n      pass", "raise": 'ops.prim.RaiseException("x")',
        "warn": 'torch.warn("x", 2)', "annotate": "_0 = annotate(os.system, image)", "fork": "_0 = fork(image)",
        "python": "_0 = __torch__.os.system(image)", "class": "_0 = __torch__.torch.classes.hostile.Run()",
        "format": f'_0 = torch.format("{{}}", "{mark}")', "list": "_0 = [1] * 99999999999",
    }  # fmt: skip
    for name, line in lines.items():

        def change(member: str, data: bytes, line: str = line) -> bytes:
            if not member.endswith(".py"):
                return data
            found = data.decode().splitlines(keepends=True)
            return "".join(
                f"{each}    {line}\n" if each.rstrip().endswith(":") and "->" in each else each for each in found
            ).encode()

        path = rewritten(source, folder / f"script-{name}.pt", change)
        yield Case(kind="canary: TorchScript", name=name, path=path, inputs=() if name == "loop" else _INPUTS)
    pickled = complete(call("posix:system", text(f"touch {mark}")))
    for member in ("data.pkl", "constants.pkl"):
        path = rewritten(
            source,
            folder / f"script-{member}.pt",
            lambda name, data, member=member: pickled if name.endswith(member) else data,
        )
        yield Case(kind="canary: TorchScript", name=member, path=path)


def _exported(folder: Path, canaries: Canaries, source: Path) -> Iterator[Case]:
    code = python_code(canaries.mark("program"))
    pickled = in_zip(complete(call("builtins:eval", text(code))))
    endings = (".json", ".pt", "weights", "constants", "inputs")
    with zipfile.ZipFile(source) as archive:
        names = archive.namelist()
        model = next(name for name in names if "models/" in name and name.endswith(".json"))
        program = archive.read(model).decode()
    for name in (name for name in names if name.endswith(endings) or "/data/" in name):
        path = folder / f"program-{name.replace('/', '-')}.pt2"
        rewritten(source, path, lambda member, data, name=name: pickled if member == name else data)
        yield Case(kind="canary: exported program", name=path.name, path=path)
    changes = {
        "expression": program.replace('"as_int": 2', '"as_expr": {"expr_str": CODE, "hint": null}'),
        "operator": program.replace("torch.ops.aten.relu.default", "os.system").replace("torch.ops.aten.", "torch.os."),
        "range": program.replace(
            '"range_constraints": {}', '"range_constraints": {CODE: {"min_val": 1, "max_val": 2}}'
        ),
        "guards": program.replace('"guards_code": []', '"guards_code": [CODE]'),
        "target": program.replace('"target": "torch.ops', '"target": "builtins.eval.torch.ops'),
        "names": program.replace('"input"', json.dumps(f"x=({code})")),
    }
    for name, text_of_program in changes.items():
        path = folder / f"program-{name}.pt2"
        changed = text_of_program.replace("CODE", json.dumps(code)).encode()
        rewritten(source, path, lambda member, data, changed=changed: changed if member == model else data)
        yield Case(kind="canary: exported program", name=path.name, path=path)
    path = folder / "program-compiled.pt2"
    rewritten(source, path, lambda _, data: data)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{names[0].partition('/')[0]}/data/aotinductor/model/x.so", b"\x7fELF")
    yield Case(kind="canary: exported program", name=path.name, path=path)


def _onnx(folder: Path, canaries: Canaries, source: Path) -> Iterator[Case]:
    data = source.read_bytes()
    for number, place in enumerate(
        (b"../x.data", b"/etc/host", b"a/../../b", b"side.dat\0", b"\\\\h\\s.dat", b"/dev/zero")
    ):
        path = folder / f"side-{number}.onnx"
        path.write_bytes(data.replace(b"side.data", place.ljust(9)[:9]))
        yield Case(kind="canary: ONNX", name=path.name, path=path)
    linked = folder / "linked"
    linked.mkdir()
    shutil.copyfile(source, linked / "side.onnx")
    (linked / "side.data").symlink_to("/etc/passwd")
    yield Case(kind="canary: ONNX", name="linked side file", path=linked / "side.onnx")


def _transformers(folder: Path, canaries: Canaries, source: Path) -> Iterator[Case]:
    code = python_code(canaries.mark("transformers"))
    pickled = in_zip(complete(call("builtins:eval", text(code))))
    config = json.loads((source / "config.json").read_text())
    configs = {
        "remote-code": config,
        "another-folder": {**config, "auto_map": {"AutoModel": "../x--modeling_tiny.TinyModel"}},
        "known-type": {**config, "model_type": "bert"}, "remote-repository": {**config, "_name_or_path": "who/ever"},
        "huge": {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 1 << 40},
        "negative": {"model_type": "bert", "architectures": ["BertModel"], "num_hidden_layers": -1},
        "text": {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": "x"},
        "class": {"model_type": "bert", "architectures": ["os.system"]}, "list": ["x"],
        "no-type": {"architectures": ["X"]},
        "quantized": {"model_type": "bert", "quantization_config": {"quant_method": "gptq"}},
    }  # fmt: skip
    for name, content in configs.items():
        where = folder / f"transformers-{name}"
        shutil.copytree(source, where)
        (where / "config.json").write_text(json.dumps(content))
        (where / "modeling_tiny.py").write_text(f"{code}\n")
        yield Case(kind="canary: Transformers", name=name, path=where)
    where = folder / "transformers-pickle"
    shutil.copytree(source, where)
    (where / "model.safetensors").unlink()
    (where / "pytorch_model.bin").write_bytes(pickled)
    yield Case(kind="canary: Transformers", name="pickle", path=where)
    where = folder / "transformers-link"
    shutil.copytree(source, where)
    (where / "model.safetensors").unlink()
    (where / "model.safetensors").symlink_to("/etc/passwd")
    yield Case(kind="canary: Transformers", name="link", path=where)


def _shards(folder: Path, source: Path) -> Iterator[Case]:
    index = json.loads((source / "model.safetensors.index.json").read_text())
    for number, place in enumerate(
        ("../x.safetensors", "/etc/passwd", "a/../../b", ".", "", "model.safetensors.index.json")
    ):
        where = folder / f"shards-{number}"
        shutil.copytree(source, where)
        changed = {**index, "weight_map": dict.fromkeys(index["weight_map"], place)}
        (where / "model.safetensors.index.json").write_text(json.dumps(changed))
        yield Case(kind="canary: shards", name=f"shards-{number}", path=where / "model.safetensors.index.json")
