"""Proves which convolutions and matrix products of a TorchScript module run in integers, from its graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from ..quantization.execution import Execution, HeavyOperator, Kernel
from .passes.node_writer import arguments_of
from .quantization.layers import elements_of
from .torchscript_dynamic import rounded_as_it_runs

_aten = torch.ops.aten
_SCAN = torch.ops.higher_order.scan
_ACCOUNT = "heavy_operator"
_CONVOLUTIONS = frozenset(
    {
        *(getattr(_aten, f"conv{rank}d").default for rank in (1, 2, 3)),
        *(getattr(_aten, f"conv{rank}d").padding for rank in (1, 2, 3)),
        _aten.convolution.default,
    }
)
_SPREADING = frozenset({_aten.conv_transpose1d.default, _aten.conv_transpose2d.input, _aten.conv_transpose3d.input})
# Where matrix products have the factor whose last axis is summed over.
_PRODUCTS: dict[Any, int] = {
    _aten.linear.default: 0,
    _aten.mm.default: 0,
    _aten.bmm.default: 0,
    _aten.matmul.default: 0,
    _aten.addmm.default: 1,
    _aten.baddbmm.default: 1,
}
# One step of a recurrent layer is two products, with the input and with the state.
_CELLS = frozenset(
    {
        _aten.lstm_cell.default,
        _aten.gru_cell.default,
        _aten.rnn_tanh_cell.default,
        _aten.rnn_relu_cell.default,
    }
)
_ATTENTION = _aten.scaled_dot_product_attention.default
_KINDS = frozenset(
    "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution _convolution"
    " linear mm bmm matmul addmm baddbmm scaled_dot_product_attention conv1d_relu conv2d_relu conv3d_relu"
    " linear_relu linear_dynamic".split()
)
_ACTIVATIONS = "both factors are activations"
_RECURRENT = "recurrent layers compute in float"
_INSIDE = "part of another operator"
_NOT_QUANTIZED = "its inputs are float in the quantised program"
_NO_KERNEL = "torch has no integer kernel for it in this form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is known of a heavy operator before tracing: the layer's name in the program and its work."""

    name: str
    macs: int
    reason: str = ""
    is_quantized: bool = False


def keep_account(made: fx.Node, layer: fx.Node) -> None:
    """Remember on a node which layer of the program it computes."""
    made.meta[_ACCOUNT] = Account(name=layer.name, macs=_macs(layer) or 0, is_quantized=True)


def accounts_of(module: fx.GraphModule) -> tuple[Account, ...]:
    """All heavy operators of a module in the order they run, those of loops once for all their steps."""
    return tuple(_accounts(module, times=1, prefix=""))


def execution_of(module: torch.jit.ScriptModule, accounts: tuple[Account, ...]) -> Execution:
    """What the operators in the traced module are, beside what was known of them; `accounts` in the same order.

    Every layer that was written in integers has to be there. Float operators may be more: some hold products inside.
    """
    kinds = list(_heavy_kinds(module.inlined_graph))
    integers, floats = [kind for kind in kinds if _is_integer(kind)], [kind for kind in kinds if not _is_integer(kind)]
    written = [account for account in accounts if account.is_quantized]
    left = [account for account in accounts if not account.is_quantized]
    left += [Account(name=kind, macs=0, reason=_INSIDE) for kind in floats[len(left) :]]
    return Execution(
        operators=(
            *(_proved(account, kind, Kernel.INTEGER) for account, kind in zip(written, integers, strict=True)),
            *(_proved(account, kind, Kernel.FLOAT) for account, kind in zip(left, floats, strict=True)),
        )
    )


def _proved(account: Account, kind: str, kernel: Kernel) -> HeavyOperator:
    return HeavyOperator(name=account.name, operator=kind, macs=account.macs, kernel=kernel, reason=account.reason)


def _is_integer(kind: str) -> bool:
    return kind.startswith("quantized::")


def _heavy_kinds(block: Any) -> Iterator[str]:
    for node in block.nodes():
        if node.kind().partition("::")[2] in _KINDS:
            yield node.kind()
        for inner in node.blocks():
            yield from _heavy_kinds(inner)


def _accounts(module: fx.GraphModule, *, times: int, prefix: str) -> Iterator[Account]:
    for node in module.graph.nodes:
        if node.target is _SCAN:
            body, _, sequences, _ = arguments_of(node)
            steps = _size(sequences[0], 0)
            inner = module.get_submodule(body.target)
            assert isinstance(inner, fx.GraphModule)
            yield from _accounts(inner, times=times * steps, prefix=f"{prefix}{node.name}.")
        elif _ACCOUNT in node.meta:
            account: Account = node.meta[_ACCOUNT]
            yield account
        elif node.target in _CELLS:
            yield from _products_of_cell(node, times=times, prefix=prefix)
        elif node.op == "call_function" and (macs := _macs(node)) is not None:
            yield Account(name=prefix + node.name, macs=macs * times, reason=_RECURRENT if prefix else _reason(node))


def _products_of_cell(node: fx.Node, *, times: int, prefix: str) -> Iterator[Account]:
    value, _, *weights = arguments_of(node)
    rows = elements_of(value) // _size(value, -1)
    for part, matrix in zip(("input", "state"), weights[:2], strict=True):
        macs = rows * elements_of(matrix) * times
        yield Account(name=f"{prefix}{node.name}.{part}", macs=macs, reason=_RECURRENT)


def _macs(node: fx.Node) -> int | None:
    """The multiply-accumulates of a convolution or matrix product on the example input; None for other operators."""
    arguments: list[Any] = list(node.args)
    if node.target in _CONVOLUTIONS:
        return elements_of(node) * elements_of(arguments[1]) // int(arguments[1].meta["val"].shape[0])
    if node.target in _SPREADING:
        return elements_of(arguments[0]) * elements_of(arguments[1]) // int(arguments[1].meta["val"].shape[0])
    if node.target is _ATTENTION:
        query, key, value = arguments[:3]
        scores = elements_of(query) * _size(key, -2)
        return scores + scores // _size(query, -1) * _size(value, -1)
    place = _PRODUCTS.get(node.target)
    return None if place is None else elements_of(node) * _size(arguments[place], -1)


def _reason(node: fx.Node) -> str:
    """Why an operator that is left in the module computes in float."""
    if not any(_is_constant(source) for source in node.all_input_nodes):
        return _ACTIVATIONS
    targets = {source.target for source in node.all_input_nodes}
    return _NO_KERNEL if targets & {"dequantize", rounded_as_it_runs} else _NOT_QUANTIZED


def _is_constant(node: fx.Node) -> bool:
    """Whether a node depends on nothing but what the module holds."""
    if node.op in {"call_function", "call_method"}:
        return all(_is_constant(source) for source in node.all_input_nodes)
    return node.op == "get_attr"


def _size(node: fx.Node, axis: int) -> int:
    size = node.meta["val"].shape[axis]
    return size if isinstance(size, int) else int(size.node.hint)
