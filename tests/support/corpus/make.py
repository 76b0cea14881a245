"""Makes the whole corpus: every canary and every odd place, as files in a folder."""

from __future__ import annotations

from pathlib import Path

from .archives import archive_canaries
from .case import Canaries, Case
from .hdf5 import hdf5_canaries
from .keras import keras_canaries
from .pickles import pickle_canaries
from .places import odd_places
from .programs import program_canaries
from .seeds import FACTORIES, GOLDEN
from .tensorflow import saved_model_canaries


def make_corpus(folder: Path, canaries: Canaries) -> list[Case]:
    """Write it; each kind goes into a folder of its own."""
    places = {name: folder / name for name in ("pickles", "archives", "keras", "hdf5", "saved", "programs", "places")}
    for place in places.values():
        place.mkdir(parents=True)
    factories = folder / "factories.py"
    factories.write_text(FACTORIES)
    return [
        *pickle_canaries(places["pickles"], canaries, f"{factories}:square"),
        *archive_canaries(places["archives"], canaries),
        *keras_canaries(places["keras"], canaries, GOLDEN),
        *hdf5_canaries(places["hdf5"], GOLDEN),
        *saved_model_canaries(places["saved"], canaries),
        *program_canaries(places["programs"], canaries, GOLDEN),
        *odd_places(places["places"], GOLDEN),
    ]
