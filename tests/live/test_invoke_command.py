"""The edges of ``coldbench invoke``: mistakes, interruptions, full disks, readers that leave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from bootstraps import ANSWER, write_bootstrap
from invocations import Invoked, coldbench
from projects import descendant, eventually, groups_of

pytestmark = pytest.mark.live

ECHO = 'post("invocation/" + request_id + "/response", event)'


@pytest.fixture(name="echo")
def _echo(tmp_path: Path) -> Path:
    """A function that gives back its event."""
    return write_bootstrap(tmp_path / "echo", handler=ECHO)


def invoke(tmp_path: Path, *arguments: str | Path, event: bytes = b"") -> Invoked:
    """Run the command with a build cache of its own."""
    cache = {"COLDBENCH_CACHE": str(tmp_path / "cache")}
    return coldbench(*arguments, cwd=tmp_path, event=event, environment=cache)


def left_behind(tmp_path: Path) -> list[str]:
    """What is in the cache besides finished builds."""
    places = (tmp_path / "cache" / name for name in ("tmp", "scratch", "invoke"))
    return [str(path) for place in places if place.is_dir() for path in place.iterdir()]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "there is no directory `nowhere`"),
        (("empty",), "no function in"),
        (("notes.txt",), "notes.txt` cannot be unpacked"),
        (("damaged.zip",), "cannot be unpacked"),
        (("echo", "--event", "{bad"), "the event is not JSON: "),
        (("echo", "--event", "no-such-event"), "no file, no JSON, and no event of the function"),
        (("echo", "--event", "bad.json"), "bad.json is not JSON"),
        (("echo", "--event", "echo"), "is a directory"),
        (("echo", "--event", "large.json"), "larger than the 6 MB"),
        (("echo", "--memory", "127"), "from 128 to 10,240"),
        (("echo", "--timeout", "soon"), "`--timeout` must be seconds up to 900"),
        (("echo", "--timeout", "901"), "`--timeout` must be seconds up to 900"),
        (("echo", "--repeat", "0"), "`--repeat` must be a whole number"),
        (("echo", "--env", "novalue"), "NAME=VALUE"),
        (("echo", "--env", "A=" + "x" * 4096), "Lambda's limit is 4096"),
        (("echo", "--env", "AWS_REGION=eu-west-1"), "`AWS_REGION`, which Lambda reserves"),
        (("echo", "--variant", "smallest"), "unknown variant"),
        (("echo", "--log-format", "xml"), "log format"),
        (("echo", "--cpu", "much"), "CPU mode"),
        (("echo", "--layer", "nowhere"), "the layer"),
        (("echo", "--layer", "notes.txt"), "neither a directory nor a zip file"),
        (("echo", *("--layer", "echo") * 6), "at most 5"),
        (("echo", "--client-context", "[]"), "must be a JSON object"),
        (("echo", "--client-context", "{"), "`--client-context` is not JSON"),
        (("echo", "--function-name", "a/b"), "no name of a function"),
    ],
)
def test_mistakes_are_explained(
    tmp_path: Path, echo: Path, arguments: tuple[str, ...], words: str
) -> None:
    """Exit 2, one error with a way out where there is one, nothing else, nothing left."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no zip")
    (tmp_path / "damaged.zip").write_bytes(b"PK\3\4 and then nothing")
    (tmp_path / "bad.json").write_text('{"a": }')
    (tmp_path / "large.json").write_bytes(b'"' + b"x" * 6 * 1024 * 1024 + b'"')

    result = invoke(tmp_path, *arguments)

    assert (result.code, result.stdout) == (2, b"")
    assert words in result.stderr
    assert set(result.lines) <= {"error:", "hint:", "coldbench:"}
    assert left_behind(tmp_path) == []


def test_a_zip_with_files_outside_of_it_is_refused(tmp_path: Path) -> None:
    """Nothing is written where no package belongs."""
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("bootstrap", "#!/bin/sh\n")
        archive.writestr("../../outside", "here")

    result = invoke(tmp_path, "evil.zip")

    assert result.code == 2
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize(
    ("event", "body"),
    [
        (b'{"a":  "\xc3\xa9"}', b'{"a":  "\xc3\xa9"}'),
        (b"", b"{}"),
        (b"\xef\xbb\xbf[1]", b"[1]"),
        ('{"a": "é"}'.encode("utf-16"), '{"a": "é"}'.encode()),
        (b"null", b"null"),
    ],
)
def test_an_event_on_stdin(tmp_path: Path, echo: Path, event: bytes, body: bytes) -> None:
    """It arrives as UTF-8 and otherwise untouched; nothing at all is an empty event."""
    result = invoke(tmp_path, "echo", "--event", "-", event=event)

    assert (result.code, result.stdout) == (0, body)


def test_an_event_of_the_largest_size(tmp_path: Path, echo: Path) -> None:
    """6 MB exactly are within the limit, in both directions."""
    event = b'"' + b"x" * (6 * 1024 * 1024 - 2) + b'"'

    assert invoke(tmp_path, "echo", "--event", "-", event=event).stdout == event


@pytest.mark.parametrize("name", ["mine", "events/other.json", "sqs", "17"])
def test_where_an_event_can_be_from(tmp_path: Path, echo: Path, name: str) -> None:
    """An event of the function, a file, the sample of a trigger, or JSON."""
    (echo / "events").mkdir()
    (echo / "events" / "mine.json").write_text('{"from": "mine"}')
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "other.json").write_text('{"from": "other"}')

    body = invoke(tmp_path, "echo", "--event", name).body

    expected = {"mine": "from", "events/other.json": "from", "sqs": "Records"}.get(name)
    assert body == 17 if expected is None else expected in body


