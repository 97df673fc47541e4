"""Real functions of aws-lambda-go through ``coldbench invoke``: answers, failures, ends.

Needs the Go toolchain, and the module of aws-lambda-go once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from invocations import Invoked, coldbench, program

pytestmark = pytest.mark.live

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
CLIENT = {"client": {"app_title": "shop"}, "custom": {"colour": "red"}, "env": {}}
IDENTITY = {"cognitoIdentityId": "us-east-1:me", "cognitoIdentityPoolId": "us-east-1:pool"}


@pytest.fixture(name="function", scope="module")
def _function(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module of test programs; it is built once."""
    return program("go_runtime", tmp_path_factory.mktemp("go") / "runtime")


def invoke(function: Path, event: object, *options: str) -> Invoked:
    return coldbench(function, "--event", json.dumps(event), *options, cwd=function)


def test_a_handler_answers(function: Path) -> None:
    """What it returns is on stdout, to the byte, and the platform lines on stderr."""
    result = invoke(function, {"do": "nothing"})

    assert (result.code, result.stdout) == (0, b'{"do":"nothing"}')
    assert result.lines[-4:] == ["INIT_START", "START", "END", "REPORT"]
    assert "Init Duration: " in result.stderr


@pytest.mark.parametrize(("do", "body"), [("text", b"plain text"), ("bytes", b"\x00\xff\xfe")])
def test_a_reader_is_the_response_as_it_is(function: Path, do: str, body: bytes) -> None:
    """An ``io.Reader`` is neither encoded nor quoted, whatever is in it."""
    result = invoke(function, {"do": do})

    assert (result.code, result.stdout) == (0, body)


def test_an_error_is_lambdas_json_and_the_environment_lives_on(function: Path) -> None:
    """The type is that of the Go error; the second invoke needs no second init."""
    result = invoke(function, {"do": "error"}, "--repeat", "2")

    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert result.code == 1
    assert first == second == {"errorMessage": "no stock", "errorType": "errorString"}
    assert result.lines.count("INIT_START") == 1


def test_a_panic_has_its_stack_and_ends_the_runtime(function: Path) -> None:
    """Go reports the panic with its stack, exits with 1, and is started again."""
    result = invoke(function, {"do": "panic"}, "--repeat", "2")

    errors = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.code == 1
    assert [e["errorMessage"] for e in errors] == ["shelf fell down"] * 2
    assert "handle" in {frame["label"] for frame in errors[0]["stackTrace"]}
    assert result.lines.count("INIT_START") == 2
    assert "Status: error\tError Type: Runtime.ExitError" in result.stderr


def test_an_exit_in_the_handler(function: Path) -> None:
    """Without a word the runtime is gone: Lambda's own error says how."""
    result = invoke(function, {"do": "exit"})

    assert result.code == 1
    assert result.body["errorType"] == "Runtime.ExitError"
    assert result.body["errorMessage"].endswith("Runtime exited with error: exit status 7")


@pytest.mark.parametrize(("mode", "status"), [("exit", 3), ("panic", 2)])
def test_an_init_that_fails(function: Path, mode: str, status: int) -> None:
    """Go tells nobody of it: init is tried twice, and the exit is all that is known."""
    result = invoke(function, {}, "--env", f"MODE={mode}")

    assert result.code == 1
    assert result.body["errorType"] == "Runtime.ExitError"
    assert result.body["errorMessage"].endswith(f"exit status {status}")
    assert result.stderr.count("no database") == 2
    assert [line for line in result.lines if line.startswith("INIT")] == [
        "INIT_START",
        "INIT_REPORT",
        "INIT_START",
        "INIT_REPORT",
    ]
    assert "Phase: init\tStatus: error\tError Type: Runtime.ExitError" in result.stderr
    assert "Phase: invoke\tStatus: error\tError Type: Runtime.ExitError" in result.stderr


def test_sigterm_comes_before_the_end(function: Path) -> None:
    """``WithEnableSIGTERM`` registers an extension, and so has time for its last words."""
    result = invoke(function, {}, "--env", "MODE=sigterm")

    assert (result.code, result.body) == (0, {"do": ""})
    assert "GoLangEnableSIGTERM" in result.stderr
    assert "goodbye" in result.stderr


def test_a_streamed_response_comes_whole(function: Path) -> None:
    """``lambdaurl`` sends a prelude and then the pieces, which stdout gets as they are."""
    result = coldbench(function, "--event", "function-url", "--env", "MODE=url", cwd=function)

    assert result.code == 0
    prelude, pieces = result.stdout.split(b"\0" * 8)
    assert json.loads(prelude)["statusCode"] == 200
    assert pieces == b"piece 0\npiece 1\npiece 2\n"


def test_a_reader_that_fails_between_two_pieces(function: Path) -> None:
    """Go announces the error in trailers behind the body, and goes on to the next event."""
    result = invoke(function, {"do": "broken"}, "--repeat", "2")

    errors = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.code == 1
    assert [e["errorMessage"] for e in errors] == ["the source ran dry"] * 2
    assert result.lines.count("INIT_START") == 1


def _context(result: Invoked) -> dict[str, Any]:
    assert result.code == 0, result.stderr
    found: dict[str, Any] = result.body
    return found


def test_the_context_has_what_the_caller_gave(function: Path) -> None:
    """Client context, Cognito identity and trace reach Go's context object."""
    result = invoke(
        function,
        {"do": "context"},
        *("--client-context", json.dumps(CLIENT), "--cognito-identity", json.dumps(IDENTITY)),
        *("--trace-id", TRACE, "--function-name", "shop-front", "--memory", "512"),
    )

    seen = _context(result)
    assert (seen["application"], seen["custom"]) == ("shop", {"colour": "red"})
    assert (seen["identity"], seen["pool"]) == ("us-east-1:me", "us-east-1:pool")
    assert seen["trace"] == TRACE
    assert (seen["name"], seen["memory_mb"], seen["deadline"]) == ("shop-front", 512, True)
    assert seen["arn"].endswith(":function:shop-front")
    assert f"START RequestId: {seen['request_id']}" in result.stderr
    assert "XRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793" in result.stderr


def test_the_context_without_a_caller(function: Path) -> None:
    """What was not given is not there; a trace there always is."""
    seen = _context(invoke(function, {"do": "context"}))

    assert (seen["application"], seen["custom"], seen["identity"]) == ("", None, "")
    assert seen["trace"].startswith("Root=1-")
    assert seen["trace"].endswith(";Sampled=0")
