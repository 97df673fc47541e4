"""``coldbench mine``: cold starts that production has already measured."""

from __future__ import annotations

import json

from bench.commands.options import MineOptions
from bench.errors import UsageError
from bench.mining.invokes import Mine
from bench.mining.saved import read_saved
from bench.mining.summary import Mined, markdown, summarise, words_of_unread

_LAMBDA_PREFIX = "/aws/lambda/"


def execute(options: MineOptions) -> tuple[str, int]:
    """Read logs and give the figures as Markdown or JSON.

    Raises:
        RecordError: a file that is no log.
        UsageError: no REPORT line was found, or there is no such log group.
        MeasurementError: AWS refuses.
    """
    mine = Mine()
    if options.files:
        read_saved(options.files, mine)
        mined = summarise(mine)
    else:
        mined = _from_aws(options, mine)
    if not mined.groups:
        raise nothing(mine, method=None if options.files else options.method)
    if options.json:
        return json.dumps(mined.as_json(), indent=2, ensure_ascii=False) + "\n", 0
    return markdown(mined), 0


def nothing(mine: Mine, *, method: str | None) -> UsageError:
    """What to say when there is nothing to sum up; ``method`` is None for saved logs."""
    message = f"there is no REPORT line in {mine.lines:,} log events"
    if mine.unread:
        message += f": {words_of_unread(mine)}"
    why = "the logs are not of Lambda, or their log level hides platform events"
    if method is None:
        return UsageError(message, hint=why)
    events = ", or `--method events`" if method == "insights" else ""
    return UsageError(message, hint=f"a longer `--since`{events}; or {why}")


def _from_aws(options: MineOptions, mine: Mine) -> Mined:
    from bench.cloud.account import Account, Target
    from bench.mining.cloudwatch import read_group
    from bench.mining.xray import init_subsegments

    aws = options.aws
    traces: dict[str, dict[str, float | None]] = {}
    for region in aws.regions or (None,):
        target = Target(region=region, endpoint_url=aws.endpoint_url, profile=aws.profile)
        account = Account(target, environ=options.environ)
        for group in options.log_groups:
            read_group(account, group, mine, since_s=options.since_s, method=options.method)
            if options.xray:
                name = group.removeprefix(_LAMBDA_PREFIX)
                found = init_subsegments(account, name, since_s=options.since_s)
                traces |= {f"{name} {part}": figures for part, figures in found.items()}
    warnings: tuple[str, ...] = ()
    if options.method == "insights":
        warnings = ("proactive inits are not told apart by Logs Insights; `--method events` does",)
    return summarise(mine, traces=traces, warnings=warnings)