def test_a_response_that_nobody_reads(tmp_path: Path, echo: Path) -> None:
    """A reader that left is no error, and no traceback either."""
    pipeline = f"{sys.executable} -m bench invoke echo --repeat 50 | head -c 1"
    command = f"{pipeline}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "COLDBENCH_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, b"{")
    assert b"Traceback" not in done.stderr
    assert b"rror" not in done.stderr


def test_a_full_disk_under_the_output(tmp_path: Path, echo: Path) -> None:
    """What cannot be written is an error with a reason, not with a traceback."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bench", "invoke", "echo"],
            cwd=tmp_path,
            env={**os.environ, "COLDBENCH_CACHE": str(tmp_path / "cache")},
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )

    assert done.returncode == 4
    assert b"error: no space left to write the response" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def _hanging(tmp_path: Path) -> tuple[subprocess.Popen[bytes], psutil.Process]:
    """Start the command on a function that hangs; gives it and the function's process."""
    write_bootstrap(tmp_path / "hanging", handler="time.sleep(60)")
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "invoke", "hanging"],
        cwd=tmp_path,
        env={**os.environ, "COLDBENCH_CACHE": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return process, descendant(process, "/bootstrap")


@pytest.fixture(name="shared")
def _shared() -> Iterator[Path]:
    """A directory that functions see, which those below /tmp are not."""
    directory = Path("/var/tmp") / f"coldbench-test-{os.getpid()}"
    directory.mkdir(exist_ok=True)
    yield directory
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_function(tmp_path: Path, signum: signal.Signals) -> None:
    """Ctrl-C or SIGTERM: exit 130, no process, no group and no file left."""
    process, function = _hanging(tmp_path)

    process.send_signal(signum)
    _, stderr = process.communicate(timeout=20)

    assert process.returncode == 130
    assert b"error: interrupted" in stderr
    assert b"Traceback" not in stderr
    assert not function.is_running()
    assert left_behind(tmp_path) == []
    assert groups_of(process.pid) == []


def test_after_a_kill_the_next_run_cleans_up(tmp_path: Path) -> None:
    """The function dies with the command; files and groups go with the next run."""
    process, function = _hanging(tmp_path)

    process.kill()
    process.communicate(timeout=20)

    eventually(lambda: not function.is_running(), "the end of the function")
    write_bootstrap(tmp_path / "echo", handler=ECHO)
    assert invoke(tmp_path, "echo").code == 0
    assert left_behind(tmp_path) == []
    assert groups_of(process.pid) == []


def test_quiet_says_nothing_but_the_response(tmp_path: Path) -> None:
    """With ``-q`` there is no log at all; with ``--json`` it is in the document all the same."""
    write_bootstrap(tmp_path / "talking", handler='print("hello", flush=True)\n' + ANSWER)

    plain = invoke(tmp_path, "talking", "-q")
    document = json.loads(invoke(tmp_path, "talking", "-q", "--json").stdout)

    assert (plain.stdout, plain.stderr) == (b"{}", "")
    assert "hello\n" in document["log"]


def test_what_a_function_writes_survives_between_invokes_and_not_the_command(
    tmp_path: Path,
) -> None:
    """``/tmp`` is the function's own, empty at first, shared by the invokes of one command."""
    handler = (
        'import json\nbefore = sorted(os.listdir("/tmp"))\nopen("/tmp/mark", "w").close()\n'
        'post("invocation/" + request_id + "/response", json.dumps(before).encode())'
    )
    write_bootstrap(tmp_path / "writer", handler=handler)

    bodies = invoke(tmp_path, "writer", "--repeat", "2").stdout.splitlines()

    first, second = (set(json.loads(body)) for body in bodies)
    assert second - first == {"mark"}
    assert not Path("/tmp/mark").exists()


def test_a_response_that_is_streamed_comes_in_its_pieces(tmp_path: Path, shared: Path) -> None:
    """The first piece is on stdout while the function still waits for leave to send the second."""
    handler = """
head = "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\\r\\n" % request_id
head += "Lambda-Runtime-Function-Response-Mode: streaming\\r\\n"
head += "Transfer-Encoding: chunked\\r\\n\\r\\n"
server.sendall(head.encode() + b"6\\r\\nfirst\\n\\r\\n")
while not os.path.exists({leave!r}):
    time.sleep(0.01)
exchange(b"7\\r\\nsecond\\n\\r\\n0\\r\\n\\r\\n")
"""
    leave = shared / "leave"
    write_bootstrap(tmp_path / "streaming", handler=handler.format(leave=str(leave)))
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "invoke", "streaming"],
        cwd=tmp_path,
        env={**os.environ, "COLDBENCH_CACHE": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    leave.touch()
    rest, _ = process.communicate(timeout=20)

    assert (first, rest, process.returncode) == (b"first\n", b"second\n", 0)


@pytest.mark.parametrize("name", ["größe", "a\nInjected: yes"])
def test_a_directory_that_is_named_otherwise_than_lambda_allows(tmp_path: Path, name: str) -> None:
    """The function's own name, its ARN and its log group have hyphens for what is not allowed."""
    told = (
        'arn = head.split("Function-Arn: ")[1].split("\\r\\n")[0]\n'
        'names = ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_LOG_GROUP_NAME"]\n'
        'told = "|".join([arn.rpartition(":")[2], *map(os.environ.get, names)]).encode()\n'
        'post("invocation/" + request_id + "/response", told)'
    )
    write_bootstrap(tmp_path / name, handler=told)
    allowed = "gr--e" if name == "größe" else "a-Injected--yes"

    result = invoke(tmp_path, name)

    assert result.stdout.decode() == f"{allowed}|{allowed}|/aws/lambda/{allowed}"
