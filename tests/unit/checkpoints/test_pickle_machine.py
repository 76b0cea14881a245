from __future__ import annotations

import collections
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeproof.converters.checkpoints.malformed import Malformed
from edgeproof.converters.checkpoints.pickle_machine import Call, Name, Node, PickleReader, Refused

_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner, inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def _read(data: bytes, *admitted: str) -> Node:
    return PickleReader(lambda name: name in admitted).read(data)


@settings(max_examples=50)
@given(_PLAIN, st.integers(3, 5))
def test_plain_values_read_back(value: object, protocol: int) -> None:
    assert _read(pickle.dumps(value, protocol=protocol)) == value


def test_an_admitted_global_becomes_a_record_of_the_call() -> None:
    data = pickle.dumps(collections.OrderedDict([("a", 1)]), protocol=2)
    found = _read(data, "collections.OrderedDict")
    assert isinstance(found, Call)
    assert found.callee == Name("collections.OrderedDict")


@pytest.mark.parametrize("protocol", [2, 4])
def test_any_other_global_is_refused(protocol: int) -> None:
    with pytest.raises(Refused, match=r"collections\.deque"):
        _read(pickle.dumps(collections.deque([1]), protocol=protocol), "collections.OrderedDict")


@given(st.binary(max_size=200))
def test_noise_is_malformed_or_refused(data: bytes) -> None:
    try:
        _read(b"\x80\x02" + data)
    except (Malformed, Refused):
        return


def test_a_pickle_without_end_is_malformed() -> None:
    with pytest.raises(Malformed):
        _read(pickle.dumps([1, 2, 3])[:-1])
