"""What files are said to need, against what the runtimes say themselves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from artifacts import golden
from onnx import TensorProto, helper
from onnxruntime.tools.reduced_build_config_parser import parse_config
from tiny_litert import write_tiny_litert

from edgeproof.converters.needs.optimising import OptimiseJob
from edgeproof.converters.needs.reading import needs_of
from edgeproof.validators.runners.onnx_optimised import optimise

PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


@pytest.mark.parametrize("name", ["net.tflite", "dynamic.tflite", "int8.tflite"])
def test_litert_operators_are_those_of_the_interpreter(name: str) -> None:
    interpreter = Interpreter(str(golden(name)), experimental_op_resolver_type=PLAIN)
    counts: Counter[str] = Counter()
    for operator in needs_of(golden(name), "litert", made_by={})[0].operators:
        counts[operator.name] += operator.count
    assert counts == Counter(detail["op_name"] for detail in interpreter._get_ops_details())


def taken_by(file: Path) -> int:
    """The span of the memory in which the interpreter has its activations."""
    interpreter = Interpreter(str(file), experimental_op_resolver_type=PLAIN)
    interpreter.allocate_tensors()
    operators = interpreter._get_ops_details()
    results = {place for detail in operators for place in detail["outputs"]}
    places = results | {detail["index"] for detail in interpreter.get_input_details()}
    spans: list[tuple[int, int]] = []
    for place in sorted(places):
        array = interpreter.tensor(place)()
        start = array.__array_interface__["data"][0]
        spans.append((start, start + array.nbytes))
        del array
    return max(end for _, end in spans) - min(start for start, _ in spans)


def test_the_arena_is_no_larger_than_what_the_interpreter_takes(tmp_path: Path) -> None:
    tiny = tmp_path / "tiny.tflite"
    write_tiny_litert(tiny, sizes=(8, 16))
    for file in (tiny, golden("net.tflite")):
        said = needs_of(file, "litert", made_by={})[0].arena_bytes
        assert said is not None
        assert 0 < said <= taken_by(file)
    # x, y and relu(x) at once: the sum may stand where an input was.
    assert needs_of(tiny, "litert", made_by={})[0].arena_bytes == 3 * 8 * 16 * 4


def executed(file: Path, folder: Path, level: str) -> Counter[tuple[str, str]]:
    """The operators of the graph that a session has at a level of optimisation."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.optimized_model_filepath = str(folder / "executed.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    nodes = onnx.load(folder / "executed.onnx", load_external_data=False).graph.node
    return Counter((node.domain or "ai.onnx", node.op_type) for node in nodes)


def test_onnx_operators_are_those_of_a_session_that_optimises_nothing(tmp_path: Path) -> None:
    needs, _ = needs_of(golden("net.onnx"), "onnx", made_by={})
    found = Counter({(operator.domain, operator.name): operator.count for operator in needs.operators})
    assert found == executed(golden("net.onnx"), tmp_path, "ORT_DISABLE_ALL")


def listed(text: str, folder: Path) -> set[tuple[str, str]]:
    """The operators of a configuration, as ONNX Runtime's build reads it."""
    (folder / "required.config").write_text(text)
    operators, types = parse_config(str(folder / "required.config"))
    assert types is None
    return {(domain, name) for domain, opsets in operators.items() for names in opsets.values() for name in names}


def test_the_configuration_has_what_a_session_executes(tmp_path: Path) -> None:
    file = golden("net.onnx")
    _, plain = needs_of(file, "onnx", made_by={})
    assert plain is not None
    for level in ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC"):
        assert set(executed(file, tmp_path, level)) <= listed(plain.text, tmp_path)
    fused = executed(file, tmp_path, "ORT_ENABLE_EXTENDED")
    assert ("com.microsoft", "FusedConv") in fused
    job = OptimiseJob(file=str(file), output=str(tmp_path / "optimised.onnx"))
    _, both = needs_of(file, "onnx", made_by={}, optimised=Path(optimise(job)))
    assert both is not None
    assert set(fused) | listed(plain.text, tmp_path) <= listed(both.text, tmp_path)


def test_functions_count_by_what_is_in_them(tmp_path: Path) -> None:
    body = helper.make_function(
        "own",
        "Twice",
        ["a"],
        ["b"],
        [helper.make_node("Add", ["a", "a"], ["c"]), helper.make_node("Abs", ["c"], ["b"])],
        [helper.make_opsetid("", 17)],
    )
    branch = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["n"])],
        "branch",
        [],
        [helper.make_tensor_value_info("n", TensorProto.FLOAT, [2])],
    )
    nodes = [
        helper.make_node("Twice", ["x"], ["y"], domain="own"),
        helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch),
    ]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("x", "y", "z")]
    graph = helper.make_graph(
        nodes, "g", [infos[0], helper.make_tensor_value_info("c", TensorProto.BOOL, [])], infos[1:]
    )
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1), helper.make_opsetid("ai.onnx.ml", 4)]
    model = helper.make_model(graph, opset_imports=imports, functions=[body], ir_version=9)
    onnx.save(model, tmp_path / "model.onnx")
    needs, _ = needs_of(tmp_path / "model.onnx", "onnx", made_by={})
    assert [(operator.name, operator.version, operator.count) for operator in needs.operators] == [
        ("Abs", 17, 1),
        ("Add", 17, 1),
        ("If", 18, 1),
        ("Neg", 18, 2),
    ]
    assert needs.least == "1.17"  # the first that knows ai.onnx.ml 4
    onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
