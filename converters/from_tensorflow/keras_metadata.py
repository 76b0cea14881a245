"""Looks for Python code in what Keras 2 wrote beside a SavedModel's graph.

Only the graph is run, so such code never is; but whoever is handed a file with code in it should know. Classes of the
user's own are no reason to refuse one: what they computed is in the graph.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..checkpoints.keras_vetting import foreign_in, refuse, without_training
from ..checkpoints.malformed import Malformed
from ..checkpoints.opening import mapped
from ..checkpoints.protobuf import fields, nested, text
from ..source import Opening, Trust

_FILE = "keras_metadata.pb"
_NODES, _METADATA = 1, 5


def vet_metadata(folder: Path, graph: Any, opening: Opening) -> None:
    """Raises UnsafeInput if a layer's config holds Python code that the user has not allowed; Malformed."""
    if Trust.CODE in opening.trust:
        return
    configs = [_parsed(written) for written in (*_in_file(folder), *_in_graph(graph))]
    found = [each for config in configs for each in foreign_in(config, custom=frozenset()) if each.is_code]
    if found:
        refuse(found, folder)


def _in_file(folder: Path) -> Iterator[str]:
    if not (folder / _FILE).exists():
        return
    for number, node in fields(mapped(folder / _FILE)):
        if number == _NODES:
            yield from (text(value) for field, value in fields(nested(node)) if field == _METADATA)


def _in_graph(graph: Any) -> Iterator[str]:
    """Before TensorFlow 2.5 it was among the saved objects."""
    for node in graph.object_graph_def.nodes:
        if node.HasField("user_object") and node.user_object.metadata.startswith("{"):
            yield node.user_object.metadata


def _parsed(written: str) -> Any:
    try:
        return without_training(json.loads(written or "{}"))
    except (ValueError, RecursionError) as error:
        raise Malformed(f"what Keras wrote about a layer is no JSON: {error}") from error
