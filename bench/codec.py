"""Frozen dataclasses to JSON and back, by their type hints. Standard library only.

Covers what :mod:`bench.model` uses: dataclasses, ``Path``, ``Mapping``, ``tuple[X, ...]``,
``Literal``, ``X | None``, numbers, strings and ``Any``.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """``value`` as dictionaries, lists, strings and numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_json(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    return value


def from_json(kind: type[T], data: Any) -> T:
    """An instance of ``kind`` from what :func:`to_json` gave. Unknown keys are ignored.

    Raises:
        ValueError: ``data`` does not have the shape of ``kind``; the message names the place.
    """
    return typing.cast(T, _decode(kind, data, kind.__name__))


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode(kind: Any, data: Any, where: str) -> Any:
    if kind is Any:
        return data
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(typing.cast(type, kind), data, where)
    origin = typing.get_origin(kind)
    if origin is typing.Literal:
        if data not in typing.get_args(kind):
            raise ValueError(f"{where}: {data!r} is not one of {typing.get_args(kind)}")
        return data
    if origin in (typing.Union, types.UnionType):
        if data is None:
            return None
        (inner,) = (a for a in typing.get_args(kind) if a is not type(None))
        return _decode(inner, data, where)
    if origin is tuple:
        return _decode_tuple(kind, data, where)
    if origin is Mapping:
        if not isinstance(data, dict):
            raise ValueError(f"{where}: expected an object")
        inner = typing.get_args(kind)[1]
        return {k: _decode(inner, v, f"{where}.{k}") for k, v in data.items()}
    return _decode_scalar(kind, data, where)


def _decode_dataclass(kind: type, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise ValueError(f"{where}: expected an object")
    hints = _hints(kind)
    values = {k: _decode(h, data[k], f"{where}.{k}") for k, h in hints.items() if k in data}
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from None


def _decode_tuple(kind: Any, data: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise ValueError(f"{where}: expected a list")
    inner = typing.get_args(kind)[0]
    return tuple(_decode(inner, v, f"{where}[{i}]") for i, v in enumerate(data))


def _decode_scalar(kind: Any, data: Any, where: str) -> Any:
    if kind is Path and isinstance(data, str):
        return Path(data)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(kind, type) and isinstance(data, kind) and (kind is bool) == (type(data) is bool):
        return data
    raise ValueError(f"{where}: expected {getattr(kind, '__name__', kind)}, not {data!r}")
