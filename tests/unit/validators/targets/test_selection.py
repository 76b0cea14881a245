"""Which calls a slow target runs: whatever it manages must say most."""

from __future__ import annotations

from edgeproof.converters.feedback import Feedback
from edgeproof.validators.targets.selection import selection


def test_the_example_comes_first_then_samples_and_probes_in_turn():
    order = selection(7, real=2, feedback=None)
    assert order == (2, 0, 3, 1, 4, 5, 6)


def test_many_samples_are_thinned_evenly_with_the_first_and_the_last():
    order = selection(216, real=200, feedback=None)
    samples = sorted(position for position in order if position < 200)
    assert len(samples) == 8
    assert (samples[0], samples[-1]) == (0, 199)
    assert set(range(201, 216)) <= set(order)
    assert len(order) == len(set(order))


def test_a_sequence_keeps_its_order_and_stands_last():
    order = selection(40, real=1, feedback=Feedback(start=10, state={"h": "g"}))
    assert order[-8:] == tuple(range(10, 18))
    assert all(position < 10 for position in order[:-8])
    assert len(order[:-8]) == 5, "few stand before a sequence, which must not be left out"


def test_without_samples_there_is_the_example():
    assert selection(1, real=0, feedback=None) == (0,)
