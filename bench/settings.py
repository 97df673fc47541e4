"""The one table of settings: what can be configured, its default, and what it may be.

From an entry of :data:`SETTINGS` follow the key in the project file, the environment variable
(``COLDBENCH_`` and the key in capitals), the flag (but for :data:`PROJECT_ONLY`) and the help.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench.frozen import dataclass
from bench.subjects import COMPARED_METRICS, MEMORY_MAX_MB, MEMORY_MIN_MB
from bench.units import parse_seconds

ENVIRONMENT_PREFIX = "COLDBENCH_"
#: Settings that describe a project rather than a run, and so have no flag.
PROJECT_ONLY = ("functions", "leave_out")
MEMORY_WORDS = f"a whole number of MB from {MEMORY_MIN_MB} to {MEMORY_MAX_MB:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing that can be configured.

    ``parse`` takes what a flag, a variable (text) or a TOML file (any type) holds and raises
    ``ValueError`` with the words for what it must be.
    """

    name: str
    #: The attribute of :class:`Settings` that holds the value.
    field: str
    parse: Callable[[object], Any]
    default: object
    help: str
    metavar: str
    #: What an unset value means, in words; only where the default is None.
    unset: str = ""

    @property
    def flag(self) -> str:
        """The option of the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return ENVIRONMENT_PREFIX + self.name.upper()


def _items(raw: object) -> list[object]:
    if isinstance(raw, str):
        return [part.strip() for part in raw.split(",") if part.strip()]
    return list(raw) if isinstance(raw, list) else [raw]


def _globs(raw: object) -> tuple[str, ...]:
    patterns = tuple(item for item in _items(raw) if isinstance(item, str))
    if len(patterns) != len(_items(raw)):
        raise ValueError("a list of globs")
    return patterns


def _path(raw: object) -> Path:
    if not isinstance(raw, str) or not raw:
        raise ValueError("a directory")
    return Path(raw).expanduser()


def whole_number(raw: object, low: int, high: int | None = None) -> int:
    """Read an integer within bounds; text is converted, floats and booleans are not.

    Raises:
        ValueError: anything else; the message is empty, for the caller to find the words.
    """
    text = raw.strip() if isinstance(raw, str) else ""
    value = int(text) if text.isascii() and text.isdigit() else raw
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError
    if value < low or (high is not None and value > high):
        raise ValueError
    return value


def parse_memory(raw: object) -> int:
    """Read one memory size in MB, as Lambda accepts it (128 to 10,240).

    Raises:
        ValueError: with the range in words.
    """
    try:
        return whole_number(raw, MEMORY_MIN_MB, MEMORY_MAX_MB)
    except ValueError:
        raise ValueError(MEMORY_WORDS) from None


def _memory_sizes(raw: object) -> tuple[int, ...]:
    sizes = {parse_memory(item) for item in _items(raw)}
    if not sizes:
        raise ValueError(MEMORY_WORDS)
    return tuple(sorted(sizes))


def _count(low: int) -> Callable[[object], int]:
    def parse(raw: object) -> int:
        try:
            return whole_number(raw, low)
        except ValueError:
            raise ValueError(f"a whole number, {low} or more") from None

    return parse


def _seconds(raw: object) -> float:
    try:
        return parse_seconds(str(raw))
    except ValueError:
        raise ValueError("a duration such as `90s` or `2m`") from None


#: What is beyond this cannot be told from certainty by so many rounds as anybody measures.
_CONFIDENCE_MAX = 0.999999


def _share(raw: object) -> float:
    text = str(raw).strip()
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise ValueError("a share between 0 and 1, such as `0.01` or `1%`")
    return value


def _confidence(raw: object) -> float:
    value = _share(raw)
    if value > _CONFIDENCE_MAX:
        raise ValueError(f"a share of at most {_CONFIDENCE_MAX}, such as `0.99` or `99%`")
    return value


def _margins(raw: object) -> tuple[str, ...]:
    items = tuple(str(item) for item in _items(raw))
    words = f"a list of METRIC=SHARE with metrics of {', '.join(COMPARED_METRICS)}"
    for item in items:
        metric, equals, share = item.partition("=")
        if metric not in COMPARED_METRICS or not equals:
            raise ValueError(words)
        _share(share)
    return items


def margins_of(items: Iterable[str]) -> dict[str, float]:
    """The margin of each metric that has one of its own, from the setting ``margins``."""
    return {metric: _share(share) for metric, _, share in (i.partition("=") for i in items)}


def _choice(*names: str) -> Callable[[object], str]:
    def parse(raw: object) -> str:
        if raw not in names:
            raise ValueError(f"{', '.join(f'`{n}`' for n in names[:-1])} or `{names[-1]}`")
        return str(raw)

    return parse


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="functions",
        field="functions",
        parse=_globs,
        default=("go_functions/*", "py_functions/*", "functions/*"),
        help="where functions live: globs of directories, relative to the project",
        metavar="GLOBS",
    ),
    Setting(
        name="leave_out",
        field="leave_out",
        parse=_globs,
        default=(),
        help=(
            "cells that are measured only with `--all`: globs of function/variant/event, or of "
            "function/variant/event/128MB for checks of the quota model"
        ),
        metavar="GLOBS",
    ),
    Setting(
        name="out",
        field="out",
        parse=_path,
        default=Path("reports"),
        help="directory of reports and records",
        metavar="DIR",
    ),
    Setting(
        name="cache",
        field="cache",
        parse=_path,
        default=None,
        help="directory of builds, shared by all projects",
        metavar="DIR",
        unset="~/.cache/coldbench",
    ),
    Setting(
        name="memory",
        field="memory_sizes_mb",
        parse=_memory_sizes,
        default=(128, 512, 1024, 1769),
        help=f"memory sizes of the report, separated by commas: each {MEMORY_WORDS}",
        metavar="MB[,MB…]",
    ),
    Setting(
        name="rounds",
        field="rounds",
        parse=_count(1),
        default=None,
        help="measure exactly this many rounds, with no early stop",
        metavar="N",
        unset="as many as decide it, 122 at most, or 273 with a budget",
    ),
    Setting(
        name="budget",
        field="budget_s",
        parse=_seconds,
        default=None,
        help="how long to measure, such as `90s` or `5m`",
        metavar="TIME",
        unset="180s, or as long as `--rounds` take",
    ),
    Setting(
        name="warm",
        field="warm_invokes",
        parse=_count(0),
        default=5,
        help="warm invokes after each cold start",
        metavar="N",
    ),
    Setting(
        name="seed",
        field="seed",
        parse=_count(0),
        default=None,
        help="seed of the order of trials",
        metavar="N",
        unset="random, and recorded",
    ),
    Setting(
        name="margin",
        field="margin",
        parse=_share,
        default=0.01,
        help="changes smaller than this share do not matter",
        metavar="SHARE",
    ),
    Setting(
        name="margins",
        field="margins",
        parse=_margins,
        default=(),
        help="other margins of single metrics, such as `cold_total=5%`, separated by commas",
        metavar="METRIC=SHARE[,…]",
    ),
    Setting(
        name="confidence",
        field="confidence",
        parse=_confidence,
        default=0.99,
        help="confidence of intervals and verdicts",
        metavar="SHARE",
    ),
    Setting(
        name="page_cache",
        field="page_cache",
        parse=_choice("warm", "evicted"),
        default="warm",
        help="state of the package's files before each trial: `warm` or `evicted`",
        metavar="STATE",
    ),
    Setting(
        name="cpu",
        field="cpu",
        parse=_choice("on-demand", "provisioned", "none"),
        default="on-demand",
        help=(
            "when the CPU quota of the memory size applies: after init (`on-demand`), "
            "from the start (`provisioned`) or never (`none`)"
        ),
        metavar="MODE",
    ),
)
