"""CloudWatch Logs Insights over the lines of this endpoint: the pipeline of a query's commands.

``fields``, ``display``, ``filter``, ``parse``, ``stats … by …``, ``sort``, ``limit`` and ``dedup``,
with the fields that Insights finds by itself in the logs of Lambda: @type, @requestId, @duration,
@billedDuration, @initDuration, @memorySize, @maxMemoryUsed, @xrayTraceId, and JSON's own.
Percentiles are of the nearest rank; those of AWS are approximate.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bench.emulator.platform_lines import End, InitReport, InitStart, Report, Start
from bench.emulator.reportlog import parse_line
from bench.serve.insights_functions import as_number
from bench.serve.insights_syntax import QueryError, Row, Scope, Tokens, Value, expression, operand

_BYTES_PER_MB = 1_000_000
_NS_PER_MS = 1_000_000
_MAX_ROWS = 10_000
_DEFAULT_FIELDS = ("@timestamp", "@message")
_TYPES: dict[type, str] = {
    Start: "START",
    End: "END",
    Report: "REPORT",
    InitStart: "INIT_START",
    InitReport: "INIT_REPORT",
}

Rows = list[dict[str, Any]]
Command = Callable[[Rows], Rows]


class Query:
    """A query, ready to run.

    Raises:
        QueryError: it cannot be understood.
    """

    def __init__(self, text: str) -> None:
        without_comments = "\n".join(re.sub(r"(^|\s)#.*", "", line) for line in text.split("\n"))
        self._shown: list[str] | None = None
        self._commands: list[Command] = []
        #: How many lines passed the filters of the last run, before ``stats`` and ``limit``.
        self.matched = 0
        self._last_filter: Command | None = None
        self._aggregated = False
        tokens = Tokens(without_comments)
        while True:
            self._commands.append(self._command(tokens))
            if not tokens.accept("|"):
                break
        kind, _ = tokens.peek()
        if kind:
            raise QueryError(f"`|` was expected {tokens.where()}")

    def run(self, rows: Rows) -> list[dict[str, str]]:
        """The answer: names and texts of the fields of each row."""
        rows = sorted(rows, key=lambda row: row.get("@timestamp", 0), reverse=True)
        self.matched = len(rows)
        for command in self._commands:
            rows = command(rows)
            if command is self._last_filter:
                self.matched = len(rows)
        shown = list(_DEFAULT_FIELDS) if self._shown is None else self._shown
        return [_shown(row, shown) for row in rows[:_MAX_ROWS]]

    def _command(self, tokens: Tokens) -> Command:
        _, name = tokens.take()
        readers = {
            "fields": self._fields,
            "display": self._display,
            "filter": self._filter,
            "parse": _parse,
            "stats": self._stats,
            "sort": self._sort,
            "limit": _limit,
            "dedup": _dedup,
        }
        reader = readers.get(name.lower())
        if reader is None:
            known = ", ".join(sorted(readers))
            raise QueryError(f"there is no command `{name}` here; there are {known}")
        return reader(tokens)

    def _fields(self, tokens: Tokens) -> Command:
        named = _named(tokens)
        self._shown = [*(self._shown or ()), *(n for n, _ in named if n not in (self._shown or ()))]
        return lambda rows: [
            {**row, **{name: value(Scope(row)) for name, value in named}} for row in rows
        ]

    def _display(self, tokens: Tokens) -> Command:
        before = self._shown
        command = self._fields(tokens)
        self._shown = (self._shown or [])[len(before or ()) :] or before
        return command

    def _filter(self, tokens: Tokens) -> Command:
        test = expression(tokens)

        def run(rows: Rows) -> Rows:
            return [row for row in rows if test(Scope(row))]

        if not self._aggregated:
            self._last_filter = run
        return run

    def _stats(self, tokens: Tokens) -> Command:
        self._aggregated = True
        named = _named(tokens)
        groups = _named(tokens, bins=True) if tokens.accept("by") else []
        self._shown = [name for name, _ in (*groups, *named)]

        def run(rows: Rows) -> Rows:
            found: dict[tuple[Any, ...], Rows] = {}
            for row in rows:
                found.setdefault(tuple(value(Scope(row)) for _, value in groups), []).append(row)
            if not groups:
                found = {(): rows}
            return [
                {
                    **{name: part for (name, _), part in zip(groups, key, strict=True)},
                    **{name: value(Scope({}, members)) for name, value in named},
                }
                for key, members in found.items()
            ]

        return run

    def _sort(self, tokens: Tokens) -> Command:
        keys: list[tuple[Value, bool]] = []
        while True:
            value = expression(tokens)
            keys.append((value, tokens.accept("asc", "desc") != "asc"))
            if not tokens.accept(","):
                break

        def run(rows: Rows) -> Rows:
            for value, descending in reversed(keys):
                rows = sorted(rows, key=_order(value), reverse=descending)
            return rows

        return run


def _order(value: Value) -> Callable[[Row], tuple[int, float, str]]:
    def key(row: Row) -> tuple[int, float, str]:
        found = value(Scope(row))
        number = as_number(found)
        if number is not None:
            return (1, number, "")
        return (0, 0.0, "") if found is None else (2, 0.0, str(found))

    return key


def _named(tokens: Tokens, *, bins: bool = False) -> list[tuple[str, Value]]:
    """Expressions with their names: given by ``as``, else the text of the expression."""
    named = []
    while True:
        before = tokens.where_at()
        value = _bin(tokens) if bins else None
        if value is None:
            value = expression(tokens)
        name = tokens.text[before : tokens.where_at()].strip()
        if tokens.accept("as"):
            _, name = tokens.take()
        named.append((name.strip("`"), value))
        if not tokens.accept(","):
            return named


def _bin(tokens: Tokens) -> Value | None:
    """``bin(5m)``: the beginning of the period that a line's time falls into."""
    if not tokens.accept_call("bin"):
        return None
    period = expression(tokens)
    tokens.expect(")")

    def value(scope: Scope) -> str:
        size = int(period(scope))
        return _time(int(scope.row["@timestamp"]) // size * size)

    return value


def _limit(tokens: Tokens) -> Command:
    kind, text = tokens.take()
    if kind != "number" or not text.isdigit():
        raise QueryError(f"a number of rows was expected, not `{text}`")
    count = int(text)
    return lambda rows: rows[:count]


def _dedup(tokens: Tokens) -> Command:
    named = _named(tokens)

    def run(rows: Rows) -> Rows:
        kept: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in rows:
            kept.setdefault(tuple(value(Scope(row)) for _, value in named), row)
        return list(kept.values())

    return run


def _parse(tokens: Tokens) -> Command:
    """``parse FIELD "glob * with *" as a, b`` or ``parse FIELD /regex (?<a>…)/``."""
    kind, _ = tokens.peek()
    source: Value = lambda scope: scope.row.get("@message")  # noqa: E731
    pattern = tokens.regex()
    if pattern is None and kind != "string":
        source = operand(tokens)
        pattern = tokens.regex()
    if pattern is not None:
        return _parsed(source, pattern, list(pattern.groupindex))
    kind, text = tokens.take()
    if kind != "string":
        raise QueryError(f"a pattern in quotes or slashes was expected, not `{text}`")
    tokens.expect("as")
    names = [name for name, _ in _named(tokens)]
    parts = [re.escape(part) for part in text[1:-1].split("*")]
    # The last wildcard takes all that is left, unless text follows it.
    glob = "(.*?)".join(parts[:-1]) + ("(.*)" if not parts[-1] else f"(.*?){parts[-1]}")
    return _parsed(source, re.compile(glob, re.DOTALL), names)


def _parsed(source: Value, pattern: re.Pattern[str], names: list[str]) -> Command:
    def run(rows: Rows) -> Rows:
        answer = []
        for row in rows:
            found = pattern.search(str(source(Scope(row)) or ""))
            values = dict(zip(names, found.groups(), strict=False)) if found else {}
            answer.append({**row, **values})
        return answer

    return run


def row_of(message: str, **members: Any) -> dict[str, Any]:
    """The fields of one line: ``members``, and what Insights finds in its text."""
    text = message.rstrip("\n")
    row: dict[str, Any] = {**members, "@message": text}
    if text.startswith("{"):
        _flatten(text, row)
    found = parse_line(text)
    kind = _TYPES.get(type(found))
    if kind is None or text.startswith("{"):
        return row
    row["@type"] = kind
    request_id = getattr(found, "request_id", None)
    if request_id is not None:
        row["@requestId"] = request_id
    if isinstance(found, Report):
        row |= _report_fields(found)
    return row


def _report_fields(report: Report) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "@duration": report.duration_ns / _NS_PER_MS,
        "@billedDuration": report.billed_duration_ms,
        "@memorySize": report.memory_size_mb * _BYTES_PER_MB,
        "@maxMemoryUsed": report.max_memory_used_mb * _BYTES_PER_MB,
    }
    if report.init_duration_ns is not None:
        fields["@initDuration"] = report.init_duration_ns / _NS_PER_MS
    if report.xray_trace_id is not None:
        fields["@xrayTraceId"] = report.xray_trace_id
    return fields


def _flatten(text: str, row: dict[str, Any]) -> None:
    try:
        document = json.loads(text)
    except ValueError:
        return
    if isinstance(document, dict):
        row |= dict(_leaves("", document))


def _leaves(prefix: str, value: Any) -> Iterable[tuple[str, Any]]:
    members: Iterable[tuple[Any, Any]]
    if isinstance(value, Mapping):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    else:
        yield prefix, value
        return
    for name, member in members:
        yield from _leaves(f"{prefix}.{name}" if prefix else str(name), member)


def _shown(row: Mapping[str, Any], names: list[str]) -> dict[str, str]:
    shown = {name: _text(name, row[name]) for name in names if row.get(name) is not None}
    if "@ptr" in row:
        shown["@ptr"] = str(row["@ptr"])
    return shown


def _text(name: str, value: Any) -> str:
    if name in ("@timestamp", "@ingestionTime") and isinstance(value, int):
        return _time(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return str(int(value)) if value == int(value) else f"{value:.4f}".rstrip("0")
    return str(value)


def _time(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(seconds))}.{rest:03d}"
