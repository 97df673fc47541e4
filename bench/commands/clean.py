"""``coldbench clean``: what runs on real Lambda have left behind is found and deleted."""

from __future__ import annotations

import datetime
import sys
import threading
from collections.abc import Iterable, Sequence

from bench.cloud.account import Account, Target
from bench.cloud.control import ControlPlane
from bench.cloud.faults import Unrecognized
from bench.cloud.leftovers import Leftover, Search, find, remove_all
from bench.commands.options import CleanOptions
from bench.commands.records import run_ids
from bench.errors import BenchError, MeasurementError, RecordError, UsageError
from bench.progress import Progress, choose
from bench.store import is_in_progress, load_record


def execute(options: CleanOptions) -> tuple[str, int]:
    """Delete leftovers, or with ``--dry-run`` list them; the text for stdout, and the exit code.

    Runs that are being measured from here are left alone, unless they are asked for by name. A
    region that does not work is told of when the others are clean.

    Raises:
        UsageError: no region, no profile, no boto3.
        Stopped: AWS refuses in every region.
    """
    progress = choose(options.verbosity, sys.stderr)
    planes = _Planes(options)
    named = _named_regions(options, planes)
    further = planes.account(planes.home).lambda_regions() if options.all_regions else ()
    search = find(
        planes.of,
        [region for region in (*named, *further) if region not in planes.failed],
        home=planes.home,
        wider=options.all_regions or not options.aws.regions,
        told=lambda region: progress.say(f"looking through {region}"),
    )
    found, remarks = _chosen(search, options)
    failed = {**planes.failed, **search.failed}
    if options.dry_run:
        what = "would be deleted"
    else:
        what = "deleted"
        found, left = _remove(found, planes, progress)
        failed |= left
    closed = [r for r, e in failed.items() if isinstance(e, Unrecognized) and r not in named]
    broken = {region: error for region, error in failed.items() if region not in closed}
    if closed:
        remarks.append(f"not enabled for this account: {', '.join(closed)}")
    remarks += [f"{r} was not cleaned: {e.message}; {e.hint}" for r, e in broken.items()]
    return _listed(found, remarks, what), MeasurementError.exit_code if broken else 0


def _chosen(search: Search, options: CleanOptions) -> tuple[list[Leftover], list[str]]:
    """What is meant of all that was found, and remarks on what of it must stay."""
    meant = [x for x in search.found if _is_meant(x, options)]
    running = _running(options) if options.run is None else frozenset()
    kept = sorted({x.run_id for x in meant if x.run_id in running})
    remarks = [f"run {run_id} is in progress and was left alone" for run_id in kept]
    chosen = []
    for leftover in meant:
        elsewhere = sorted(set(leftover.regions) - search.searched)
        if leftover.run_id in running:
            continue
        if elsewhere:
            where = ", ".join(elsewhere)
            remarks.append(f"{_words(leftover)} was left alone: its run used {where}")
            continue
        chosen.append(leftover)
    return chosen, remarks


def _remove(
    found: Sequence[Leftover], planes: _Planes, progress: Progress
) -> tuple[list[Leftover], dict[str, BenchError]]:
    """Delete everything; what was, and where that failed. If it ends early, say it at once."""
    deleted: list[Leftover] = []
    if found:
        progress.say(f"deleting {len(found)} of coldbench's")
    try:
        failed = remove_all(planes.of, found, planes.home, deleted.append)
    except BaseException:
        for leftover in deleted:
            progress.say(f"deleted {_words(leftover)}")
        raise
    return deleted, failed


class _Planes:
    """A control plane for each region, made when it is needed, if the region works.

    Raises:
        UsageError: no given region can be used, or there is none.
        Stopped: none works; with the reason of the first.
    """

    def __init__(self, options: CleanOptions) -> None:
        self._options = options
        self._accounts: dict[str, Account] = {}
        self._planes: dict[str, ControlPlane] = {}
        #: Given regions before the one that roles are asked for through.
        self.failed: dict[str, BenchError] = {}
        self.home = self._first_working(options.aws.regions)

    def account(self, region: str) -> Account:
        if region not in self._accounts:
            self._accounts[region] = self._checked(region)
        return self._accounts[region]

    def of(self, region: str) -> ControlPlane:
        if region not in self._planes:
            self._planes[region] = ControlPlane(self.account(region), threading.Event())
        return self._planes[region]

    def _first_working(self, regions: Sequence[str]) -> str:
        for region in regions:
            try:
                return self.account(region).region
            except (MeasurementError, UsageError) as error:
                self.failed[region] = error
        for first in self.failed.values():
            raise first
        account = self._checked(None)
        self._accounts[account.region] = account
        return account.region

    def _checked(self, region: str | None) -> Account:
        aws = self._options.aws
        target = Target(region=region, endpoint_url=aws.endpoint_url, profile=aws.profile)
        account = Account(target, environ=self._options.environ)
        account.check()
        return account


def _is_meant(leftover: Leftover, options: CleanOptions) -> bool:
    if options.run is not None and leftover.run_id != options.run:
        return False
    if options.older_than_s is None:
        return True
    return leftover.is_older_than(options.older_than_s, datetime.datetime.now(datetime.UTC))


def _named_regions(options: CleanOptions, planes: _Planes) -> tuple[str, ...]:
    """The given regions, else the usual one and those that records of this endpoint tell of."""
    if options.aws.regions:
        return options.aws.regions
    home = planes.account(planes.home)
    regions = [planes.home]
    records = options.settings.out / "records"
    for run_id in run_ids(records):
        try:
            record = load_record(records / run_id)
        except RecordError:
            continue  # a damaged record names no region; the roles of its run still do
        if record.backend == "aws" and record.environment["aws"]["endpoint"] == home.endpoint:
            regions.append(str(record.environment["aws"]["region"]))
    return tuple(dict.fromkeys(regions))


def _running(options: CleanOptions) -> frozenset[str]:
    records = options.settings.out / "records"
    return frozenset(run_id for run_id in run_ids(records) if is_in_progress(records / run_id))


def _words(leftover: Leftover) -> str:
    return f"{leftover.kind} {leftover.name} ({leftover.region})"


def _listed(found: Iterable[Leftover], remarks: Iterable[str], what: str) -> str:
    lines = [f"{_words(x)}, of {x.created or 'an unknown time'}: {what}" for x in found]
    return "\n".join([*(lines or ["nothing of coldbench was found"]), *remarks]) + "\n"
