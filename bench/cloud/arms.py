"""What a variant differs in on AWS besides its package: written into its id.

``lazy@arm64+snapstart`` is the package of ``lazy`` on the other architecture with SnapStart. As
variants, such arms stand in the same rounds as their baseline and are compared with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from bench.cost.price import Architecture
from bench.errors import UnknownName, UsageError
from bench.functions.targets import Selection
from bench.subjects import Artifact, Function, Variant

ARM_NAMES = ("snapstart", "provisioned", "tmp", "layer", "vpc", "image")
ARCHITECTURES: tuple[Architecture, ...] = ("x86_64", "arm64")
_GO_NAMES = {"x86_64": "amd64", "arm64": "arm64"}
_SUFFIX = re.compile(r"^(?P<recipe>[^@+]+)(?:@(?P<architecture>[a-z0-9_]+))?(?P<arms>(?:\+\w+)*)$")
_TMP_MIN_MB, _TMP_MAX_MB = 512, 10_240
#: SnapStart needs a managed runtime; of ours, Python from this version on.
SNAPSTART_PYTHON = (3, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSettings:
    """What arms need to know besides their name. ARNs hold account numbers: not recorded."""

    names: tuple[str, ...] = ()
    tmp_mb: int = _TMP_MAX_MB
    layers: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    image: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """A variant id, taken apart."""

    recipe: str
    architecture: Architecture
    arms: frozenset[str] = field(default_factory=frozenset)


def circumstances(variant: str, default: Architecture) -> Circumstances:
    """Take a variant id apart.

    Raises:
        UnknownName: an architecture or an arm that does not exist.
    """
    match = _SUFFIX.match(variant)
    if match is None:
        return Circumstances(recipe=variant, architecture=default)
    architecture = match["architecture"] or default
    if architecture not in ARCHITECTURES:
        raise UnknownName("architecture", architecture, ARCHITECTURES)
    arms = frozenset(match["arms"].split("+")) - {""}
    for arm in arms:
        if arm not in ARM_NAMES:
            raise UnknownName("arm", arm, ARM_NAMES)
    return Circumstances(
        recipe=match["recipe"], architecture=cast(Architecture, architecture), arms=arms
    )


def parse_arms(words: Sequence[str]) -> ArmSettings:
    """Read ``--arm`` options: ``snapstart``, ``provisioned``, ``tmp=2048``, ``layer=ARN``, ….

    Raises:
        UnknownName: there is no such arm.
        UsageError: it lacks what it needs.
    """
    given: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in ARM_NAMES:
            raise UnknownName("arm", name, ARM_NAMES)
        given[name] = f"{given[name]},{value}" if given.get(name) else value
    for name, form in _NEEDED.items():
        if name in given and not given[name]:
            raise UsageError(f"`--arm {name}` needs a value", hint=f"`--arm {name}={form}`")
    network = [part for part in given.get("vpc", "").split(",") if part]
    return ArmSettings(
        names=tuple(given),
        tmp_mb=_tmp_mb(given.get("tmp", str(_TMP_MAX_MB))),
        layers=tuple(part for part in given.get("layer", "").split(",") if part),
        subnets=tuple(part for part in network if part.startswith("subnet-")),
        security_groups=tuple(part for part in network if part.startswith("sg-")),
        image=given.get("image"),
    )


_NEEDED = {
    "tmp": "2048",
    "layer": "arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION",
    "vpc": "subnet-ID,sg-ID",
    "image": "ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG",
}


def _tmp_mb(text: str) -> int:
    if not text.isdigit() or not _TMP_MIN_MB <= int(text) <= _TMP_MAX_MB:
        raise UsageError(
            f"`--arm tmp={text}` is not a size of /tmp",
            hint=f"a whole number of MB from {_TMP_MIN_MB} to {_TMP_MAX_MB:,}",
        )
    return int(text)


def with_arms(
    selection: Selection,
    *,
    architectures: Sequence[Architecture],
    host: Architecture,
    settings: ArmSettings,
) -> Selection:
    """Add the variants of the other architecture, and the baseline under each arm.

    Every recipe is measured on every architecture; an arm is added to the baseline only, as it is
    about Lambda and not about recipes. Arms that a runtime does not have are left out.
    """
    variants = [v for v in selection.variants if architectures[0] == host]
    for architecture in architectures:
        if architecture != host or architectures[0] != host:
            variants += [_on(v, architecture) for v in selection.variants]
    baseline = next(v for v in selection.variants if v.id == selection.baseline)
    first = variants[[v.id.partition("@")[0] for v in variants].index(baseline.id)]
    for arm in settings.names:
        if _is_possible(arm, selection.function):
            variants.append(replace(first, id=f"{first.id}+{arm}"))
    return replace(selection, variants=tuple(variants), baseline=first.id)


def _on(variant: Variant, architecture: Architecture) -> Variant:
    environment = dict(variant.build_environment)
    if variant.runtime == "go":
        environment |= {"GOARCH": _GO_NAMES[architecture], "CGO_ENABLED": "0"}
    return replace(variant, id=f"{variant.id}@{architecture}", build_environment=environment)


def _is_possible(arm: str, function: Function) -> bool:
    return arm != "snapstart" or function.runtime == "python"


def check_python(artifact: Artifact, arms: frozenset[str]) -> None:
    """SnapStart is for newer Pythons only.

    Raises:
        UsageError: the package was built for an older one.
    """
    version = artifact.toolchain.get("python", "")
    minor = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if "snapstart" in arms and minor and minor < SNAPSTART_PYTHON:
        raise UsageError(
            f"SnapStart needs Python 3.12 or newer, `{artifact.function}` was built with {version}",
            hint="run coldbench with a newer Python, or leave out `--arm snapstart`",
        )


def artifacts_of_arms(
    selections: Sequence[Selection],
    built: Mapping[tuple[str, str], Artifact],
    default: Architecture,
) -> dict[tuple[str, str], Artifact]:
    """Every variant's artifact: its own, or that of its recipe where an arm shares the package.

    Python packages with dependencies are made for this machine's architecture only.

    Raises:
        UsageError: the other architecture is asked for and such a package has compiled parts.
    """
    found = dict(built)
    for selection in selections:
        for variant in selection.variants:
            key = (selection.function.id, variant.id)
            if key in found:
                check_python(found[key], circumstances(variant.id, default).arms)
                continue
            parts = circumstances(variant.id, default)
            source = built.get((selection.function.id, variant.id.partition("+")[0])) or built.get(
                (selection.function.id, parts.recipe)
            )
            if source is None:
                continue
            check_python(source, parts.arms)
            if parts.architecture != default and "uv" in source.toolchain:
                raise UsageError(
                    f"`{source.function}` has dependencies installed for {default}, and cannot be"
                    f" measured on {parts.architecture} from here",
                    hint="run coldbench on such a machine, or leave the architecture out",
                )
            found[key] = replace(source, variant=variant.id, identical_to=None)
    return found


def to_build(selection: Selection) -> list[tuple[Function, Variant]]:
    """The pairs that a builder must be asked for: each package once."""
    pairs: dict[str, Variant] = {}
    for variant in selection.variants:
        recipe, at, _ = variant.id.partition("+")[0].partition("@")
        own = at and selection.function.runtime == "go"
        name = variant.id.partition("+")[0] if own else recipe
        pairs.setdefault(name, replace(variant, id=name))
    return [(selection.function, variant) for variant in pairs.values()]
