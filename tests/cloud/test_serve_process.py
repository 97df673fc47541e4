"""``coldbench serve`` from its start to its end, with and without a state directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from bench.config import user_cache
from bench.emulator.cgroups import detect, enter_v2

from .conftest import Aws
from .serve_process import served

pytestmark = pytest.mark.live

SLEEP = "import time\ndef handler(e, c): time.sleep(e.get('s', 0)); return 'awake'"


def leftovers(pid: int) -> list[str]:
    """Scratch directories of endpoints, and cgroups and children of a process that is gone."""
    parents = set(enter_v2(detect()).parents.values())
    groups = [str(p) for parent in parents for p in parent.glob(f"coldbench-{pid}-*")]
    stats = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            text = path.read_bytes()
        except OSError:
            continue
        if f"coldbench-test-{pid}".encode() in text:
            stats.append(str(path))
    return [*groups, *stats]


def scratch_directories() -> set[Path]:
    return set((user_cache(os.environ) / "serve").glob("endpoint-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_also_in_the_middle_of_an_invoke(
    number: signal.Signals,
) -> None:
    """Exit code 0, and neither processes nor cgroups nor directories are left."""
    before = scratch_directories()
    with served() as serve:
        pid = serve.process.pid
        aws = Aws(serve.url)
        mark = {"Variables": {"MARK": f"coldbench-test-{pid}"}}
        name = aws.deploy(SLEEP, Environment=mark)
        aws.client("lambda").invoke(FunctionName=name)
        held = threading.Thread(target=_ignore, args=(aws, name))
        held.start()
        time.sleep(1)

        code = serve.stop(number)
        held.join()

    assert code == 0
    assert leftovers(pid) == []
    assert scratch_directories() <= before


def _ignore(aws: Aws, name: str) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"s": 15}))
    except (BotoCoreError, ClientError):
        return


def test_what_a_killed_endpoint_leaves_the_next_one_removes() -> None:
    """After SIGKILL functions end by themselves; the next start removes cgroups and scratch."""
    with served() as first:
        pid = first.process.pid
        aws = Aws(first.url)
        mark = {"Variables": {"MARK": f"coldbench-test-{pid}"}}
        name = aws.deploy(SLEEP, Environment=mark)
        aws.client("lambda").invoke(FunctionName=name)
        during = scratch_directories()
        first.stop(signal.SIGKILL)
    time.sleep(1)
    with served() as second:
        after = scratch_directories()
        second.stop(signal.SIGTERM)

    assert during - after
    assert leftovers(pid) == []


def test_functions_survive_a_restart_with_a_state_directory(tmp_path: Path) -> None:
    """Code, configuration, versions, aliases, tags and layers are there again and run."""
    state = str(tmp_path / "state")
    with served("--state", state) as first:
        aws = Aws(first.url)
        client = aws.client("lambda")
        name = aws.deploy(SLEEP, FunctionName="kept", MemorySize=640, Tags={"a": "b"})
        client.publish_version(FunctionName=name)
        client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=7)
        first.stop(signal.SIGKILL)
    with served("--state", state) as second:
        client = Aws(second.url).client("lambda")
        found = client.get_function(FunctionName="kept")
        answer = client.invoke(FunctionName="kept", Qualifier="live")
        again = client.publish_version(FunctionName="kept")["Version"]

    assert found["Configuration"]["MemorySize"] == 640
    assert found["Tags"] == {"a": "b"}
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 7}
    assert (answer["ExecutedVersion"], json.load(answer["Payload"])) == ("1", "awake")
    assert again == "1"


def test_a_damaged_state_is_an_error_with_advice(tmp_path: Path) -> None:
    """Exit code 2, the file's name, and nothing is overwritten."""
    (tmp_path / "state.json").write_text("{")

    done = subprocess.run(
        [sys.executable, "-m", "bench", "serve", "--port", "0", "--state", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "state.json cannot be restored" in done.stderr
    assert (tmp_path / "state.json").read_text() == "{"


def test_a_port_in_use_is_an_error_with_advice() -> None:
    """Exit code 2, and `--port 0` as the way out."""
    with served() as first:
        port = first.url.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "bench", "serve", "--port", port],
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert "--port 0" in done.stderr


def test_an_address_that_others_reach_is_warned_about() -> None:
    """`--host 0.0.0.0` says that whoever reaches it can run programs here."""
    with served("--host", "0.0.0.0") as serve:
        assert serve.process.stderr is not None
        second_line = serve.process.stderr.readline()

    assert "can run programs here" in second_line


def test_a_profile_that_does_not_exist_does_not_matter() -> None:
    """The endpoint needs no credentials, whatever AWS_PROFILE says."""
    environ = {**os.environ, "AWS_PROFILE": "nobody"}
    with served(environ=environ) as serve:
        aws = Aws(serve.url)
        name = aws.deploy(SLEEP)

        answer = aws.client("lambda").invoke(FunctionName=name)

    assert json.load(answer["Payload"]) == "awake"


def test_a_service_that_there_is_not_is_named_as_such(aws: Aws) -> None:
    """Not an internal failure: a client error that says so."""
    with pytest.raises(ClientError, match="no such service"):
        aws.client("pricing").get_products(ServiceCode="AWSLambda")
