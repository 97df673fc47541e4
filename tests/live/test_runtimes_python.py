"""Real Python functions on the real awslambdaric through ``coldbench invoke``.

Needs the package index once, for the runtime directory.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from invocations import Invoked, coldbench, python_function

from bench.build import BuildCache, runtime_for

pytestmark = pytest.mark.live

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def invoke(directory: Path, source: str, *options: str, manifest: str = "") -> Invoked:
    python_function(directory / "function", source, manifest)
    return coldbench("function", "--event", '{"items": [1]}', *options, cwd=directory)


def test_a_handler_answers(tmp_path: Path) -> None:
    """Event and result go through JSON; what it prints is in the log, between START and END."""
    source = "def handler(event, context):\n    print('hello log')\n    return event\n"

    result = invoke(tmp_path, source)

    assert (result.code, result.body) == (0, {"items": [1]})
    log = result.stderr
    assert log.index("START RequestId") < log.index("hello log") < log.index("END RequestId")


@pytest.mark.parametrize(
    ("handler", "source", "kind"),
    [
        ("app.handler", "import no_such_library\n", "Runtime.ImportModuleError"),
        ("app.handler", "other = None\n", "Runtime.HandlerNotFound"),
        ("app.handler", "def handler(:\n", "Runtime.UserCodeSyntaxError"),
        ("app.", "def handler(event, context): ...\n", "Runtime.HandlerNotFound"),
        ("sys.handler", "def handler(event, context): ...\n", "Runtime.BuiltInModuleConflict"),
    ],
)
def test_the_errors_of_init(tmp_path: Path, handler: str, source: str, kind: str) -> None:
    """Each has Lambda's name for it, in the answer and in the log; init is tried twice."""
    result = invoke(tmp_path, source, manifest=f'runtime = "python"\nhandler = "{handler}"\n')

    assert result.code == 1
    assert result.body["errorType"] == kind
    assert f"[ERROR] {kind}" in result.stderr
    assert f"Phase: init\tStatus: error\tError Type: {kind}" in result.stderr
    assert f"Phase: invoke\tStatus: error\tError Type: {kind}" in result.stderr


def test_an_exception_is_lambdas_json(tmp_path: Path) -> None:
    """Type, message and stack are as Lambda returns them; the request id too."""
    source = "def handler(event, context):\n    raise LookupError('no stock')\n"

    result = invoke(tmp_path, source)

    assert result.code == 1
    assert (result.body["errorType"], result.body["errorMessage"]) == ("LookupError", "no stock")
    assert '/var/task/app.py", line 2, in handler' in result.body["stackTrace"][0]
    assert result.body["requestId"] in result.stderr


def test_one_message_of_several_lines_is_one_entry(tmp_path: Path) -> None:
    """Awslambdaric frames what it logs; its line breaks arrive as they were logged."""
    source = (
        "import logging\nlogging.getLogger().setLevel('INFO')\n"
        "def handler(event, context):\n    logging.info('first\\nsecond')\n"
    )

    result = invoke(tmp_path, source)

    assert result.code == 0
    (entry,) = [line for line in result.stderr.split("[INFO]") if "first" in line]
    assert "\tfirst\nsecond\n" in entry


def test_json_logs(tmp_path: Path) -> None:
    """Function and platform write one JSON record to a line, each with its own fields."""
    source = (
        "import logging\nlog = logging.getLogger()\n"
        "def handler(event, context):\n    log.warning('low stock', extra={'left': 2})\n"
    )

    result = invoke(tmp_path, source, "--log-format", "json")

    records = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    (own,) = [r for r in records if "message" in r]
    kinds = [r["type"] for r in records if "type" in r]
    assert (own["level"], own["message"], own["left"]) == ("WARNING", "low stock", 2)
    assert kinds == ["platform.initStart", "platform.start", "platform.report"]
    assert own["requestId"] == records[-1]["record"]["requestId"]


def test_a_wrapper_starts_the_runtime(tmp_path: Path) -> None:
    """``AWS_LAMBDA_EXEC_WRAPPER`` gets the command of the runtime, and may change what it sees."""
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "wrapper").write_text('#!/bin/sh\nexport FROM_WRAPPER="$#"\nexec "$@"\n')
    (layer / "wrapper").chmod(0o755)
    source = "import os\ndef handler(event, context):\n    return os.environ['FROM_WRAPPER']\n"

    result = invoke(
        tmp_path, source, "--layer", "layer", "--env", "AWS_LAMBDA_EXEC_WRAPPER=/opt/wrapper"
    )

    assert result.code == 0, result.stderr
    assert int(result.body) >= 3


