"""Which frameworks a test file brings into its process, found by following imports without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CORE = "core"
STACKS = (CORE, "runtimes", "torch", "keras-torch", "tensorflow")
_RUNTIMES = {"ai_edge_litert", "onnx", "onnxruntime"}
_TENSORFLOW = {"tensorflow", "tf_keras", "tf2onnx"}
_TORCH = {"executorch", "litert_torch", "torch", "torchao", "transformers"}
_FRAMEWORKS = {"keras"} | _RUNTIMES | _TENSORFLOW | _TORCH


class MixedStacksError(Exception):
    """A file needs PyTorch and TensorFlow, which crash when they share a process."""


@cache
def stack_of(file: Path) -> str:
    """The stack whose process may run a test file; raises MixedStacksError if there is none."""
    needs = {name for name, _ in _frameworks(file)}
    torch, tensorflow = needs & _TORCH, needs & _TENSORFLOW
    if torch and tensorflow:
        chains = "; ".join(f"{name} through {' -> '.join(chain)}" for name, chain in _frameworks(file))
        raise MixedStacksError(f"{file} needs both PyTorch and TensorFlow: {chains}\nfix: make two files of it")
    if torch:
        return "keras-torch" if "keras" in needs else "torch"
    if tensorflow or "keras" in needs:
        return "tensorflow"
    return "runtimes" if needs & _RUNTIMES else CORE


def _frameworks(file: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Every framework that importing `file` brings in, each with the first chain of modules that does."""
    found: dict[str, tuple[str, ...]] = {}
    seen: set[Path] = set()
    queue: list[tuple[Path, tuple[str, ...]]] = [(file, (file.name,))]
    while queue:
        current, chain = queue.pop(0)
        if current in seen:
            continue
        seen.add(current)
        for name in _imports(current):
            top = name.partition(".")[0]
            if top in _FRAMEWORKS:
                found.setdefault(top, chain)
            queue.extend((path, (*chain, name)) for path in _own_files(name))
    return sorted(found.items())


@cache
def _imports(file: Path) -> tuple[str, ...]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return tuple(dict.fromkeys(name for node in ast.walk(tree) for name in _names(node, file)))


def _names(node: ast.AST, file: Path) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            start = f"{_package_of(file, level)}.{module or ''}".rstrip(".") if level else module or ""
            yield start
            yield from (f"{start}.{alias.name}" for alias in names)
        case ast.Call(func=ast.Attribute(attr="importorskip"), args=[ast.Constant(value=str(name)), *_]):
            yield name
        case _:
            return


def _package_of(file: Path, level: int) -> str:
    parts = ("edgeproof", *file.resolve().relative_to(REPOSITORY).parts[:-1])
    return ".".join(parts[: len(parts) - level + 1])


@cache
def _own_files(name: str) -> list[Path]:
    """The files that importing one of our own modules runs: packages on the way, and the module."""
    parts = name.split(".")
    if parts[0] != "edgeproof":
        support = Path(__file__).with_name(f"{parts[0]}.py")
        return [support] if len(parts) == 1 and support.exists() and find_spec(parts[0]) is not None else []
    folders = [REPOSITORY.joinpath(*parts[1:end]) for end in range(1, len(parts) + 1)]
    files = [folder / "__init__.py" for folder in folders] + [folders[-1].with_suffix(".py")]
    return [file for file in files if file.exists()]
