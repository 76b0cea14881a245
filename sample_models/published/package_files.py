"""Files and single modules of an installed package, without importing the package."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType

from ...converters.errors import SourceError


def package_file(requirement: str, path: str) -> Path:
    """Where an installed package keeps a file; `requirement` is "name==version", `path` as in its list of files.

    Raises SourceError when the package is not installed or has no such file.
    """
    name, _, version = requirement.partition("==")
    fix = f"pip install {requirement} --no-deps"
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        raise SourceError(f"the package {name} is not installed", fix=fix) from None
    file = Path(str(installed.locate_file(path)))
    if not file.is_file():
        raise SourceError(
            f"{name} {installed.version} has no file {path}; expected version {version}, whose file it is", fix=fix
        )
    return file


def load_module(file: Path, name: str, *, instead: Mapping[str, ModuleType]) -> ModuleType:
    """Run one source file as the module `name`; `instead` are modules that it finds in place of what it imports.

    Raises SourceError when `file` cannot be read as Python, and whatever the file raises.
    """
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise SourceError(f"{file} is not a Python source file", fix="install the package again")
    module = importlib.util.module_from_spec(spec)
    with _in_place_of_imports({**instead, name: module}):
        spec.loader.exec_module(module)
    return module


@contextmanager
def _in_place_of_imports(modules: Mapping[str, ModuleType]) -> Generator[None]:
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
