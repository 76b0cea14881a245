"""Opens thousands of hostile and damaged checkpoints as a user would, and reports what became of them: `make fuzz`.

The canaries and odd places come first, then damage to every seed in turn. The same seed and count give the same cases:

    make fuzz ARGS="--minutes 10 --seed 3"
    make fuzz ARGS="--first 4000 --count 100"      # from the 4000th damaged file on
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "support"))

from corpus.case import Canaries, Case
from corpus.damage import Seed, damaged
from corpus.make import make_corpus
from corpus.report import Report
from corpus.seeds import seeds, transformers_seed
from corpus.trial import opened_trial

_BATCH = 200


def main() -> int:
    """Run, print the report, write it to --report; 1 if anything happened that must not."""
    options = _options()
    deadline = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="edgeproof-fuzz-") as name:
        folder = Path(name)
        canaries = Canaries(folder / "watched")
        report = Report(seed=options.seed, first=options.first, canaries=canaries, failures=options.failures)
        trial = opened_trial(folder)
        with trial.pool:
            for batch in _batches(folder, canaries, options):
                report.add(trial.run(batch), batch)
                shutil.rmtree(folder / "damaged", ignore_errors=True)
                print(report.line(), flush=True)
                if time.monotonic() > deadline:
                    break
    text = report.text()
    print(text)
    options.report.write_text(text)
    return 1 if report.bad else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30, help="stop after the batch in which these are over")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=5000, help="damaged files, beside the canaries")
    parser.add_argument("--first", type=int, default=0, help="go on from this damaged file, without the canaries")
    parser.add_argument("--report", type=Path, default=Path("fuzz-report.txt"))
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"), help="where what went wrong is kept")
    return parser.parse_args()


def _batches(folder: Path, canaries: Canaries, options: argparse.Namespace) -> Iterator[list[Case]]:
    if options.first == 0:
        corpus = iter(make_corpus(folder / "corpus", canaries))
        while batch := list(islice(corpus, _BATCH)):
            yield batch
    sound = [*seeds(folder), transformers_seed(folder)]
    for start in range(options.first, options.first + options.count, _BATCH):
        numbers = range(start, min(start + _BATCH, options.first + options.count))
        yield damaged_cases(sound, folder, numbers, options.seed)


def damaged_cases(sound: Sequence[Seed], folder: Path, numbers: range, seed: int) -> list[Case]:
    """The damaged files of these numbers; every sound one takes its turn."""
    return [
        damaged(sound[number % len(sound)], number // len(sound), seed, folder / "damaged" / str(number))
        for number in numbers
    ]


if __name__ == "__main__":
    sys.exit(main())
