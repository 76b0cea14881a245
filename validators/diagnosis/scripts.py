"""The script of a reproduction folder: it needs the runtime and numpy, and nothing of edgeproof."""

from __future__ import annotations

from .locating import room
from .report import Diagnosis

# What the script begins its answer with.
DIFFERENCE = "difference:"

_RUN = {
    "onnx": """
def run(inputs):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(HERE / "operator.onnx"), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip([each.name for each in session.get_inputs()], inputs)))[0]
""",
    "litert": """
def run(inputs):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_path=str(HERE / "operator.tflite"), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    for details, array in zip(interpreter.get_input_details(), inputs):
        interpreter.set_tensor(details["index"], array)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
""",
    "torchscript": """
def run(inputs):
    import torch

    given = torch.jit.load(str(HERE / "operator.pt"))(*map(torch.from_numpy, inputs))
    return (given[0] if isinstance(given, (tuple, list)) else given).detach().numpy()
""",
    "executorch": """
def run(inputs):
    import torch
    from executorch.runtime import Runtime

    method = Runtime.get().load_program(str(HERE / "operator.pte")).load_method("forward")
    return method.execute([torch.from_numpy(array) for array in inputs])[0].numpy()
""",
}

_FRAME = '''"""{title}

{place}
Run it: python reproduce.py. It ends with 1 if the operator gives something else than the source's program in float64.
"""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
LIMIT = {limit}  # times the noise that the source itself makes at this operator
{run}

def as_expected(found, expected, order):
    if order is None:
        return found.reshape(expected.shape)
    plain = found.reshape([size for size in found.shape if size != 1] or [1])
    return plain.transpose(order).reshape(expected.shape)


def main():
    facts = json.loads((HERE / "facts.json").read_text())
    with np.load(HERE / "inputs.npz") as stored:
        inputs = [np.ascontiguousarray(stored[str(place)]) for place in range(len(facts["names"]))]
    expected = np.load(HERE / "expected.npy")
    found = as_expected(np.asarray(run(inputs), np.float64), expected, facts["order"])
    difference = np.abs(found - expected)
    ratio = float(np.sqrt(np.mean(difference**2))) / facts["noise"]
    place = np.unravel_index(int(np.argmax(difference)), expected.shape)
    print(f"{difference} {{ratio:.3g}} times the source's own noise (up to {{LIMIT}} is rounding)")
    where = [int(each) for each in place]
    print(f"furthest off at {{where}}: {{expected[place]:.9g}} expected, {{found[place]:.9g}} found")
    return int(not ratio <= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
'''


def script_for(format_name: str, found: Diagnosis) -> str:
    """The script's text."""
    guilty = found.guilty
    place = (
        "" if guilty is None else f"In the model: {guilty.operator} of {guilty.module or 'the model'}, {guilty.line}."
    )
    title = f"The operator at which {found.file} leaves its source: {found.artifact_operator or 'unknown'}."
    quoted = (text.replace("\\", "/").replace('"""', "'") for text in (title, place))
    title, place = quoted
    return _FRAME.format(title=title, place=place, limit=f"{room():g}", difference=DIFFERENCE, run=_RUN[format_name])