def test_modules_of_layers_are_found_and_the_last_layer_wins(tmp_path: Path) -> None:
    """``python/`` of a layer is on the path; of two with the same file the later one counts."""
    for name in ("one", "two"):
        (tmp_path / name / "python").mkdir(parents=True)
        (tmp_path / name / "python" / "shared.py").write_text(f"NAME = {name!r}\n")
    (tmp_path / "one" / "python" / "first.py").write_text("NAME = 'only in one'\n")
    source = (
        "import first, shared\ndef handler(event, context):\n"
        "    return [first.NAME, shared.NAME, shared.__file__]\n"
    )

    result = invoke(tmp_path, source, "--layer", "one", "--layer", "two")

    assert result.body[:2] == ["only in one", "two"]
    assert result.body[2].endswith("/python/shared.py")


def test_the_context_has_what_the_caller_gave(tmp_path: Path) -> None:
    """Client context, Cognito identity, trace and the rest reach Python's context object."""
    source = (
        "import os\ndef handler(event, context):\n"
        "    return [context.client_context.client.app_title, context.client_context.custom,\n"
        "        context.identity.cognito_identity_id, os.environ['_X_AMZN_TRACE_ID'],\n"
        "        context.function_name, context.memory_limit_in_mb, context.aws_request_id,\n"
        "        context.invoked_function_arn, context.get_remaining_time_in_millis() > 0]\n"
    )

    result = invoke(
        tmp_path,
        source,
        *("--client-context", '{"client": {"app_title": "shop"}, "custom": {"colour": "rot"}}'),
        *("--cognito-identity", '{"cognitoIdentityId": "me", "cognitoIdentityPoolId": "pool"}'),
        *("--trace-id", TRACE, "--function-name", "shop", "--memory", "256"),
    )

    seen = result.body
    assert seen[:4] == ["shop", {"colour": "rot"}, "me", TRACE]
    assert seen[4:6] == ["shop", "256"]
    assert f"START RequestId: {seen[6]}" in result.stderr
    assert seen[7].endswith(":function:shop")
    assert seen[8] is True


def test_snap_start_runs_the_hooks(tmp_path: Path) -> None:
    """The hook before the snapshot runs in init, the one after it in the restore."""
    source = (
        "import os\nfrom snapshot_restore_py import register_after_restore, "
        "register_before_snapshot\nsaid = []\n"
        "register_before_snapshot(said.append, 'before')\n"
        "register_after_restore(said.append, 'after')\n"
        "def handler(event, context):\n"
        "    return [*said, os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']]\n"
    )

    result = invoke(tmp_path, source, "--cpu", "snap-start")

    assert result.body == ["before", "after", "snap-start"]
    assert "RESTORE_START" in result.lines
    assert "\tRestore Duration: " in result.stderr


@pytest.mark.parametrize("minor", ["3.11", "3.12", "3.13", "3.14", "3.15"])
def test_the_interpreter_that_is_asked_for(tmp_path: Path, minor: str) -> None:
    """It runs, reads bytecode of its own, and is named; where it cannot be had that is said."""
    source = (
        "import os, sys\ndef handler(event, context):\n"
        "    cached = os.path.exists(__cached__)\n"
        "    return ['%d.%d' % sys.version_info[:2], os.environ['AWS_EXECUTION_ENV'], cached]\n"
    )
    got = runtime_for(minor, BuildCache()).minor

    result = invoke(tmp_path, source, manifest=f'runtime = "python{minor}"\n')

    assert result.body == [got, f"AWS_Lambda_python{got}", True]
    said = f"coldbench: asks for Python {minor}" in result.stderr
    assert said == (got != minor)
    assert got in (minor, OWN)


def test_plain_python_is_the_running_one(tmp_path: Path) -> None:
    """Without a version it is the interpreter that runs coldbench."""
    source = "import sys\ndef handler(event, context):\n    return sys.version\n"

    assert invoke(tmp_path, source, manifest='runtime = "python"\n').body == sys.version
