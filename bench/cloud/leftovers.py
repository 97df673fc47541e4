"""Finds what runs have left in an account, by prefix and tag, and deletes it: nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bench.cloud.control import ControlPlane
from bench.cloud.copies import CREATED_TAG, LOG_GROUP_PREFIX, PREFIX, REGIONS_TAG, RUN_TAG
from bench.errors import BenchError, Interrupted, MeasurementError, UsageError

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """One thing that a run made: a function, a log group or a role."""

    kind: Literal["function", "log group", "role"]
    name: str
    #: ``global`` for roles.
    region: str
    run_id: str
    created: str
    #: Regions that the run of a role used.
    regions: tuple[str, ...] = ()

    def is_older_than(self, age_s: float, now: datetime.datetime) -> bool:
        """Whether it was made longer ago; unknown ages are not old."""
        try:
            made = datetime.datetime.strptime(self.created, _TIME_FORMAT)
        except ValueError:
            return False
        return (now - made.replace(tzinfo=datetime.UTC)).total_seconds() > age_s


class Sweep:
    """Looks through one region.

    A thing is ours if its name has the prefix, the tag of the run is there, and the run's id
    stands in the name: a function of somebody else who chose the prefix too is left alone.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._region = plane.account.region

    def functions(self) -> Iterator[Leftover]:
        """Functions, whose versions and aliases go with them."""
        pages = self._pages("lambda", "list_functions", "Functions", "Marker", "NextMarker")
        for found in pages:
            name = str(found["FunctionName"])
            if name.startswith(PREFIX):
                answer = self._plane.call(
                    "lambda", "list_tags", absent_ok=True, Resource=found["FunctionArn"]
                )
                yield from self._ours("function", name, (answer or {}).get("Tags", {}))

    def log_groups(self) -> Iterator[Leftover]:
        """Log groups, which Lambda does not delete with a function."""
        pages = self._pages(
            "logs",
            "describe_log_groups",
            "logGroups",
            "nextToken",
            "nextToken",
            logGroupNamePrefix=LOG_GROUP_PREFIX,
        )
        for found in pages:
            answer = self._plane.call(
                "logs",
                "list_tags_for_resource",
                absent_ok=True,
                resourceArn=str(found["arn"]).removesuffix(":*"),
            )
            tags = (answer or {}).get("tags", {})
            yield from self._ours("log group", str(found["logGroupName"]), tags)

    def roles(self) -> Iterator[Leftover]:
        """Roles, which belong to the account and not to a region."""
        for found in self._pages("iam", "list_roles", "Roles", "Marker", "Marker"):
            name = str(found["RoleName"])
            if name.startswith(PREFIX):
                answer = self._plane.call("iam", "list_role_tags", absent_ok=True, RoleName=name)
                pairs = (answer or {}).get("Tags", [])
                yield from self._ours("role", name, {p["Key"]: p["Value"] for p in pairs})

    def remove(self, leftover: Leftover) -> None:
        """Delete one thing; that it is gone already is well."""
        call = self._plane.call
        if leftover.kind == "function":
            call("lambda", "delete_function", absent_ok=True, FunctionName=leftover.name)
        elif leftover.kind == "log group":
            call("logs", "delete_log_group", absent_ok=True, logGroupName=leftover.name)
        else:
            remove_role(self._plane, leftover.name)

    def _ours(
        self,
        kind: Literal["function", "log group", "role"],
        name: str,
        tags: Mapping[str, str],
    ) -> Iterator[Leftover]:
        run_id = tags.get(RUN_TAG)
        if run_id and f"{PREFIX}{run_id}" in name:
            yield Leftover(
                kind=kind,
                name=name,
                region="global" if kind == "role" else self._region,
                run_id=run_id,
                created=tags.get(CREATED_TAG, ""),
                regions=tuple(tags.get(REGIONS_TAG, "").split()),
            )

    def _pages(
        self, service: str, operation: str, key: str, ask: str, told: str, **arguments: Any
    ) -> Iterator[Mapping[str, Any]]:
        token: str | None = None
        while True:
            further: dict[str, Any] = {ask: token} if token else {}
            page = self._plane.call(service, operation, **arguments, **further)
            assert page is not None, "a list is never absent"
            yield from page.get(key, [])
            token = page.get(told)
            if not token:
                return


def remove_role(plane: ControlPlane, name: str) -> None:
    """Delete a role with its inline policies."""
    answer = plane.call("iam", "list_role_policies", absent_ok=True, RoleName=name)
    for policy in (answer or {}).get("PolicyNames", []):
        plane.call("iam", "delete_role_policy", absent_ok=True, RoleName=name, PolicyName=policy)
    plane.call("iam", "delete_role", absent_ok=True, RoleName=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What was found, where was looked, and why not elsewhere."""

    found: tuple[Leftover, ...]
    searched: frozenset[str]
    failed: Mapping[str, BenchError]


def find(
    plane_of: Callable[[str], ControlPlane],
    regions: Iterable[str],
    *,
    home: str,
    wider: bool = True,
    told: Callable[[str], None] = lambda _: None,
) -> Search:
    """Everything of ours; a region that does not work keeps nobody from the others.

    Args:
        plane_of: of a region.
        regions: to look through.
        home: the region through which roles are asked for.
        wider: roles name further regions that runs have used; these are looked through too.
        told: of each region before it is looked through.
    """
    roles = tuple(Sweep(plane_of(home)).roles())
    named = [region for role in roles for region in role.regions] if wider else []
    found: list[Leftover] = []
    failed: dict[str, BenchError] = {}
    known = list(dict.fromkeys([*regions, *named]))
    for region in known:
        told(region)
        try:
            sweep = Sweep(plane_of(region))
            found.extend(sweep.functions())
            found.extend(sweep.log_groups())
        except (MeasurementError, UsageError) as error:
            failed[region] = error
    return Search(
        found=(*found, *roles), searched=frozenset(known) - frozenset(failed), failed=failed
    )


def remove_all(
    plane_of: Callable[[str], ControlPlane],
    leftovers: Iterable[Leftover],
    home: str,
    told: Callable[[Leftover], None] = lambda _: None,
) -> dict[str, BenchError]:
    """Delete leftovers, functions before the roles they use; the regions where that failed.

    A role stays as long as something of a region that its run used does: it tells of the region.

    Raises:
        Interrupted: by the user; what is left is found again.
    """
    order = {"function": 0, "log group": 1, "role": 2}
    failed: dict[str, BenchError] = {}
    for leftover in sorted(leftovers, key=lambda found: order[found.kind]):
        if failed.keys() & {leftover.region, *leftover.regions}:
            continue
        plane = plane_of(home if leftover.region == "global" else leftover.region)
        if plane.stop.is_set():
            raise Interrupted("interrupted", hint="`coldbench clean` goes on")
        try:
            Sweep(plane).remove(leftover)
        except MeasurementError as error:
            failed[leftover.region] = error
        else:
            told(leftover)
    return failed
