"""Which name of a file stands for which name of the source."""

from __future__ import annotations

import re
from collections.abc import Sequence


def matching(wanted: Sequence[str], found: Sequence[str]) -> dict[str, str]:
    """From each wanted name to the file's: the same where there is one, else by the number in it (args_0, output_1).

    Raises ValueError if their numbers differ.
    """
    if len(wanted) != len(found):
        raise ValueError(f"the file has {list(found)}, the source {list(wanted)}")
    if set(wanted) == set(found):
        return {name: name for name in wanted}
    ordered = sorted(found, key=lambda name: [int(part) for part in re.findall(r"\d+", name)])
    return dict(zip(wanted, ordered, strict=True))
