"""The guest for formats with a runtime in Python: runs one job with the same runner that the host has.

    python -P -m edgeproof.validators.guests.run ENTRY JOB

ENTRY is the runner's function ("package.module:run"), JOB a file with its RunJob as JSON.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

import msgspec

from ...converters.errors import EdgeproofError
from ...converters.job import RunJob
from ...converters.worker.box import record
from .answer import Answer, to_line


def main(entry: str, job: Path) -> int:
    """Run the job and print the answer; the exit code is 0 also for an error that the answer tells."""
    module, _, function = entry.partition(":")
    try:
        run = getattr(import_module(module), function)
        answer = Answer(result=run(msgspec.json.decode(job.read_bytes(), type=RunJob)))
    except EdgeproofError as error:
        answer = Answer(error=record(error))
    sys.stdout.flush()
    os.write(1, to_line(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
