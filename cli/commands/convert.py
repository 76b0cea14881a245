"""`edgeproof convert`: make artifacts from a checkpoint, and prove each of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ...converters.errors import UsageError
from ...converters.manifest import source_sha256
from ...validators.baseline import Baseline, read_baseline
from ...validators.parity import ParityReport, Status, exit_code
from ...validators.pipeline import certify
from ...validators.request import Request
from ..invocation import VERBOSE, verbosity_of
from ..options import hops_option, limit_options, publishing_options, verbosity_options
from ..progress import shown_progress, write_timings
from ..publishing import Publishing
from ..request_options import ConvertArguments, request_of
from ..source_options import source_options

_LAYOUTS = click.Choice(["nchw", "nhwc"])
_EXAMPLES = """\b
Examples:
  a Keras model, everything at once:
    edgeproof convert classifier.keras
  a function that returns a module, two formats, inputs as a specification:
    edgeproof convert model.py:build --input "image:float32[1,3,224,224]" --to onnx,litert
  weights and the class they belong to, judged on real samples:
    edgeproof convert weights.pt --model model.py:Net --model-arg width=32 --input x.npz --samples real/
  a training checkpoint with two sets of weights, and a folder of Transformers:
    edgeproof convert last.ckpt --model model.py:Net --weights ema --input "x:float32[1,16]"
    edgeproof convert path/to/folder-with-config.json/
  int8 beside float, with at most 1 % of decisions changed:
    edgeproof convert classifier.keras --precision fp32,int8 --calibration real.npz --samples test.npz --max-drop 1%
  real samples from a folder of images, as a specification says, or opened by a function of yours:
    edgeproof convert classifier.keras --samples photos/ --preprocess preprocess.json
    edgeproof convert classifier.keras --samples photos/ --preprocess images.py:load
  a batch of 1 to 8:
    edgeproof convert model.pt2 --dynamic "image.0=1..8" -o out"""


@click.command(name="convert", epilog=_EXAMPLES)
@click.argument("source")
@click.option("--to", multiple=True, default=("all",), metavar="FORMAT,...", help="Formats to make. [default: all]")
@click.option(
    "--precision",
    multiple=True,
    default=("fp32",),
    metavar="P,...",
    help="Precisions to make: fp32, fp16, int8, int8-dynamic, int8-weights; LiteRT has int8-full and int16x8 too. "
    "[default: fp32]",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Folder to write. [default: NAME.edgeproof]"
)
@click.option("--overwrite", is_flag=True, help="Replace a folder that edgeproof wrote before.")
@source_options
@click.option(
    "--dynamic",
    multiple=True,
    metavar="INPUT.AXIS=MIN..MAX",
    help='A dimension that may vary: "image.0=1..8"; repeatable.',
)
@click.option(
    "--samples",
    metavar="SAMPLES",
    help="Real inputs to judge on: x.npz, a folder of them, or file.py:function. "
    "An .npz may hold labels too (label, label_OUTPUT); the model is not given them.",
)
@click.option(
    "--calibration",
    metavar="SAMPLES",
    help="Real inputs that int8 takes its scales from, in the same forms; a quarter of them is held out.",
)
@click.option(
    "--preprocess",
    metavar="SPEC",
    help="How files become calls: a specification (.json) for images, sounds and texts, which a bundle hands on, or "
    "file.py:function, called with a file's path. --samples and --calibration are then folders of files.",
)
@click.option(
    "--state",
    multiple=True,
    metavar="OUTPUT=INPUT",
    help="An output that is fed back as an input: the model is then also judged with its own state; repeatable.",
)
@click.option("--recipe", metavar="FILE", help="Quantise as an earlier run did: its NAME.PRECISION.recipe.json.")
@click.option(
    "--max-drop",
    metavar="BUDGET",
    help="What int8 may cost: 1% of decisions changed, 30dB kept, or score.py:accuracy=0.01, how far a function of "
    "outputs and labels may fall; layers that cost more stay in float.",
)
@click.option("--on", multiple=True, default=("host",), metavar="TARGET,...", help="Where to verify. [default: host]")
@click.option("--verify/--no-verify", default=True, help="Whether to run and judge the artifacts. [default: verify]")
@click.option(
    "--backend",
    metavar="NAME",
    help="The backend inside a format: portable for executorch, or a microcontroller's, as ethos-u55-128, cortex-m55.",
)
@click.option("--allow-flex", is_flag=True, help="Let LiteRT artifacts need TensorFlow's Flex operators.")
@click.option("--input-layout", type=_LAYOUTS, help="Layout of 4-dimensional inputs in the artifacts.")
@click.option("--output-layout", type=_LAYOUTS, help="Layout of 4-dimensional outputs in the artifacts.")
@click.option("--seed", default=0, metavar="N", help="Seed of generated inputs. [default: 0]")
@hops_option
@publishing_options
@limit_options
@verbosity_options
@click.pass_context
def command(context: click.Context, /, **given: Any) -> int:
    """Make artifacts from a checkpoint, and prove each of them.

    SOURCE is a checkpoint (.pt .pth .bin .ckpt .safetensors .pt2 .keras .h5, a SavedModel or Transformers folder) or a
    factory (pkg.module:function, path/file.py:function). Every artifact runs beside its source on the same inputs and
    is judged.
    """
    publishing = Publishing.taken_from(given)
    verbosity = verbosity_of(context)
    with publishing.announced():
        request = request_of(ConvertArguments(**given))
        baseline = _baseline(request, publishing)
        with shown_progress(verbosity) as listener:
            outcome = certify(request, on_progress=listener)
        code = exit_code(outcome.report) if request.verify else _exit_code_unverified(outcome.report)
        code = publishing.publish(outcome, code=code, baseline=baseline)
    if verbosity >= VERBOSE:
        write_timings(outcome.timings)
    return code


def _baseline(request: Request, publishing: Publishing) -> Baseline | None:
    """What the artifacts are compared with; raises InputError if it is of another source."""
    if publishing.baseline is None:
        return None
    if not request.verify:
        raise UsageError("--baseline compares what was judged, and --no-verify judges nothing", fix="leave one out")
    baseline = read_baseline(publishing.baseline, update=publishing.update, folder=request.output)
    baseline.require_source(source_sha256(request.source))
    return baseline


def _exit_code_unverified(report: ParityReport) -> int:
    """What was not asked to be judged does not count as not run; a conversion that failed does."""
    rest = tuple(row for row in report.results if row.status is not Status.NOT_RUN or row.code is not None)
    return exit_code(replace(report, results=rest)) if rest else 0
