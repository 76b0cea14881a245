"""The Kotlin example of an artifact, for Android."""

from __future__ import annotations

from ....converters.preprocessing.kinds import ImageSpec
from .constants import Dialect, camel, settings_of
from .facts import Facts, filled, template

DIALECT = Dialect(
    escapes={"$": "\\$"},
    dtype=lambda dtype: f"Type.{'BOOLEAN' if dtype == 'bool' else dtype.upper()}",
    member=lambda member: f"{type(member).__name__}.{member.name}",
    shape="longArrayOf({items})",
    tensors="listOf({items})",
    port="Port({name}, {type}, {scale!r}, {zero_point})",
    stored="Stored({file}, {type}, {shape}, {tolerance!r})",
    call="Call({sample}, {inputs}, {outputs})",
    original="Original({sample}, {file}, {shape})",
    single="{value!r}f",
    floats="floatArrayOf({items})",
)
_PACKAGES = {
    "executorch": "org.pytorch:executorch-android",
    "litert": "com.google.ai.edge.litert:litert",
    "onnx": "com.microsoft.onnxruntime:onnxruntime-android",
}
_IMPORTS = {
    "executorch": ("org.pytorch.executorch.EValue", "org.pytorch.executorch.Module"),
    "litert": ("org.tensorflow.lite.Interpreter",),
    "onnx": (
        "ai.onnxruntime.OnnxJavaType",
        "ai.onnxruntime.OnnxTensor",
        "ai.onnxruntime.OrtEnvironment",
        "ai.onnxruntime.OrtSession",
    ),
}
_CHECKED = """\
// Examples of this form are compiled by edgeproof's tests against declarations of the runtime's API, not against the
// library. This file has been neither built nor run."""
_PREPROCESSING = """\
    /** The input {name}: {what} of your own, for a tensor of a shape like that of the golden calls. */
    fun preprocessed({parameters}): FloatArray = {call}

    private fun preprocessed(original: Original): FloatArray =
        {read}

"""
_FROM_ORIGINAL = """\
            ORIGINALS.find {{ it.sample == call.sample }}?.let {{
                inputs[{place}] = BundleFiles.tensorOf(preprocessed(it), inputs[{place}].shape)
            }}
"""
_TESTED = " +\n        BundleFiles.preprocessingTest(root, CALLS, {place}, ORIGINALS) {{ preprocessed(it) }}"
_WITH_LABELS = """\
    /** The label and its score. */
    fun label(outputs: List<Tensor>): Pair<String, Double> = BundleFiles.label(outputs[{place}], labels)

    private fun answer(outputs: List<Tensor>): String = label(outputs).let {{ (name, score) -> "$name $score" }}
"""
_WITHOUT_LABELS = """\
    private fun answer(outputs: List<Tensor>): String = outputs.withIndex().joinToString("; ") { (place, output) ->
        OUTPUTS[place].name + " " + (0 until minOf(output.count, 8)).map { output.value(it) }
    }
"""


def example(facts: Facts) -> str:
    """The source of `examples/kotlin/<Stem>.kt`."""
    made = facts.artifact.format
    slots = {
        **facts.slots("// "),
        "MODEL": template("kotlin", f"{made}.kt"),
        "CLASS": facts.class_name,
        "PACKAGE": _PACKAGES[made],
        "BESIDE": ", Bundle.kt and Preprocess.kt" if facts.made is not None else " and Bundle.kt",
        "CHECKED": _CHECKED,
        "QUOTED_PATH": DIALECT.quoted(facts.path),
        "IMPORTS": "\n".join(f"import {name}" for name in _IMPORTS[made]),
        "INPUTS": _lines(DIALECT.ports(facts.artifact.inputs)),
        "OUTPUTS": _lines(DIALECT.ports(facts.artifact.outputs)),
        "CALLS": _lines(DIALECT.calls(facts)),
        **_preprocessing(facts),
        **_labels(facts),
    }
    return filled(template("kotlin", "Example.kt"), slots)


def _preprocessing(facts: Facts) -> dict[str, str]:
    spec, place = facts.made, facts.made_input
    if spec is None or place is None:
        return {"PREPROCESSING": "", "FROM_ORIGINAL": "", "SELF_TEST": "", "ORIGINALS": ""}
    image = isinstance(spec, ImageSpec)
    arguments = ("rgb", "height", "width") if image else ("pcm",)
    shape = "original.shape[0].toInt(), original.shape[1].toInt()"
    file = "File(root, original.file).readBytes()"
    text = _PREPROCESSING.format(
        name=spec.input,
        what="rows of red, green and blue bytes" if image else "samples of 16 bits",
        parameters="rgb: ByteArray, height: Int, width: Int" if image else "pcm: ShortArray",
        call=f"Preprocess.{'image' if image else 'audio'}({', '.join(arguments)}, SPEC)",
        read=f"preprocessed({file}, {shape})" if image else f"preprocessed(BundleFiles.samples({file}))",
    )
    settings = ", ".join(f"{camel(name)} = {DIALECT.value(value)}" for name, value in settings_of(spec).items())
    originals = f"        val ORIGINALS = listOf<Original>(\n{_lines(DIALECT.originals(facts))}\n        )\n"
    return {
        "PREPROCESSING": text,
        "FROM_ORIGINAL": _FROM_ORIGINAL.format(place=place),
        "SELF_TEST": _TESTED.format(place=place) if facts.proven else "",
        "ORIGINALS": f"{originals}        val SPEC = {type(spec).__name__}({settings})\n",
    }


def _labels(facts: Facts) -> dict[str, str]:
    labels, place = facts.manifest.labels, facts.labelled
    if labels is None or place is None:
        return {"ANSWER": _WITHOUT_LABELS, "LABELS": ""}
    line = f"    private val labels = File(root, {DIALECT.quoted(labels.file)}).readLines()\n"
    return {"ANSWER": _WITH_LABELS.format(place=place), "LABELS": line}


def _lines(items: list[str]) -> str:
    return ",\n".join(f"            {item}" for item in items)
