from __future__ import annotations

import time

import pytest

from edgeproof.converters.checkpoints.malformed import Malformed
from edgeproof.converters.inspection.torchscript_code import TorchscriptCode, split_types

_NET = """\
class Net(Module):
  __parameters__ = []
  inner : __torch__.Inner
  layers : __torch__.List
  def forward(self: __torch__.Net,
    x: Tensor,
    sizes: List[int],
    scale: float=1.) -> Tuple[Tensor, Dict[str, Tensor]]:
    layers = self.layers
    _0 = (self.inner).forward(x, )
    _1 = (getattr(self.layers, "0")).forward(_0, )
    _2 = (getattr(layers, "0")).forward(torch.relu(_1), )
    _3 = __torch__.activate(_2, )
    _4 = __torch__.activate
    if True:
      _5 = _4(_3, )
    print("torch.not_called(x) and (self.inner).forward(x, )")
    return (_3, {"a": _3})
class Inner(Module):
  def forward(self: __torch__.Inner,
    x: Tensor) -> Tensor:
    return ops.mine.special(torch.add(x, x))
class List(Module):
  __annotations__["0"] = __torch__.Inner
def activate(x: Tensor) -> Tensor:
  return torch.tanh(x)
"""


def test_submodules_numbered_modules_and_functions_are_followed() -> None:
    code = TorchscriptCode({"__torch__": _NET})
    assert code.operators("__torch__.Net.forward") == {
        "aten::add": 3,
        "mine::special": 3,
        "aten::relu": 1,
        "aten::tanh": 2,
    }


def test_parameters_have_types_and_no_self() -> None:
    method = TorchscriptCode({"__torch__": _NET}).method("__torch__.Net.forward")
    assert method is not None
    assert method.parameters == (("x", "Tensor"), ("sizes", "List[int]"), ("scale", "float"))
    assert method.returns == "Tuple[Tensor, Dict[str, Tensor]]"


def test_commas_inside_brackets_do_not_split() -> None:
    assert split_types("Tensor, Dict[str, Tuple[int, int]], f(a, b)") == [
        "Tensor",
        "Dict[str, Tuple[int, int]]",
        "f(a, b)",
    ]


def test_a_method_that_calls_itself_ends() -> None:
    code = TorchscriptCode({"__torch__": "def f(x: Tensor) -> Tensor:\n  return __torch__.f(torch.neg(x))\n"})
    assert code.operators("__torch__.f") == {"aten::neg": 1}


def test_calls_that_multiply_beyond_measure_are_refused() -> None:
    functions = [
        f"def f{index}(x: Tensor) -> Tensor:\n  return __torch__.f{index + 1}(__torch__.f{index + 1}(x))\n"
        for index in range(100)
    ]
    last = "def f100(x: Tensor) -> Tensor:\n  return torch.neg(x)\n"
    code = TorchscriptCode({"__torch__": "".join([*functions, last])})
    with pytest.raises(Malformed, match="beyond measure"):
        code.operators("__torch__.f0")


def test_a_chain_deeper_than_any_model_is_refused() -> None:
    text = "".join(f"def f{i}(x: Tensor) -> Tensor:\n  return __torch__.f{i + 1}(x)\n" for i in range(5000))
    with pytest.raises(Malformed, match="deep"):
        TorchscriptCode({"__torch__": text}).operators("__torch__.f0")


@pytest.mark.parametrize(
    "evil",
    [
        '"' + "a" * 300_000,
        "(getattr(" * 30_000,
        ', "a")' * 50_000,
        ".__torch__.a" * 25_000,
        '\\"' * 150_000,
        "(a" * 150_000,
    ],
    ids=lambda text: text[:12],
)
def test_text_made_to_be_slow_takes_no_longer_than_other_text(evil: str) -> None:
    text = f"def f(x: Tensor) -> Tensor:\n  {evil}\n"
    started = time.process_time()
    TorchscriptCode({"__torch__": text}).operators("__torch__.f")
    assert time.process_time() - started < 3
