"""A planned run on real Lambda: measured, sealed, judged and reported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.cloud.account import Account
from bench.cloud.copies import Copy
from bench.cloud.run import CloudRun, Manner
from bench.commands.conclusion import conclude
from bench.commands.execution import interruptible, resume_command
from bench.commands.options import RunOptions
from bench.errors import MeasurementError
from bench.model import Record
from bench.progress import Progress


def measured(
    directory: Path,
    record: Record,
    copies: Sequence[Copy],
    account: Account,
    options: RunOptions,
    progress: Progress,
) -> tuple[str, int]:
    """Measure what is left of the plan; the report for stdout and the exit code.

    Raises:
        Interrupted: by a signal.
        MeasurementError: AWS cannot be used any more. The hints of both say how to go on.
    """
    aws = options.aws
    manner = Manner(
        method=aws.method,
        parallel=aws.parallel,
        role=aws.role,
        pin_runtime=aws.pin_runtime,
        probe=aws.probe,
    )
    run = CloudRun(directory, copies, account, manner, observer=progress.event, say=progress.say)
    resume = resume_command(directory, options)
    with interruptible(directory, resume):
        progress.begin(record.plan, len(record.trials))
        try:
            run.measure()
        except MeasurementError as error:
            raise type(error)(
                error.message,
                hint=f"{error.hint or 'the trials so far are kept'}; go on with `{resume}`",
            ) from error
        finally:
            progress.end()
        return conclude(directory, options, progress)
