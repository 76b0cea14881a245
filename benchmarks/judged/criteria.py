"""What other tools would say of the same outputs: their defaults, as their sources have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

Call = dict[str, np.ndarray]
Criterion = Callable[[Sequence[Call], Sequence[Call]], bool]


def _pairs(source: Sequence[Call], actual: Sequence[Call]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for left, right in zip(source, actual, strict=True):
        for name, array in left.items():
            yield array.astype(np.float64), right[name].astype(np.float64)


def allclose(*, rtol: float, atol: float) -> Criterion:
    """numpy.allclose on every output of every call; a NaN on one side alone is a difference."""

    def passes(source: Sequence[Call], actual: Sequence[Call]) -> bool:
        return all(
            left.shape == right.shape and np.allclose(right, left, rtol=rtol, atol=atol, equal_nan=True)
            for left, right in _pairs(source, actual)
        )

    return passes


def cosine(*, least: float) -> Criterion:
    """The cosine of every output of every call."""

    def passes(source: Sequence[Call], actual: Sequence[Call]) -> bool:
        return all(left.shape == right.shape and _cosine(left, right) > least for left, right in _pairs(source, actual))

    return passes


def _cosine(left: np.ndarray, right: np.ndarray) -> float:
    length = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float(np.dot(left.ravel(), right.ravel())) / length if length else float(np.array_equal(left, right))


def torch_onnx(source: Sequence[Call], actual: Sequence[Call]) -> bool:
    """torch.onnx.export(..., verify=True) of 2.13: largest absolute difference under 5e-3, relative under 1e-1."""
    for left, right in _pairs(source, actual):
        if left.shape != right.shape:
            return False
        difference = np.abs(left - right)
        relative = difference / np.maximum(np.abs(left), 1e-7)
        if not (difference.max(initial=0) < 5e-3 and relative.max(initial=0) < 1e-1):
            return False
    return True


CRITERIA: dict[str, Criterion] = {
    "allclose 1e-3": allclose(rtol=1e-3, atol=1e-3),
    "allclose 1e-4": allclose(rtol=1e-4, atol=1e-4),
    "allclose 1e-5": allclose(rtol=1e-5, atol=1e-5),
    "cosine > 0.99": cosine(least=0.99),
    "torch.onnx verify": torch_onnx,
    "optimum (atol 1e-5, rtol 0)": allclose(rtol=0, atol=1e-5),
    "Polygraphy (rtol = atol = 1e-5)": allclose(rtol=1e-5, atol=1e-5),
}
