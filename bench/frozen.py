"""``dataclass(frozen=True, slots=True, kw_only=True)``, made in a tenth of the time.

The standard library writes the methods of each such class as text and compiles them, which takes
Python 3.11 more than half a millisecond a class; ``coldbench invoke`` needs sixty of them before
it can start anything. Here all classes share methods that look at the fields. What comes out is a
dataclass as any other: ``fields``, ``replace`` and ``asdict`` take it, and type checkers see the
standard decorator. Making an instance takes about as long as with generated methods.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool, slots: bool, kw_only: bool) -> Callable[[type], type]:
        """The decorator; for classes of this one style, whose fields all belong to ``__init__``."""
        if not (frozen and slots and kw_only):
            raise TypeError("for other styles there is dataclasses.dataclass")
        return _made


def _made(cls: type) -> type:
    inherits = any(dataclasses.is_dataclass(base) for base in cls.__mro__[1:])
    # Of a frozen dataclass only frozen ones can be derived.
    process = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=True, frozen=inherits)
    plain: Any = process(cls)
    fields: dict[str, dataclasses.Field[Any]] = plain.__dataclass_fields__
    made = _slotted(cls, fields)
    missing = dataclasses.MISSING
    made.__dataclass_params__.frozen = True
    made._setters = tuple((name, getattr(made, name).__set__) for name in fields)
    made._defaults = {n: f.default for n, f in fields.items() if f.default is not missing}
    made._factories = tuple(
        (n, f.default_factory) for n, f in fields.items() if f.default_factory is not missing
    )
    result: type = made
    return result


def _slotted(cls: type, fields: Iterable[str]) -> Any:
    """The class once more, with slots for the fields that no base has, and the shared methods."""
    inherited = {name for base in cls.__mro__[1:] for name in getattr(base, "__slots__", ())}
    namespace = {
        name: value
        for name, value in cls.__dict__.items()
        if name not in fields and name not in ("__dict__", "__weakref__")
    }
    namespace["__slots__"] = tuple(name for name in fields if name not in inherited)
    namespace["__match_args__"] = ()
    namespace = _METHODS | namespace | _GUARDS
    made = type(cls)(cls.__name__, cls.__bases__, namespace)
    made.__qualname__ = cls.__qualname__
    return made


def _init(self: Any, **values: Any) -> None:
    given = self._defaults | values
    for name, make in self._factories:
        if name not in values:
            given[name] = make()
    setters = self._setters
    if len(given) != len(setters):
        raise _wrong_arguments(self, given)
    try:
        for name, set_value in setters:
            set_value(self, given[name])
    except KeyError:
        raise _wrong_arguments(self, given) from None


def _wrong_arguments(self: Any, given: dict[str, Any]) -> TypeError:
    names = [name for name, _ in self._setters]
    missing = [name for name in names if name not in given]
    unknown = [name for name in given if name not in names]
    what = f"has no {', '.join(unknown)}" if unknown else f"needs {', '.join(missing)}"
    return TypeError(f"{type(self).__name__} {what}")


def _values(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, name) for name, _ in self._setters)


def _repr(self: Any) -> str:
    pairs = (f"{name}={getattr(self, name)!r}" for name, _ in self._setters)
    return f"{type(self).__qualname__}({', '.join(pairs)})"


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _refuse_set(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _get_state(self: Any) -> tuple[Any, ...]:
    return _values(self)


def _set_state(self: Any, state: tuple[Any, ...]) -> None:
    for (_, set_value), value in zip(self._setters, state, strict=True):
        set_value(self, value)


_METHODS = {
    "__init__": _init,
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__getstate__": _get_state,
    "__setstate__": _set_state,
}
_GUARDS = {"__setattr__": _refuse_set, "__delattr__": _refuse_delete}
