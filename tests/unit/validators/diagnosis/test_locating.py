"""The first operator that is off is blamed: not one that is fused, not one behind it, and none where all is right."""

from __future__ import annotations

from typing import Any

import numpy as np
from traces import located, tapped, traced

from edgeproof.validators.diagnosis.locating import Location, layers_of, room, wrong_ones
from edgeproof.validators.diagnosis.matching import Values

Array = np.ndarray[Any, np.dtype[Any]]
ROW = {"conv": (), "norm": ("conv",), "relu": ("norm",), "head": ("relu",)}


def values_of_the_row(*, conv: float = 1.0, head: float = 1.0) -> dict[str, Array]:
    """What the operators give; `conv` and `head` multiply a channel of what these two give."""
    drawn = np.random.default_rng(0).standard_normal((4, 16))
    drawn[1] *= conv
    norm = 2 * drawn + 0.5
    relu = np.maximum(norm, 0)
    last = relu @ np.random.default_rng(1).standard_normal((16, 5))
    last[:, 2] *= head
    return {"conv": drawn, "norm": norm, "relu": relu, "head": last}


def in_a_row(found: dict[str, Array], graph: dict[str, tuple[str, ...]]) -> Location | None:
    """Where an artifact of these operators leaves the program; its output is its last one."""
    exact = values_of_the_row()
    return located(traced(ROW, exact, "head"), exact, tapped(graph, head=list(graph)[-1]), found)


def test_nothing_is_blamed_where_every_value_is_reached() -> None:
    assert in_a_row(values_of_the_row(), ROW) is None


def test_the_first_of_several_that_are_off_is_blamed() -> None:
    location = in_a_row(values_of_the_row(conv=1.01, head=1.5), ROW)
    assert location is not None
    assert (location.guilty.name, location.operator, location.fused) == ("conv", "OP conv", ())
    later = in_a_row(values_of_the_row(head=1.01), ROW)
    assert later is not None
    assert (later.guilty.name, later.operator) == ("head", "OP head")


def test_fused_operators_that_are_not_seen_are_not_blamed() -> None:
    found = values_of_the_row(head=1.01)
    fused = {"relu": found["relu"], "head": found["head"]}
    location = in_a_row(fused, {"relu": (), "head": ("relu",)})
    assert location is not None
    assert (location.guilty.name, location.tap) == ("head", "head")
    assert in_a_row({name: values_of_the_row()[name] for name in fused}, {"relu": (), "head": ("relu",)}) is None


def test_the_operators_that_are_computed_in_one_with_the_guilty_one_are_told() -> None:
    found = values_of_the_row(conv=1.01)
    location = in_a_row({name: found[name] for name in ("relu", "head")}, {"relu": (), "head": ("relu",)})
    assert location is not None
    assert (location.guilty.name, location.tap) == ("conv", "relu")
    assert [node.name for node in location.fused] == ["norm", "relu"]
    assert np.array_equal(location.expected, values_of_the_row()["relu"])
    assert location.found is not None
    assert np.array_equal(location.found.value, found["relu"])


def test_what_only_moves_a_right_value_is_not_blamed() -> None:
    found = values_of_the_row(head=1.01)
    found["reshape"] = found["relu"].reshape(8, 8)
    graph = {"conv": (), "norm": ("conv",), "relu": ("norm",), "reshape": ("relu",), "head": ("reshape",)}
    location = in_a_row(found, graph)
    assert location is not None
    assert (location.guilty.name, location.operator) == ("head", "OP head")


def test_a_saturated_softmax_downstream_does_not_acquit() -> None:
    graph = {"scores": (), "softmax": ("scores",), "boxes": ("scores",)}
    scores = np.array([[900.0, 1.0, 2.0, 3.0]])
    exact = {"scores": scores, "softmax": np.array([[1.0, 0.0, 0.0, 0.0]]), "boxes": scores / 7}
    off = {**exact, "scores": scores * 1.01, "boxes": exact["boxes"] * 1.01}
    outputs = ("softmax", "boxes")
    taps = tapped(graph, softmax="softmax", boxes="boxes")
    location = located(traced(graph, exact, *outputs), exact, taps, off)
    assert location is not None
    assert location.guilty.name == "scores"


