"""Admits the size expressions of an exported program, which torch evaluates as Python: sums, products, comparisons."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ...errors import UnsafeInput

SYMBOL = re.compile(r"[a-z]{1,4}\d{1,6}")
_LONGEST = 20_000
_LONGEST_NUMBER = 40
_LARGEST_POWER = 64
_MOST_POWERS = 3
_NUMBER = re.compile(r"-?\d*\.?\d+(e[+-]?\d{1,3})?")
_CONSTANTS = frozenset("true false True False oo int_oo nan zoo".split())
_POWERS = frozenset("Pow PowByNatural FloatPow LShift".split())
_NUMBERS = frozenset("Integer Float Rational".split())
_FUNCTIONS = (
    _POWERS
    | _NUMBERS
    | frozenset(
        "Add Mul Max Min Mod Abs floor ceiling Piecewise ExprCondPair And Or Not ITE Eq Ne Lt Le Gt Ge Equality"
        " Unequality StrictLessThan LessThan StrictGreaterThan GreaterThan FloorDiv ModularIndexing Where PythonMod"
        " CleanDiv CeilToInt FloorToInt CeilDiv RShift FloatTrueDiv IntTrueDiv IsNonOverlappingAndDenseIndicator"
        " TruncToFloat TruncToInt RoundToInt RoundDecimal ToFloat Identity".split()
    )
)
_ASSUMPTIONS = frozenset("positive integer nonnegative real negative nonzero precision dps evaluate".split())


def check_expression(text: str) -> None:
    """Raise UnsafeInput unless the text is built from symbols, numbers and the functions above, and stays small."""
    try:
        tree = ast.parse(text, mode="eval") if len(text) <= _LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    reason = "cannot be read" if tree is None else next(_objections(tree.body, 0), None)
    if reason is not None:
        raise UnsafeInput(
            f"the exported program has a size expression that {reason}, and torch would evaluate it: {text[:80]!r}",
            fix="do not load it; export the model again from its source",
        )


def _objections(node: ast.expr, powers: int) -> Iterator[str]:
    match node:
        case ast.Constant(value=bool()):
            return
        case ast.Constant(value=int() | float() as number):
            if abs(number) >= 10**_LONGEST_NUMBER:
                yield "has an enormous number"
        case ast.Name(id=name):
            if name not in _CONSTANTS and not SYMBOL.fullmatch(name):
                yield f"names {name[:40]!r}"
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield from _objections(operand, powers)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=options):
            yield from _options(options)
            yield from _call(name, arguments, powers)
        case _:
            yield "is more than a sum of products"


def _call(name: str, arguments: list[ast.expr], powers: int) -> Iterator[str]:
    if name == "Symbol":
        match arguments:
            case [ast.Constant(value=str(symbol))] if SYMBOL.fullmatch(symbol):
                return
            case _:
                yield "has a symbol of an unknown kind"
    elif name in _NUMBERS and any(isinstance(item, ast.Constant) and isinstance(item.value, str) for item in arguments):
        if not all(_is_number(item) for item in arguments):
            yield "has a number that is none"
    elif name not in _FUNCTIONS:
        yield f"calls {name[:40]!r}"
    else:
        powers += name in _POWERS
        if powers > _MOST_POWERS or (name in _POWERS and not _is_small(arguments)):
            yield "raises to an enormous power"
        for argument in arguments:
            yield from _objections(argument, powers)


def _options(options: list[ast.keyword]) -> Iterator[str]:
    for option in options:
        if option.arg not in _ASSUMPTIONS or not isinstance(option.value, ast.Constant):
            yield f"has the option {str(option.arg)[:40]!r}"
        elif not isinstance(option.value.value, bool | int) or option.value.value > 1000:
            yield f"has the option {option.arg!r}"


def _is_number(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=str(text)):
            return len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text) is not None
        case ast.Constant(value=int() | float()):
            return True
        case _:
            return False


def _is_small(arguments: list[ast.expr]) -> bool:
    """Whether a power's exponent is a small number, plain or as Integer(n), -n or Rational(1, 2)."""
    if len(arguments) != 2:
        return False
    exponent = arguments[1]
    if isinstance(exponent, ast.Call) and isinstance(exponent.func, ast.Name) and exponent.func.id in _NUMBERS:
        parts = exponent.args
    else:
        parts = [exponent]
    return all(_is_within(part) for part in parts)


def _is_within(node: ast.expr) -> bool:
    operand = node.operand if isinstance(node, ast.UnaryOp) else node
    if not isinstance(operand, ast.Constant) or not isinstance(operand.value, int | float):
        return False
    return abs(operand.value) <= _LARGEST_POWER
