"""One contract for every registered converter: what it returns is what it wrote, twice the same, names kept."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from edgeproof.converters import registry
from edgeproof.converters.artifact import Artifact, extension_of
from edgeproof.converters.errors import EdgeproofError
from edgeproof.converters.inspection.inspect import inspect_artifact
from edgeproof.converters.job import ConvertJob, DescribeJob, Description
from edgeproof.converters.registry_rows import ConverterRow
from edgeproof.converters.resolve import resolve
from edgeproof.converters.worker.pool import Finished, Limits, Pool, Task

GRAPHS = {"keras": "keras:onnx", "onnx": "keras:onnx", "tensorflow": "tensorflow:onnx"}
SOURCE_OF = {"torch": "torch", "keras": "keras", "onnx": "keras", "tensorflow": "tensorflow"}
SUPPORT = Path(__file__).resolve().parents[1] / "support"
ROWS = registry.converters()

pytestmark = pytest.mark.slow


Made = dict[str, Artifact | EdgeproofError]


class Workbench:
    """A pool with described sources, and their ONNX graphs for the rows that start from one."""

    def __init__(self, pool: Pool, folder: Path) -> None:
        self._pool = pool
        self._folder = folder
        self.described = {name: self._describe(name) for name in ("torch", "keras", "tensorflow")}

    def _call(self, task: Task[Any]) -> Any:
        ended: list[Finished[Any]] = []
        self._pool.submit(task, ended.append)
        self._pool.drain()
        if ended[0].error is not None:
            raise ended[0].error
        return ended[0].result

    def _describe(self, framework: str) -> Description:
        source = resolve(f"{SUPPORT / f'tiny_{framework}_source.py'}:build")
        row = registry.describer(source.framework)
        folder = self._folder / framework
        folder.mkdir(parents=True)
        job = DescribeJob(source=source, folder=str(folder))
        task = Task(title=framework, entry=row.entry, job=job, result=Description, stack=row.stack)
        described: Description = self._call(task)
        return described

    def convert(self, row: ConverterRow, graph: str | None) -> Artifact:
        """One artifact; `graph` is the file of its source's ONNX graph."""
        description = self.described[SOURCE_OF[row.origin]]
        job = ConvertJob(
            source=description.source,
            signature=description.signature,
            examples=description.examples,
            format=str(row.format),
            output=str(self._folder / f"{row.key.replace(':', '-')}{extension_of(row.format)}"),
            precision=row.precisions[0],
            onnx_graph=graph,
        )
        made: Artifact = self._call(Task(title=row.key, entry=row.entry, job=job, result=Artifact, stack=row.stack))
        return made


def _convert_all(folder: Path) -> tuple[Made, dict[str, Description]]:
    """Every row's artifact or error, in fresh workers; the rows that make an ONNX graph go first."""
    made: Made = {}
    with Pool(Limits(jobs=1), on_progress=lambda _: None) as pool:
        bench = Workbench(pool, folder)
        for key in sorted(ROWS, key=lambda name: name not in GRAPHS.values()):
            graph = made.get(GRAPHS.get(ROWS[key].origin, ""))
            try:
                made[key] = bench.convert(ROWS[key], graph.file if isinstance(graph, Artifact) else None)
            except EdgeproofError as error:
                made[key] = error
        return made, bench.described


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Made, dict[str, Description]]:
    """Two runs, as if on two days."""
    folder = tmp_path_factory.mktemp("artifacts")
    first, described = _convert_all(folder / "first")
    second, _ = _convert_all(folder / "second")
    return first, second, described


Runs = tuple[Made, Made, dict[str, Description]]


def made_by(run: Made, key: str) -> Artifact:
    found = run[key]
    if isinstance(found, EdgeproofError):
        raise found
    return found


@pytest.mark.parametrize("key", ROWS)
def test_what_a_converter_returns_is_what_it_wrote(key: str, runs: Runs) -> None:
    artifact = made_by(runs[0], key)
    row = ROWS[key]
    payload = Path(artifact.file).read_bytes()
    assert not row.missing
    assert artifact.format == row.format
    assert artifact.backend in row.backends
    assert artifact.bytes == len(payload)
    assert artifact.sha256 == hashlib.sha256(payload).hexdigest()
    assert artifact.made_by
    assert artifact.route
    assert artifact.signature == runs[2][SOURCE_OF[row.origin]].signature


@pytest.mark.parametrize("key", ROWS)
def test_made_twice_it_is_the_same_bytes(key: str, runs: Runs) -> None:
    assert made_by(runs[1], key).sha256 == made_by(runs[0], key).sha256


@pytest.mark.parametrize("key", [key for key, row in ROWS.items() if row.format in {"onnx", "litert"}])
def test_the_file_itself_has_the_source_s_names_in_their_order(key: str, runs: Runs) -> None:
    artifact = made_by(runs[0], key)
    found = inspect_artifact(Path(artifact.file)).contents
    assert [tensor.name for tensor in found.inputs] == [spec.name for spec in artifact.signature.inputs]
    assert [tensor.name for tensor in found.outputs] == [spec.name for spec in artifact.signature.outputs]
