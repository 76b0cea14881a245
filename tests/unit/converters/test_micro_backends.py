from __future__ import annotations

import pytest

from edgeproof.converters import registry
from edgeproof.converters.artifact import Format
from edgeproof.converters.micro_backends import MICRO_BACKENDS, Family, how_judged, micro_backend, names_for
from edgeproof.converters.precision import Precision
from edgeproof.converters.registry_micro import MICRO_CONVERTERS
from edgeproof.converters.worker.stacks import Stack


def test_every_ethos_u_has_what_vela_must_be_told():
    ethos = [backend for backend in MICRO_BACKENDS.values() if backend.family is Family.ETHOS_U]
    assert len(ethos) == 11
    assert all(backend.system_config and backend.memory_mode for backend in ethos)
    assert {"ethos-u55-128", "ethos-u65-512", "ethos-u85-256"} <= {backend.name for backend in ethos}


def test_only_ethos_u_has_litert():
    assert names_for(Format.LITERT) == tuple(name for name in MICRO_BACKENDS if name.startswith("ethos-u"))
    assert "cortex-m55" in names_for(Format.EXECUTORCH)
    assert names_for(Format.ONNX) == ()


def test_other_backends_are_none_of_them():
    assert micro_backend("xnnpack") is None
    assert micro_backend(None) is None


@pytest.mark.parametrize("origin", ["torch", "keras", "tensorflow", "onnx"])
def test_a_micro_edge_backend_has_rows_of_its_own(origin: str):
    row = registry.converter(origin, "executorch", Precision.INT8, backend="cortex-m55")
    assert row is not None
    assert (row.stack, row.key) == (Stack.MICRO, f"{origin}:executorch:micro")
    assert row.simulator
    usual = registry.converter(origin, "executorch", Precision.INT8, backend="portable")
    assert usual is not None
    assert usual.stack is not Stack.MICRO


def test_a_micro_edge_backend_is_never_made_by_a_row_for_others():
    assert registry.converter("torch", "litert", Precision.INT8, backend="cortex-m55") is None
    assert registry.converter("torch", "onnx", Precision.INT8, backend="ethos-u55-128") is None
    assert registry.converter("torch", "executorch", Precision.FP32, backend="ethos-u55-128") is None


def test_the_rows_have_names_of_their_own():
    keys = [row.key for row in MICRO_CONVERTERS]
    assert len(keys) == len(set(keys))
    assert not set(keys) & set(registry.converters())


def test_the_notes_say_what_was_not_executed():
    assert how_judged("xnnpack", "executorch") == ()
    assert "TOSA reference model" in how_judged("ethos-u55-128", "executorch")[0]
    assert "tflite-micro" in how_judged("ethos-u55-128", "litert")[0]
    for note in (how_judged("ethos-u85-256", made)[0] for made in ("executorch", "litert")):
        assert "no simulator of an Ethos-U is to be had; Vela's own compilation was not executed" in note
    assert "CMSIS-NN kernels of a cortex-m4 were not executed" in how_judged("cortex-m4", "executorch")[0]
