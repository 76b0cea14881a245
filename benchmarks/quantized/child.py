"""The child's side of children.py: python -m quantized.child MODULE:FUNCTION ARGUMENTS ANSWER.json."""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from pathlib import Path

from .children import MARK


def main(function: str, arguments: str, answer: Path) -> int:
    """Call, and write what comes back; one line on stderr says why it did not."""
    module, _, name = function.partition(":")
    try:
        value = getattr(importlib.import_module(f"quantized.{module}"), name)(**json.loads(arguments))
    except Exception as error:  # noqa: BLE001 (whatever an upstream tool raises is this contender's result)
        traceback.print_exc()
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        print(f"{MARK}{type(error).__name__}: {lines[0] if lines else ''}", file=sys.stderr)
        return 1
    answer.write_text(json.dumps(value or {}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
