"""Which tensors change between NCHW and NHWC, and how their shapes and values follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .errors import UsageError
from .job import ConvertOptions, Layout
from .signature import Signature, TensorSpec

NHWC_OF_NCHW = (0, 2, 3, 1)
NCHW_OF_NHWC = (0, 3, 1, 2)


def layouts_of(signature: Signature, options: ConvertOptions, *, of_source: Layout) -> dict[str, str]:
    """The tensors whose layout the options change, by name, with their new layout.

    Only four-dimensional tensors have a layout; UsageError if an option finds none to change.
    """
    changed: dict[str, str] = {}
    for option, wanted, specs in (
        ("--input-layout", options.input_layout, signature.inputs),
        ("--output-layout", options.output_layout, signature.outputs),
    ):
        if wanted is None or wanted is of_source:
            continue
        images = [spec.name for spec in specs if len(spec.shape) == 4]
        if not images:
            raise UsageError(
                f"{option} {wanted} has nothing to change: no tensor of {[spec.name for spec in specs]} has four axes",
                fix=f"leave {option} out",
            )
        changed.update(dict.fromkeys(images, str(wanted)))
    return changed


def move_axes(signature: Signature, layouts: Mapping[str, str]) -> Signature:
    """The signature with the shapes of the named tensors in their new layout."""
    return replace(
        signature,
        inputs=tuple(_moved(spec, layouts) for spec in signature.inputs),
        outputs=tuple(_moved(spec, layouts) for spec in signature.outputs),
    )


def _moved(spec: TensorSpec, layouts: Mapping[str, str]) -> TensorSpec:
    if spec.name not in layouts:
        return spec
    return replace(spec, shape=tuple(spec.shape[axis] for axis in axes_to(layouts[spec.name])))


def axes_to(layout: str) -> tuple[int, int, int, int]:
    """The permutation that brings an array of the other layout into `layout`."""
    return NHWC_OF_NCHW if layout == Layout.NHWC else NCHW_OF_NHWC


def other(layout: str) -> str:
    """The layout that is not this one."""
    return str(Layout.NCHW if layout == Layout.NHWC else Layout.NHWC)


def to_artifact(call: Mapping[str, np.ndarray], layouts: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The source's arrays as an artifact with these layouts takes them."""
    return {
        name: np.ascontiguousarray(array.transpose(axes_to(layouts[name]))) if name in layouts else array
        for name, array in call.items()
    }


def to_source(call: Mapping[str, np.ndarray], layouts: Mapping[str, str]) -> dict[str, np.ndarray]:
    """An artifact's arrays in the source's layout again."""
    return to_artifact(call, {name: other(layout) for name, layout in layouts.items()})
