"""``coldbench clean``: what runs on real Lambda have left behind is found and deleted."""

from __future__ import annotations

import datetime
import sys
import threading
from collections.abc import Iterable, Sequence

from bench.cloud.account import Account, Target
from bench.cloud.control import ControlPlane
from bench.cloud.leftovers import Leftover, find, remove_all
from bench.commands.options import CleanOptions
from bench.commands.records import run_ids
from bench.errors import RecordError
from bench.progress import Progress, choose
from bench.store import is_in_progress, load_record


def execute(options: CleanOptions) -> tuple[str, int]:
    """Delete leftovers, or with ``--dry-run`` list them; the text for stdout.

    Runs that are being measured from here are left alone, unless they are asked for by name.

    Raises:
        UsageError: no region, no profile, no boto3.
        Stopped: AWS refuses; what was deleted until then is told.
    """
    planes = _Planes(options)
    home = planes.home
    regions = [home, *options.aws.regions, *_used_regions(options)]
    if options.all_regions:
        regions += planes.account(home).lambda_regions()
    found = [x for x in find(planes.of, regions) if _is_meant(x, options)]
    running = _running(options) if options.run is None else frozenset()
    kept = sorted({x.run_id for x in found if x.run_id in running})
    found = [x for x in found if x.run_id not in running]
    remarks = [f"run {run_id} is in progress and was left alone" for run_id in kept]
    if options.dry_run:
        return _listed(found, remarks, "would be deleted"), 0
    _remove(found, planes, home, choose(options.verbosity, sys.stderr))
    return _listed(found, remarks, "deleted"), 0


def _remove(found: Sequence[Leftover], planes: _Planes, home: str, progress: Progress) -> None:
    """Delete everything; if that ends early, say what was deleted until then."""
    deleted: list[Leftover] = []
    if found:
        progress.say(f"deleting {len(found)} of coldbench's")
    try:
        remove_all(planes.of, found, home, deleted.append)
    except BaseException:
        for leftover in deleted:
            progress.say(f"deleted {_words(leftover)}")
        raise


class _Planes:
    """A control plane for each region, made when it is needed."""

    def __init__(self, options: CleanOptions) -> None:
        self._options = options
        self._accounts: dict[str, Account] = {}
        self._planes: dict[str, ControlPlane] = {}
        first = options.aws.regions[0] if options.aws.regions else None
        account = self._connect(first)
        account.check()
        self.home = account.region
        self._accounts[self.home] = account

    def account(self, region: str) -> Account:
        if region not in self._accounts:
            self._accounts[region] = self._connect(region)
        return self._accounts[region]

    def of(self, region: str) -> ControlPlane:
        if region not in self._planes:
            self._planes[region] = ControlPlane(self.account(region), threading.Event())
        return self._planes[region]

    def _connect(self, region: str | None) -> Account:
        aws = self._options.aws
        target = Target(region=region, endpoint_url=aws.endpoint_url, profile=aws.profile)
        return Account(target, environ=self._options.environ)


def _is_meant(leftover: Leftover, options: CleanOptions) -> bool:
    if options.run is not None and leftover.run_id != options.run:
        return False
    if options.older_than_s is None:
        return True
    return leftover.is_older_than(options.older_than_s, datetime.datetime.now(datetime.UTC))


def _used_regions(options: CleanOptions) -> list[str]:
    """The regions that the records here tell of."""
    found = []
    records = options.settings.out / "records"
    for run_id in run_ids(records):
        try:
            record = load_record(records / run_id)
        except RecordError:
            continue  # a damaged record names no region; the roles of its run still do
        if record.backend == "aws":
            found.append(str(record.environment["aws"]["region"]))
    return found


def _running(options: CleanOptions) -> frozenset[str]:
    records = options.settings.out / "records"
    return frozenset(run_id for run_id in run_ids(records) if is_in_progress(records / run_id))


def _words(leftover: Leftover) -> str:
    return f"{leftover.kind} {leftover.name} ({leftover.region})"


def _listed(found: Iterable[Leftover], remarks: Iterable[str], what: str) -> str:
    lines = [f"{_words(x)}, of {x.created or 'an unknown time'}: {what}" for x in found]
    return "\n".join([*(lines or ["nothing of coldbench was found"]), *remarks]) + "\n"
