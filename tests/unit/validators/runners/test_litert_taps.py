"""The values inside a LiteRT artifact are those that depend on its inputs."""

from __future__ import annotations

from typing import Any

from edgeproof.validators.runners.litert_taps import _depending


def operator(inputs: list[int], outputs: list[int]) -> dict[str, Any]:
    return {"inputs": inputs, "outputs": outputs}


def test_what_is_computed_of_weights_alone_is_no_value_inside() -> None:
    dequantised, dense, relu = operator([9], [3]), operator([0, 3, -1], [4]), operator([4], [5])
    assert _depending([dequantised, dense, relu], {0}) == {4, 5}
    assert _depending([dequantised], {0}) == set()
