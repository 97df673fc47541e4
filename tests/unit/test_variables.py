"""The environment of a function: what its user may put in, and what its extensions do not get."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.emulator import variables
from bench.errors import UsageError


def _of(user: dict[str, str], log_format: str = "Text") -> dict[str, str]:
    return variables.of_function(
        name="shop",
        handler="app.handler",
        memory_mb=128,
        runtime_api="127.0.0.1:9001",
        task_root=Path("/var/task"),
        runtime_directory=Path("/var/runtime"),
        initialization_type="on-demand",
        log_stream="stream",
        user=user,
        managed={},
        log_format=log_format,
    )


@pytest.mark.parametrize(
    "name",
    [
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_METADATA_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "_LAMBDA_TELEMETRY_LOG_FD",
    ],
)
def test_reserved_names_are_refused(name: str) -> None:
    """Also those that this function would not have been given."""
    with pytest.raises(UsageError, match=f"`shop` sets `{name}`, which Lambda reserves"):
        _of({name: "x"})


def test_everything_that_is_set_for_a_function_is_reserved_or_the_users() -> None:
    """A user's value for a name of ours is refused, or the function sees it."""
    ours = set(_of({})) - variables.RESERVED
    user = dict.fromkeys(ours, "mine")

    assert _of(user).items() >= user.items()


@pytest.mark.parametrize("name", ["1ST", "MY-NAME", "MY.NAME", "_MINE", "A", "", "ÄNDERN", "A B"])
def test_names_that_lambda_does_not_take(name: str) -> None:
    """The pattern of its API wants a letter, and one or more letters, digits or underscores."""
    with pytest.raises(UsageError, match="cannot be a variable on Lambda"):
        _of({name: "x"})


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_LAMBDA_EXEC_WRAPPER", "a1", "LANG"])
def test_names_that_are_free(name: str) -> None:
    """A user may point an SDK elsewhere, or set what is only a default."""
    assert _of({name: "x"})[name] == "x"


def test_a_user_may_choose_the_log_format_of_the_runtime() -> None:
    """It is not among the reserved names; without it the runtime is told that of the log."""
    assert _of({"AWS_LAMBDA_LOG_FORMAT": "JSON"})["AWS_LAMBDA_LOG_FORMAT"] == "JSON"
    assert _of({}, "JSON")["AWS_LAMBDA_LOG_FORMAT"] == "JSON"


def test_extensions_do_not_get_what_is_the_runtimes() -> None:
    """Not its handler, and not the descriptor for its records."""
    function = {**_of({"KEY_NAME": "x"}), "_LAMBDA_TELEMETRY_LOG_FD": "62"}

    extension = variables.of_extension(function)

    assert {"_HANDLER", "LAMBDA_TASK_ROOT", "_LAMBDA_TELEMETRY_LOG_FD"}.isdisjoint(extension)
    assert extension["KEY_NAME"] == "x"
