"""The C++ example of an artifact."""

from __future__ import annotations

from ....converters.preprocessing.kinds import ImageSpec
from . import micro
from .constants import Dialect, settings_of
from .facts import Facts, filled, template

DIALECT = Dialect(
    escapes={"?": "\\?"},
    dtype=lambda dtype: f"Type::{'boolean' if dtype == 'bool' else dtype}",
    member=lambda member: f"edgeproof::{type(member).__name__}::{member.value}",
    shape="{{{items}}}",
    tensors="{{{items}}}",
    port="{{{name}, {type}, {scale!r}, {zero_point}}}",
    stored="{{{file}, {type}, {shape}, {tolerance!r}}}",
    call="{{{sample}, {inputs},\n     {outputs}}}",
    original="{{{sample}, {file}, {shape}}}",
    single="{value!r}f",
    floats="{{{items}}}",
)
_INCLUDES = {
    "executorch": ("<executorch/extension/module/module.h>", "<executorch/extension/tensor/tensor.h>"),
    "litert": ('"litert_c_api.h"',),
    "onnx": ("<onnxruntime_cxx_api.h>",),
    "torchscript": ("<torch/script.h>",),
}
_COMPILED = {
    "executorch": "-DC10_USING_CUSTOM_GENERATED_MACROS -DET_EVENT_TRACER_ENABLED "
    "-I$ET/include -I$ET/include/executorch/runtime/core/portable_type/c10 ",
    "litert": "",
    "onnx": "-I$ORT/include ",
    "torchscript": "-I$TORCH/include -I$TORCH/include/torch/csrc/api/include ",
}
_LINKED = {
    "executorch": "-L$ET/lib -Wl,--no-as-needed -lexecutorch_kernels_optimized -lexecutorch_backend_xnnpack "
    "-lexecutorch_kernels_quantized -lexecutorch_threadpool -lexecutorch -Wl,--allow-shlib-undefined",
    "litert": "-L$LITERT -lLiteRt",
    "onnx": "-L$ORT/lib -lonnxruntime",
    "torchscript": "-L$TORCH/lib -Wl,--no-as-needed -ltorch -ltorch_cpu -lc10",
}
_CHECKED = """\
// Made of parts that edgeproof's tests compile and run on Linux; it has not been built for Android or iOS."""
_ENGINE = "    at::globalContext().setQEngine(at::QEngine::ONEDNN);  // other engines may saturate in 8 bits\n"
_PIXELS = "pixels.data(), int(original.shape[0]), int(original.shape[1])"
_OPEN = """\
// Axis `axis` of output `output` is as long as axis `input_axis` of input `input`.
struct Follower {{
  std::size_t output, axis, input, input_axis;
}};
const std::vector<Follower> kFollowers = {{
{followers}
}};

"""
_FOLLOW = """\
    // The runtime knows the sizes of some outputs after a call alone, and wants the memory for them before.
    for (LiteRtParamIndex place = 0; place < kOutputs.size(); ++place)
      for (const Follower& one : kFollowers)
        if (one.output == output_at(place))
          layouts[place].dimensions[one.axis] = static_cast<std::int32_t>(inputs[one.input].shape[one.input_axis]);
"""
_FROM_ORIGINAL = """\
    if (const auto* original = edgeproof::original_of(call.sample, kOriginals))
      inputs[{place}] = edgeproof::tensor_of(preprocessed(root, *original), inputs[{place}].shape);
"""
_PREPROCESSING = """
const std::vector<edgeproof::Original> kOriginals = {{
{originals}
}};

// The input {name} from a file of {what}; for an image or a sound of your own call edgeproof::preprocess the same way.
std::vector<float> preprocessed(const std::string& root, const edgeproof::Original& original) {{
  const auto {values} = edgeproof::numbers_in<{number}>(root + "/" + original.file);
  edgeproof::{kind} spec;
{settings}
  return edgeproof::preprocess({arguments}, spec);
}}
"""
_TESTED = "differs | edgeproof::preprocessing_test(root, kCalls, {place}, kOriginals, preprocessed)"
_WITH_LABELS = """\
void print_answer(int sample, const Tensors& outputs, const std::vector<std::string>& labels) {{
  const auto [label, score] = edgeproof::label_of(outputs[{place}], labels);
  std::printf("sample %d: %s %f\\n", sample, label.c_str(), score);
}}
"""
_WITHOUT_LABELS = """\
void print_answer(int sample, const Tensors& outputs) {
  for (std::size_t place = 0; place < outputs.size(); ++place) {
    const std::string values = edgeproof::values_of(outputs[place]);
    std::printf("sample %d: %s%s\\n", sample, kOutputs[place].name.c_str(), values.c_str());
  }
}
"""


