"""The command `edgeproof`: its table of commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

import click

from .failure import Terminated, report_failure
from .invocation import DEBUG, Invocation
from .lazy_group import CommandRow, LazyGroup

_HERE = __name__.rpartition(".")[0]

COMMANDS = (
    CommandRow("convert", f"{_HERE}.commands.convert", "Make artifacts from a checkpoint, and prove each of them."),
    CommandRow("verify", f"{_HERE}.commands.verify", "Judge artifacts again, without converting."),
    CommandRow(
        "diagnose",
        f"{_HERE}.commands.diagnose",
        "Find the operator that an artifact gets wrong, and its line in the model.",
    ),
    CommandRow("recipe", f"{_HERE}.commands.recipe", "Show how a model was quantised, layer by layer."),
    CommandRow(
        "bench",
        f"{_HERE}.commands.bench",
        "Measure how fast artifacts are on this machine, int8 and float16 beside float.",
    ),
    CommandRow("bundle", f"{_HERE}.commands.bundle", "Hand artifacts over to an app team in one file."),
    CommandRow("inspect", f"{_HERE}.commands.inspect", "Show what is in a checkpoint or artifact, without running it."),
    CommandRow("targets", f"{_HERE}.commands.targets", "List and prepare what can run artifacts: this machine, Arm."),
    CommandRow("formats", f"{_HERE}.commands.formats", "List what can be made from what."),
    CommandRow("doctor", f"{_HERE}.commands.doctor", "Check the installation and this machine."),
)

_EXAMPLES = """\b
Examples:
  edgeproof convert classifier.keras
  edgeproof convert model.py:build --input "image:float32[1,3,224,224]" --to onnx,litert
  edgeproof convert weights.pt --model model.py:Net --input samples.npz -o out
  edgeproof verify out
  edgeproof inspect out/classifier.litert.fp32.tflite

\b
Exit codes: 0 all passed, 1 an artifact failed parity, 2 wrong usage, 3 a conversion failed,
4 something could not run here, 5 unsafe input refused, 6 a worker crashed or a bug of ours."""


def _print_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from ..converters.versions import versions_of

        click.echo(f"edgeproof {versions_of('edgeproof').get('edgeproof', '(not installed)')}")
        context.exit()


edgeproof = LazyGroup(
    name="edgeproof",
    rows=COMMANDS,
    help="One model, many artifacts, provably the same: converts a PyTorch or Keras checkpoint to TorchScript,"
    " ExecuTorch, LiteRT and ONNX, runs every artifact beside its source, and says PASS or FAIL.",
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=False,
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Show the version and exit.",
        )
    ],
)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the program and exit; `arguments` are those of the command line by default."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run the program; returns its exit code."""
    invocation = Invocation()
    try:
        code = edgeproof.main(arguments or ["--help"], prog_name="edgeproof", standalone_mode=False, obj=invocation)
    except Exception as error:  # noqa: BLE001  (the one place that answers for everything)
        return report_failure(error, show_traceback=invocation.verbosity >= DEBUG)
    except (KeyboardInterrupt, Terminated) as error:
        return report_failure(error, show_traceback=False)
    return int(code or 0)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
