"""The Swift example of an artifact, for iOS."""

from __future__ import annotations

from ....converters.preprocessing.kinds import ImageSpec
from .constants import Dialect, camel, settings_of
from .facts import Facts, filled, template

DIALECT = Dialect(
    escapes={},
    dtype=lambda dtype: f".{'boolean' if dtype == 'bool' else dtype}",
    member=lambda member: f".{member.value}",
    shape="[{items}]",
    tensors="[{items}]",
    port="Port(name: {name}, type: {type}, scale: {scale!r}, zeroPoint: {zero_point})",
    stored="Stored(file: {file}, type: {type}, shape: {shape}, tolerance: {tolerance!r})",
    call="Call(sample: {sample}, inputs: {inputs}, outputs: {outputs})",
    original="Original(sample: {sample}, file: {file}, shape: {shape})",
    single="{value!r}",
    floats="[{items}]",
)
_PACKAGES = {
    "executorch": "the Swift package ExecuTorch: executorch, kernels_optimized, kernels_quantized, backend_xnnpack",
    "litert": "the pod TensorFlowLiteSwift",
    "onnx": "the Swift package onnxruntime-swift-package-manager; of the pod onnxruntime-objc import onnxruntime_objc",
}
_IMPORTS = {"executorch": "import ExecuTorch", "litert": "import TensorFlowLite", "onnx": "import OnnxRuntimeBindings"}
_PREPROCESSING = """\
    /// The input {name}: {what} of your own, for a tensor of a shape like that of the golden calls.
    func preprocessed({parameters}) -> [Float] {{
        Preprocess.{call}
    }}

    private func preprocessed(_ original: Original) throws -> [Float] {{
        let content = try Data(contentsOf: root.appendingPathComponent(original.file))
        return preprocessed({read})
    }}

"""
_FROM_ORIGINAL = """\
            if let original = Self.originals.first(where: {{ $0.sample == call.sample }}) {{
                given[{place}] = try BundleFiles.tensor(of: preprocessed(original), shape: given[{place}].shape)
            }}
"""
_TESTED = """\
        found += try BundleFiles.preprocessingTest(
            root, Self.calls, {place}, Self.originals, preprocessed: preprocessed)
"""
_WITH_LABELS = """\
    /// The label and its score.
    func label(_ outputs: [BundleTensor]) -> (name: String, score: Double) {{
        BundleFiles.label(outputs[{place}], labels)
    }}

    private func answer(_ outputs: [BundleTensor]) -> String {{
        let (name, score) = label(outputs)
        return "\\(name) \\(score)"
    }}
"""
_WITHOUT_LABELS = """\
    private func answer(_ outputs: [BundleTensor]) -> String {
        zip(Self.outputs, outputs).map { port, output in
            "\\(port.name) \\((0..<min(output.count, 8)).map { output.value($0) })"
        }.joined(separator: "; ")
    }
"""


def example(facts: Facts) -> str:
    """The source of `examples/swift/<Stem>.swift`."""
    made = facts.artifact.format
    slots = {
        **facts.slots("// "),
        "MODEL": filled(template("swift", f"{made}.swift"), {"CLASS": facts.class_name}),
        "CLASS": facts.class_name,
        "PACKAGE": _PACKAGES[made],
        "BESIDE": ", Bundle.swift and Preprocess.swift" if facts.made is not None else " and Bundle.swift",
        "QUOTED_PATH": DIALECT.quoted(facts.path),
        "IMPORTS": _IMPORTS[made],
        "INPUTS": _lines(DIALECT.ports(facts.artifact.inputs)),
        "OUTPUTS": _lines(DIALECT.ports(facts.artifact.outputs)),
        "CALLS": _lines(DIALECT.calls(facts)),
        **_preprocessing(facts),
        **_labels(facts),
    }
    return filled(template("swift", "Example.swift"), slots)


def _preprocessing(facts: Facts) -> dict[str, str]:
    spec, place = facts.made, facts.made_input
    if spec is None or place is None:
        nothing = dict.fromkeys(("PREPROCESSING", "FROM_ORIGINAL", "SELF_TEST", "ORIGINALS"), "")
        return {**nothing, "MUTABLE": "let", "MUTABLE_FOUND": "let"}
    image = isinstance(spec, ImageSpec)
    arguments = "rgb: rgb, height: height, width: width" if image else "pcm: pcm"
    settings = ", ".join(f"{camel(name)}: {DIALECT.value(value)}" for name, value in settings_of(spec).items())
    originals = f"    static let originals: [Original] = [\n{_lines(DIALECT.originals(facts))}\n    ]\n"
    text = _PREPROCESSING.format(
        name=spec.input,
        what="rows of red, green and blue bytes" if image else "samples of 16 bits",
        parameters="rgb: [UInt8], height: Int, width: Int" if image else "pcm: [Int16]",
        call=f"{'image' if image else 'audio'}({arguments}, spec: Self.spec)",
        read="rgb: [UInt8](content), height: original.shape[0], width: original.shape[1]"
        if image
        else "pcm: BundleFiles.samples(content)",
    )
    return {
        "PREPROCESSING": text,
        "FROM_ORIGINAL": _FROM_ORIGINAL.format(place=place),
        "SELF_TEST": _TESTED.format(place=place) if facts.proven else "",
        "ORIGINALS": f"{originals}    static let spec = {type(spec).__name__}({settings})\n",
        "MUTABLE": "var",
        "MUTABLE_FOUND": "var" if facts.proven else "let",
    }


def _labels(facts: Facts) -> dict[str, str]:
    labels, place = facts.manifest.labels, facts.labelled
    if labels is None or place is None:
        return {"ANSWER": _WITHOUT_LABELS, "LABELS": "", "READ_LABELS": ""}
    file = f"root.appendingPathComponent({DIALECT.quoted(labels.file)})"
    return {
        "ANSWER": _WITH_LABELS.format(place=place),
        "LABELS": "    private let labels: [String]\n",
        "READ_LABELS": f"        labels = try BundleFiles.lines({file})\n",
    }


def _lines(items: list[str]) -> str:
    return ",\n".join(f"        {item}" for item in items)