def test_a_branch_is_lost_though_another_reaches_the_output() -> None:
    graph = {"left": (), "right": (), "sum": ("left", "right")}
    left, right = np.random.default_rng(2).standard_normal((2, 32))
    exact = {"left": left, "right": right, "sum": left + right}
    found = {"left": left, "right": right * 1.01, "sum": left + right * 1.01}
    location = located(traced(graph, exact, "sum"), exact, tapped(graph, sum="sum"), found)
    assert location is not None
    assert (location.guilty.name, location.operator) == ("right", "OP right")
    gone = located(traced(graph, exact, "sum"), exact, tapped({"sum": ()}, sum="sum"), {"sum": left})
    assert gone is not None
    assert gone.guilty.name == "right", "the branch that was left out altogether"


def test_a_value_that_leads_to_no_output_is_not_missed() -> None:
    graph = {**ROW, "debug": ("relu",)}
    exact = {**values_of_the_row(), "debug": np.linspace(5, 9, 12)}
    found = values_of_the_row()
    assert located(traced(graph, exact, "head"), exact, tapped(ROW, head="head"), found) is None


def test_an_output_of_one_number_is_seen_by_its_name() -> None:
    graph = {"hidden": (), "one": ("hidden",)}
    hidden = np.random.default_rng(3).standard_normal(8)
    exact = {"hidden": hidden, "one": np.array([hidden.sum()])}
    trace, taps = traced(graph, exact, "one"), tapped(graph, one="one")
    assert located(trace, exact, taps, exact) is None
    fused = tapped({"one": ()}, one="one")
    assert located(trace, exact, fused, {"one": exact["one"]}) is None, "what leads to it is not seen, and it is right"
    off = located(trace, exact, taps, {"hidden": hidden * 1.01, "one": exact["one"] * 1.01})
    assert off is not None
    assert off.guilty.name == "hidden"


def test_a_wrong_integer_leads_to_the_float_that_it_comes_from() -> None:
    graph = {"scores": (), "argmax": ("scores",)}
    scores = np.random.default_rng(4).standard_normal(6)
    exact = {"scores": scores, "argmax": np.array([int(scores.argmax())])}
    found = {"scores": scores * np.array([1, 1, 3, 1, 1, 1.0]), "argmax": np.array([2])}
    location = located(traced(graph, exact, "argmax"), exact, tapped(graph, argmax="argmax"), found)
    assert location is not None
    assert location.guilty.name == "scores"


def test_the_outputs_that_are_right_in_the_taps_blame_what_was_switched_off() -> None:
    exact = values_of_the_row()
    trace, taps, values = traced(ROW, exact, "head"), tapped(ROW, head="head"), Values(exact)
    wrong, _ = wrong_ones(trace, taps, exact, values, {"head": exact["head"] * 1.01})
    assert wrong.outputs == {}
    still, tapped_still = wrong_ones(
        trace, taps, exact, Values({"head": exact["head"] * 1.01}), {"head": exact["head"] * 1.01}
    )
    assert (still.outputs, tapped_still.outputs) == ({"head": "head"}, {"head": "head"})


def test_casts_between_two_operators_are_no_operators_of_their_own() -> None:
    graph = {"matmul": (), "to": ("matmul",), "add": ("to",), "to_1": ("add",), "to_2": ("to_1",), "relu": ("to_2",)}
    product = np.random.default_rng(5).standard_normal(24)
    add = product + 1
    exact = {"matmul": product, "to": product, "add": add, "to_1": add, "to_2": add, "relu": np.maximum(add, 0)}
    found = {"dense": np.maximum(add * 1.01, 0)}
    location = located(traced(graph, exact, "relu"), exact, tapped({"dense": ()}, relu="dense"), found)
    assert location is not None
    assert (location.guilty.name, location.operator) == ("matmul", "OP dense")
    assert [node.name for node in location.fused] == ["add", "relu"]


def test_a_layer_is_reached_within_its_room_and_not_beyond() -> None:
    exact = values_of_the_row()
    trace = traced(ROW, exact, "head")
    noise = 1e-7 / np.sqrt(np.mean(np.square(exact["conv"])))
    for times, reached in ((0.9, True), (1.1, False)):
        found = {"conv": exact["conv"] * (1 + times * room() * max(noise, np.finfo(np.float32).eps))}
        layer = layers_of(trace, exact, Values(found))[0]
        assert layer.match is not None
        assert layer.reached is reached
