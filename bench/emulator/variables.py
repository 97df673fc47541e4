"""The environment variables of a function, built from nothing.

Names and values are those of Lambda's documentation ("Using Lambda environment variables"); where
a function has no root directory of its own, paths have the local value. Not a single variable of
the caller gets in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.errors import UsageError

REGION = "us-east-1"
ACCOUNT = "000000000000"
VERSION = "$LATEST"
#: Lambda's limit on the variables of the user, names and values together.
MAX_USER_BYTES = 4_096

#: Names that no user may set: those of AWS's list, and what the runtimes here are told besides.
RESERVED = frozenset(
    {
        "_HANDLER",
        "_LAMBDA_SERVER_PORT",
        "_LAMBDA_TELEMETRY_LOG_FD",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
#: The pattern of the API's model.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]+")

# Credentials that no AWS endpoint accepts: a function under test must not reach an account.
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "ASIACOLDBENCHLOCAL00",
    "AWS_SECRET_ACCESS_KEY": "coldbench-local-secret-which-no-endpoint-accepts",
    "AWS_SESSION_TOKEN": "coldbench-local-session",
}


def function_arn(name: str) -> str:
    """The ARN under which a function sees itself invoked."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def size_bytes(user: Mapping[str, str]) -> int:
    """What counts against :data:`MAX_USER_BYTES`."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in user.items())


def reserved_names(names: Iterable[str]) -> list[str]:
    """Those that Lambda sets itself."""
    return sorted(RESERVED.intersection(names))


def impossible_names(names: Iterable[str]) -> list[str]:
    """Those that Lambda does not take as the name of a variable."""
    return sorted(name for name in names if not _NAME.fullmatch(name))


def check_user(owner: str, user: Mapping[str, str]) -> None:
    """Check the variables that the user gives to the function ``owner``.

    Raises:
        UsageError: they are above Lambda's 4 KB, or one has a name that Lambda reserves or does
            not take.
    """
    size = size_bytes(user)
    if size > MAX_USER_BYTES:
        raise UsageError(
            f"the environment variables of `{owner}` have {size} bytes, Lambda's limit is 4096",
            hint="shorten the [env] table of its function.toml",
        )
    taken = reserved_names(user)
    if taken:
        raise UsageError(
            f"`{owner}` sets {_quoted(taken)}, which Lambda reserves",
            hint="leave them out of `--env` and of the [env] table of its function.toml",
        )
    impossible = impossible_names(user)
    if impossible:
        raise UsageError(
            f"`{owner}` sets {_quoted(impossible)}, which cannot be a variable on Lambda",
            hint="a name has two or more letters, digits and `_`, and begins with a letter",
        )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def of_function(
    *,
    name: str,
    handler: str,
    memory_mb: int,
    runtime_api: str,
    task_root: Path,
    runtime_directory: Path,
    initialization_type: str,
    log_stream: str,
    user: Mapping[str, str],
    managed: Mapping[str, str],
    log_format: str = "Text",
    opt: Path = Path("/opt"),
) -> dict[str, str]:
    """All variables of a function. Those of ``user`` win over unreserved ones.

    ``managed`` are the unreserved ones that a managed runtime adds, from :func:`of_python`.

    Raises:
        UsageError: the user's variables are not those of :func:`check_user`.
    """
    check_user(name, user)
    unreserved = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": f"/usr/local/bin:/usr/bin:/bin:{opt}/bin",
        "LD_LIBRARY_PATH": f"/lib64:/usr/lib64:{runtime_directory}:{runtime_directory}/lib:"
        f"{task_root}:{task_root}/lib:{opt}/lib",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
        "AWS_LAMBDA_LOG_FORMAT": log_format,
    }
    reserved = {
        "_HANDLER": handler,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization_type,
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "LAMBDA_TASK_ROOT": str(task_root),
        "LAMBDA_RUNTIME_DIR": str(runtime_directory),
        **_CREDENTIALS,
    }
    if "PYTHONPATH" in user and "PYTHONPATH" in managed:
        unreserved["PYTHONPATH"] = f"{user['PYTHONPATH']}:{managed['PYTHONPATH']}"
        user = {name: value for name, value in user.items() if name != "PYTHONPATH"}
        managed = {name: value for name, value in managed.items() if name != "PYTHONPATH"}
    return unreserved | dict(managed) | dict(user) | reserved


#: AWS, "Lambda extensions": variables of the runtime's process that extensions do not have.
_NOT_OF_EXTENSIONS = frozenset(
    {
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "_LAMBDA_TELEMETRY_LOG_FD",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
    }
)


def of_extension(function: Mapping[str, str]) -> dict[str, str]:
    """The variables of an external extension, from all those of its function."""
    return {name: value for name, value in function.items() if name not in _NOT_OF_EXTENSIONS}


def of_python(minor: str, runtime_directory: Path, opt: Path | None) -> dict[str, str]:
    """What a managed Python runtime adds; ``opt`` is where the layers are, None without any.

    Lambda's runtime has the layers on ``sys.path`` behind the package and before itself.
    ``AWS_EXECUTION_ENV`` decides how awslambdaric polls and therefore what it imports. Lambda's
    ``/var/task`` is read-only, so no bytecode is ever written there; here the same is asked for.
    """
    packages = f"lib/python{minor}/site-packages"
    layers = () if opt is None else (opt / "python" / packages, opt / "python")
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{minor}",
        "PYTHONPATH": ":".join(str(path) for path in (*layers, runtime_directory)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