def example(facts: Facts) -> str:
    """The source of `examples/cpp/<stem>.cpp`."""
    made = facts.artifact.format
    return _source(
        facts,
        includes=_INCLUDES[made],
        slots={
            "MODEL": filled(template("cpp", f"{made}.cpp"), _model(facts)),
            "BUILD": f"g++ -std=c++17 {_COMPILED[made]}{facts.stem}.cpp -o example {_LINKED[made]}",
            "CHECKED": _CHECKED,
        },
    )


def micro_example(facts: Facts) -> str:
    """The source of `examples/cpp/<stem>_micro.cpp`, for a microcontroller."""
    slots = {**micro.slots_of(facts.artifact), "MODEL": micro.model_of(facts.artifact)}
    return _source(facts, includes=micro.INCLUDES[facts.artifact.format], slots=slots)


def _source(facts: Facts, *, includes: tuple[str, ...], slots: dict[str, str]) -> str:
    own = ('"preprocess.hpp"',) if facts.made is not None else ()
    constants = {
        **facts.slots("// "),
        "QUOTED_PATH": DIALECT.quoted(f"/{facts.path}"),
        "INCLUDES": "".join(f"#include {name}\n" for name in (*own, *includes)),
        "INPUTS": _lines(DIALECT.ports(facts.artifact.inputs)),
        "OUTPUTS": _lines(DIALECT.ports(facts.artifact.outputs)),
        "CALLS": _lines(DIALECT.calls(facts)),
        **_preprocessing(facts),
        **_labels(facts),
    }
    return filled(template("cpp", "example.cpp"), {**constants, **slots})


def _model(facts: Facts) -> dict[str, str]:
    artifact = facts.artifact
    inputs = {
        size: (place, axis)
        for place, tensor in enumerate(artifact.inputs)
        for axis, size in enumerate(tensor.shape)
        if isinstance(size, str)
    }
    followers = [
        f"{{{place}, {axis}, {inputs[size][0]}, {inputs[size][1]}}}"
        for place, tensor in enumerate(artifact.outputs)
        for axis, size in enumerate(tensor.shape)
        if isinstance(size, str) and size in inputs
    ]
    return {
        "ENGINE": _ENGINE if facts.exact_engine else "",
        "OPEN": _OPEN.format(followers=_lines(followers)) if followers else "",
        "FOLLOW": _FOLLOW if followers else "",
    }


def _preprocessing(facts: Facts) -> dict[str, str]:
    spec, place = facts.made, facts.made_input
    if spec is None or place is None:
        return {"PREPROCESSING": "", "FROM_ORIGINAL": "", "SELF_TEST": "differs"}
    image = isinstance(spec, ImageSpec)
    text = _PREPROCESSING.format(
        originals=_lines(DIALECT.originals(facts)),
        name=spec.input,
        what="pixels" if image else "samples",
        values="pixels" if image else "samples",
        number="std::uint8_t" if image else "std::int16_t",
        kind=type(spec).__name__,
        settings="\n".join(f"  spec.{name} = {DIALECT.value(value)};" for name, value in settings_of(spec).items()),
        arguments=_PIXELS if image else "samples.data(), samples.size()",
    )
    tested = _TESTED.format(place=place) if facts.proven else "differs"
    return {"PREPROCESSING": text, "FROM_ORIGINAL": _FROM_ORIGINAL.format(place=place), "SELF_TEST": tested}


def _labels(facts: Facts) -> dict[str, str]:
    labels, place = facts.manifest.labels, facts.labelled
    if labels is None or place is None:
        return {"ANSWER": _WITHOUT_LABELS, "LABELS": "", "LABELS_ARGUMENT": ""}
    return {
        "ANSWER": _WITH_LABELS.format(place=place),
        "LABELS": f'  const auto labels = edgeproof::read_lines(root + "/" + {DIALECT.quoted(labels.file)});\n',
        "LABELS_ARGUMENT": ", labels",
    }


def _lines(items: list[str]) -> str:
    return ",\n".join(f"    {item}" for item in items)
