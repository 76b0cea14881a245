"""Lowering to ExecuTorch: what comes out runs, what cannot be lowered is refused in words."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch_lowering import Flat, exported, largest_difference, run_executorch, signature_of

from edgeproof.converters.errors import UnsupportedOperators, UsageError
from edgeproof.converters.from_torch.executorch import lower
from edgeproof.converters.from_torch.executorch_delegation import delegate
from edgeproof.converters.from_torch.lowering import Lowering
from edgeproof.converters.from_torch.upstream.shortcuts import shortcuts
from edgeproof.converters.signature import Dim

pytestmark = pytest.mark.torch
CLOSE = 1e-6


def lowered(model: nn.Module, inputs: tuple[torch.Tensor, ...], backend: str | None = None) -> Lowering:
    program = exported(model, inputs)
    return lower(program, signature_of(inputs, program.module()(*inputs)), backend=backend)


def network() -> nn.Module:
    layers = (nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1))
    return Flat(lambda body, x: body(x), nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 5)))


@pytest.mark.parametrize("backend", [None, "xnnpack", "portable"])
def test_both_backends_compute_what_the_model_computes(backend: str | None):
    model, inputs = network().eval(), (torch.randn(2, 3, 12, 10),)
    made = lowered(model, inputs, backend)
    assert made.backend == (backend or "xnnpack")
    assert (b"XnnpackBackend" in made.payload) == (made.backend == "xnnpack")
    assert largest_difference(model(*inputs), run_executorch(made.payload, inputs)) < CLOSE


def test_another_backend_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match="xnnpack and portable, not for 'vulkan'"):
        lowered(network(), (torch.randn(2, 3, 12, 10),), "vulkan")


def test_the_operators_outside_xnnpack_are_named():
    inputs = (torch.randint(0, 10, (2, 3)),)
    made = lowered(Flat(lambda layer, x: layer(x).relu(), nn.Embedding(10, 4)), inputs)
    assert made.notes == ("on portable kernels, outside XNNPACK: aten.embedding (1)",)


def test_every_operator_without_a_kernel_is_named_with_its_line():
    class Statistics(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            middle = x.median(1)[0]
            return middle, x.cumprod(1)

    with pytest.raises(UnsupportedOperators, match=r"(?s)2 operators.*median.dim.*\(test_exec.*cumprod.*\(test_exec"):
        lowered(Statistics(), (torch.randn(3, 5),))


def test_a_convolution_over_volumes_is_refused_before_its_kernel_does():
    with pytest.raises(UnsupportedOperators, match=r"(?s)aten.convolution: its kernel takes no volumes \(.*\.py:"):
        lowered(Flat(lambda layer, x: layer(x), nn.Conv3d(1, 2, 3)), (torch.randn(1, 1, 5, 5, 5),))


def test_only_the_operator_that_xnnpack_fails_on_is_kept_out_of_it():
    def peak(first: nn.Module, second: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return second(first(x).max(1, keepdim=True)[0]).relu()

    inputs = (torch.randn(2, 4, 9, 7),)
    program = exported(Flat(peak, nn.Conv2d(4, 6, 3), nn.Conv2d(1, 2, 3)), inputs)
    with shortcuts():
        made = delegate(program, to_xnnpack=True)
    assert len(made.notes) == 1
    assert "amax.default only supports" in made.notes[0]
    assert "aten.max.dim" in made.notes[0]
    targets = {str(node.target) for node in made.program.graph.nodes}
    assert not any("convolution" in target or "relu" in target for target in targets)
    assert (
        largest_difference(program.module()(*inputs), run_executorch(made.manager.to_executorch().buffer, inputs))
        < CLOSE
    )


def test_a_dynamic_batch_runs_at_every_size_within_its_bounds():
    batch = torch.export.Dim("batch", min=1, max=8)
    model, example = network().eval(), torch.randn(2, 3, 12, 10)
    program = exported(model, (example,), (({0: batch},),))
    signature = signature_of((example,), model(example), [Dim(name="batch", min=1, max=8)])
    payload = lower(program, signature).payload
    for size in (1, 3, 8):
        inputs = (torch.randn(size, 3, 12, 10),)
        assert largest_difference(model(*inputs), run_executorch(payload, inputs)) < CLOSE
