"""Lets the ONNX optimiser drop `+ 0` and `* 1` for a 0 and a 1 alone, and not for what is nearly that.

onnxscript 0.7.2 compares a pattern's constants with a relative tolerance of 1e-5 and an absolute one of 1e-8, also in
the rules that take `x + 0` for `x` (rewriter/rules/common/_no_op.py). So `x / (deviation + 1e-8)` lost its 1e-8, and
gave NaN for a constant input; `x * 1.000005` lost its factor.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from onnxscript.rewriter import _matcher

_NEUTRAL = (0, 1)


@contextmanager
def exact_neutral_constants() -> Generator[None]:
    """Meanwhile a pattern's 0 or 1 matches that number alone."""
    matcher: Any = _matcher.SimplePatternMatcher
    upstream = matcher._match_constant

    def matches(self: Any, pattern: Any, value: Any) -> bool:
        if not upstream(self, pattern, value):
            return False
        if pattern.value in _NEUTRAL and value.const_value.numpy().item() != pattern.value:
            return bool(self.fail(f"{value.name} is only nearly {pattern.value}"))
        return True

    with patch.object(matcher, "_match_constant", matches):
        yield
