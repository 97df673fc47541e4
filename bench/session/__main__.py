"""The measuring process: runs the trials of a plan and appends them to the record.

Started as ``python -m bench.session ORDER`` by :mod:`bench.session.measurement`, because a process
that spawns must stay small: nothing here imports numpy, pandas, boto3, rich or pytest.
"""

from __future__ import annotations

import contextlib
import gc
import json
import sys
from dataclasses import replace
from pathlib import Path

from bench.backends.local import LocalBackend
from bench.codec import from_json
from bench.errors import BenchError, MeasurementError
from bench.model import Record
from bench.session.dialogue import Narrator, Question, StopPipe, die_with, ignore_signals
from bench.session.session import Session, SessionOrder
from bench.store import LOGS_DIRECTORY, TrialWriter, load_record, seal


def main() -> int:
    """Run the session that the order file describes; the exit code is that of the error, or 0.

    Arguments: the order file, and the process id of the reporting process, which starts this one
    with SIGINT and SIGTERM blocked, so that none comes before there is somebody to take it.
    """
    narrator = Narrator()
    try:
        die_with(int(sys.argv[2]))
        order = from_json(SessionOrder, json.loads(Path(sys.argv[1]).read_bytes()))
        _measure(order, narrator, StopPipe())
    except BenchError as error:
        narrator({"event": "error", "message": error.message, "hint": error.hint})
        return error.exit_code
    finally:
        ignore_signals()
        narrator.flush()
    return 0


def _measure(order: SessionOrder, narrator: Narrator, stop: StopPipe) -> None:
    directory = order.record_directory
    with contextlib.ExitStack() as cleanup:
        writer = TrialWriter(directory)
        cleanup.callback(writer.close)
        record = load_record(directory)
        backend = LocalBackend(
            work_directory=order.work_directory,
            log_directory=directory / LOGS_DIRECTORY,
            pythons=order.pythons,
            cpu_mode=record.plan.cpu_mode,
            warm_invokes=record.plan.warm_invokes,
            stop_fd=stop.fd,
        )
        cleanup.callback(backend.close)
        _check_limits(record, backend)
        facts = dict(record.environment) | {
            "cgroup": backend.cgroups.version,
            "cgroup_reason": backend.cgroups.reason,
            "function_files": backend.file_system,
            "round_trip": backend.round_trip(),
            "pythons": {function: python.version for function, python in order.pythons.items()},
        }
        record = replace(record, environment=dict(sorted(facts.items())))
        question = Question(narrator, sys.stdin.fileno(), stop.fd)
        session = Session(
            record,
            order,
            backend,
            writer,
            narrator,
            stop,
            question,
            keep=lambda header: seal(directory, header),
        )
        cleanup.callback(lambda: seal(directory, session.header))
        gc.collect()
        gc.freeze()
        gc.disable()
        session.run()


def _check_limits(record: Record, backend: LocalBackend) -> None:
    """The cells of a plan with limits must not be measured without, and be called measured.

    Raises:
        MeasurementError: what was there when the plan was made is not there now.
    """
    if record.plan.cpu_mode != "none" and backend.cgroups.version == "none":
        raise MeasurementError(
            f"memory sizes cannot be enforced any more: {backend.cgroups.reason}",
            hint="run with `--cpu none`, or see `coldbench doctor`",
        )


if __name__ == "__main__":
    sys.exit(main())
