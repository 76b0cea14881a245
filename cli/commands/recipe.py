"""`edgeproof recipe`: how a model was quantised, layer by layer, with a picture of cost against work."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...converters.quantization.files import read_recipe
from ...converters.quantization.recipe import Compute, LayerRecipe, OutputCost, Recipe
from ..options import verbosity_options
from ..wording import plural, printable

_WIDE = 160
_BAR = 24
_QUIETEST_DB = 80.0  # a layer that leaves more than this makes no bar
_STYLES = {Compute.FP32: "yellow", Compute.INT8_WEIGHTS: "cyan"}
_EXAMPLES = """\b
Examples:
  edgeproof recipe classifier.edgeproof/recipes/classifier.int8.recipe.json"""


@click.command(name="recipe", epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@verbosity_options
def command(file: Path) -> int:
    """Show how a model was quantised, layer by layer.

    FILE is a *.recipe.json that `edgeproof convert` wrote. One line per layer: its share of the work, what the model's
    worst output keeps when this layer alone is quantised (measured where a budget asked for it), and how it computes.
    """
    recipe, _ = read_recipe(file)
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    console.print(layer_table(recipe))
    for line in summary(recipe):
        console.print(line, soft_wrap=True)
    return 0


def layer_table(recipe: Recipe) -> Table:
    """The layers in the program's order."""
    measured = any(layer.sqnr_db is not None for layer in recipe.layers)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("layer", overflow="fold")
    table.add_column("operator", no_wrap=True)
    for name in ("of the work", *(("kept alone", "noise it makes") if measured else ())):
        table.add_column(name, justify="left" if name.startswith("noise") else "right", no_wrap=True)
    table.add_column("computes in", no_wrap=True)
    table.add_column("because", overflow="fold")
    work = max(recipe.macs(*Compute), 1)
    modules = Counter(layer.module for layer in recipe.layers)
    for layer in recipe.layers:
        # Keras' layers all stand in one module for torch, and modules may be called twice.
        told = layer.module if layer.module and modules[layer.module] == 1 else layer.name
        figures = (f"{100 * layer.macs / work:.1f} %", *((_alone(layer), _bar(layer)) if measured else ()))
        table.add_row(
            printable(told),
            layer.operator,
            *figures,
            Text(layer.compute, style=_STYLES.get(layer.compute, "green")),
            layer.reason,
        )
    return table


def summary(recipe: Recipe) -> Iterator[str]:
    """Where the work runs, what the scales come from, and what it cost on the calls held out."""
    work = max(recipe.macs(*Compute), 1)
    shares = ((compute, 100 * recipe.macs(compute) / work) for compute in Compute)
    yield "\n" + ", ".join(f"{share:.1f} % of the work in {compute}" for compute, share in shares if share)
    if recipe.calibration is not None:
        record = recipe.calibration
        yield f"scales from {plural(record.calls, 'calibration call')}, {record.held_out} of them held out"
    observers = sorted({tensor.observer for tensor in recipe.tensors})
    if observers:
        yield f"{plural(len(recipe.tensors), 'tensor')} in integers, ranges by {', '.join(observers)}"
    for cost in recipe.cost:
        yield f"{printable(cost.name)} keeps {_kept(cost)}" + (f", budget {recipe.budget}" if recipe.budget else "")


def _alone(layer: LayerRecipe) -> str:
    return "-" if layer.sqnr_db is None else f"{layer.sqnr_db:.1f} dB"


def _bar(layer: LayerRecipe) -> str:
    """Longer for a layer that costs more: one mark for each 80 / 24 decibels that it takes away."""
    lost = 0.0 if layer.sqnr_db is None else max(0.0, _QUIETEST_DB - layer.sqnr_db)
    return "\N{FULL BLOCK}" * min(_BAR, round(lost * _BAR / _QUIETEST_DB))


def _kept(cost: OutputCost) -> str:
    signal = "everything" if cost.sqnr_db is None else f"{cost.sqnr_db:.1f} dB"
    return signal if cost.agreement is None else f"{signal} and {100 * cost.agreement:.1f} % of its decisions"
