"""Expressions of CloudWatch Logs Insights: tokens, and closures that compute their values.

What is here is what queries about Lambda use: arithmetic, comparison, ``like``, ``in``, the
functions of :mod:`bench.serve.insights_functions`, and aggregates of ``stats``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.serve.insights_functions import AGGREGATES, SCALARS, as_number

Row = Mapping[str, Any]

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<quoted>`[^`]*`)
    |(?P<period>\d+(?:ms|s|m|h|d|w)\b)
    |(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<name>[@A-Za-z_][\w.]*)
    |(?P<operator>=~|!=|<=|>=|[-=<>+*/%^(),\[\]|])
    )""",
    re.VERBOSE,
)
_REGEX = re.compile(r"\s*/((?:[^/\\]|\\.)*)/")
_PERIODS_MS = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "^": operator.pow,
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class QueryError(ValueError):
    """A query that cannot be understood; the message says where."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression is computed for: a row, or in ``stats`` all rows of a group."""

    row: Row
    rows: Sequence[Row] = ()


Value = Callable[[Scope], Any]


class Tokens:
    """Reads a query from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._at = 0

    def peek(self) -> tuple[str, str]:
        """Kind and text of the next token; both empty at the end.

        Raises:
            QueryError: there is something that is no token.
        """
        kind, text, _ = self._next()
        return kind, text

    def take(self) -> tuple[str, str]:
        """The next token."""
        kind, text, self._at = self._next()
        return kind, text

    def accept(self, *texts: str) -> str:
        """The next token if it is one of these words or operators, else nothing."""
        kind, text = self.peek()
        if kind in ("name", "operator") and text.lower() in texts:
            self.take()
            return text.lower()
        return ""

    def accept_call(self, name: str) -> bool:
        """Take ``name(`` if that is next."""
        before = self._at
        if self.accept(name) and self.accept("("):
            return True
        self._at = before
        return False

    def expect(self, text: str) -> None:
        """Take a token that has to be there.

        Raises:
            QueryError: another one is.
        """
        if not self.accept(text):
            raise QueryError(f"`{text}` was expected {self.where()}")

    def regex(self) -> re.Pattern[str] | None:
        """A regular expression between slashes, or None."""
        found = _REGEX.match(self.text, self._at)
        if found is None:
            return None
        self._at = found.end()
        # Named groups are written as in Java.
        return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", found[1]))

    def where_at(self) -> int:
        """The position in the text up to which it has been read."""
        return self._at

    def where(self) -> str:
        """Words for the place of the next token."""
        rest = self.text[self._at :].strip()
        return f"before `{rest[:30]}`" if rest else "at the end"

    def _next(self) -> tuple[str, str, int]:
        found = _TOKEN.match(self.text, self._at)
        if found is None or found.lastgroup is None:
            if self.text[self._at :].strip():
                raise QueryError(f"the query cannot be read {self.where()}")
            return "", "", len(self.text)
        return found.lastgroup, found[found.lastgroup], found.end()


def expression(tokens: Tokens) -> Value:
    """Read one expression: ``or`` binds least."""
    left = _conjunction(tokens)
    while tokens.accept("or"):
        left = _either(left, _conjunction(tokens))
    return left


def _either(left: Value, right: Value) -> Value:
    return lambda scope: bool(left(scope)) or bool(right(scope))


def _conjunction(tokens: Tokens) -> Value:
    left = _negation(tokens)
    while tokens.accept("and"):
        left = _both(left, _negation(tokens))
    return left


def _both(left: Value, right: Value) -> Value:
    return lambda scope: bool(left(scope)) and bool(right(scope))


def _negation(tokens: Tokens) -> Value:
    if tokens.accept("not"):
        inner = _negation(tokens)
        return lambda scope: not inner(scope)
    return _comparison(tokens)


def _comparison(tokens: Tokens) -> Value:
    left = _sum(tokens)
    sign = tokens.accept(*_COMPARISONS)
    if sign:
        return _compare(_COMPARISONS[sign], left, _sum(tokens))
    negated = bool(tokens.accept("not"))
    if tokens.accept("like", "=~"):
        test = _like(left, tokens)
    elif tokens.accept("in"):
        test = _in(left, tokens)
    elif negated:
        raise QueryError(f"`like` or `in` was expected {tokens.where()}")
    else:
        return left
    return (lambda scope: not test(scope)) if negated else test


def _compare(sign: Callable[[Any, Any], bool], left: Value, right: Value) -> Value:
    def test(scope: Scope) -> bool:
        a, b = left(scope), right(scope)
        if a is None or b is None:
            return sign is operator.ne and a is not b
        x, y = as_number(a), as_number(b)
        return sign(str(a), str(b)) if x is None or y is None else sign(x, y)

    return test


def _like(left: Value, tokens: Tokens) -> Value:
    pattern = tokens.regex()
    if pattern is not None:
        return lambda scope: bool(pattern.search(_text(left(scope))))
    right = _sum(tokens)
    return lambda scope: _text(right(scope)) in _text(left(scope))


def _in(left: Value, tokens: Tokens) -> Value:
    tokens.expect("[")
    options = _list(tokens, "]")
    return lambda scope: _text(left(scope)) in [_text(option(scope)) for option in options]


def _sum(tokens: Tokens) -> Value:
    left = _product(tokens)
    while sign := tokens.accept("+", "-"):
        left = _compute(_ARITHMETIC[sign], left, _product(tokens))
    return left


def _product(tokens: Tokens) -> Value:
    left = operand(tokens)
    while sign := tokens.accept("*", "/", "%", "^"):
        left = _compute(_ARITHMETIC[sign], left, operand(tokens))
    return left


def _compute(sign: Callable[[float, float], float], left: Value, right: Value) -> Value:
    def value(scope: Scope) -> float | None:
        a, b = as_number(left(scope)), as_number(right(scope))
        if a is None or b is None:
            return None
        try:
            return sign(a, b)
        except ZeroDivisionError:
            return None

    return value


def operand(tokens: Tokens) -> Value:
    """Read a value without operators: a field, a constant, a call, or something in parentheses."""
    if tokens.accept("("):
        inner = expression(tokens)
        tokens.expect(")")
        return inner
    if tokens.accept("-"):
        return _compute(operator.sub, lambda _: 0, operand(tokens))
    kind, text = tokens.take()
    constant = _constant(kind, text)
    if constant is not None:
        return lambda _: constant
    if kind == "quoted":
        return _field(text[1:-1])
    if kind != "name":
        raise QueryError(f"a value was expected {tokens.where()}, not `{text}`")
    return _call(text.lower(), tokens) if tokens.accept("(") else _field(text)


def _constant(kind: str, text: str) -> str | float | None:
    if kind == "string":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if kind == "number":
        return float(text)
    if kind == "period":
        found = re.fullmatch(r"(\d+)([a-z]+)", text)
        assert found is not None, "the token has this form"
        return float(found[1]) * _PERIODS_MS[found[2]]
    return None


def _field(name: str) -> Value:
    return lambda scope: scope.row.get(name)


def _call(name: str, tokens: Tokens) -> Value:
    if name == "count" and tokens.accept("*"):
        tokens.expect(")")
        return lambda scope: len(scope.rows)
    arguments = _list(tokens, ")")
    if name in AGGREGATES:
        return _aggregate(name, arguments)
    function = SCALARS.get(name)
    if function is None:
        raise QueryError(f"there is no function `{name}` here")
    return lambda scope: function(*(argument(scope) for argument in arguments))


def _aggregate(name: str, arguments: list[Value]) -> Value:
    aggregate = AGGREGATES[name]
    if name == "count" and not arguments:
        return lambda scope: len(scope.rows)
    first, rest = arguments[0], arguments[1:]

    def value(scope: Scope) -> Any:
        values = (first(Scope(row)) for row in scope.rows)
        present = [v for v in values if v is not None]
        return aggregate(present, *(argument(scope) for argument in rest))

    return value


def _list(tokens: Tokens, end: str) -> list[Value]:
    values: list[Value] = []
    while not tokens.accept(end):
        if values:
            tokens.expect(",")
        values.append(expression(tokens))
    return values


def _text(value: Any) -> str:
    return "" if value is None else str(value)
