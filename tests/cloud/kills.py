"""A run as a process of its own, killed with -9 at random points and resumed until complete."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from bench.store import load_record
from tests.cloud import life
from tests.cloud.scripted_lambda import ScriptedLambda

_LONGEST_S = 2.5
#: What may be in flight when a run is killed: invoked, and not yet on record.
_PARALLEL = 8
#: So that there is something left to kill.
_ROUNDS = 12


def killed_and_resumed(scratch: Path, kills: int, seed: int = 1) -> tuple[int, int]:
    """Kill a run so many times, resume it, check it; gives trials and resumed sessions."""
    draw = random.Random(seed)
    with ScriptedLambda() as endpoint:
        observer = life.Observer(endpoint.url)
        observer.make_decoys()
        before = observer.state()
        directory = scratch / "records" / "20261120-000000-9999"
        life.new_record(directory, run_id=directory.name, round_count=_ROUNDS)
        killed = 0
        for _ in range(kills):
            process = _start(directory, endpoint.url)
            time.sleep(draw.uniform(0.3, _LONGEST_S))
            killed += process.poll() is None
            process.kill()
            process.wait()
        last = _start(directory, endpoint.url)
        assert last.wait() == 0, "the last session failed"
        life.check_complete(directory)
        trials = len(load_record(directory).trials)
        # A trial has a cold and a warm invoke; what was in flight at a kill is measured again.
        wasted = sum(endpoint.invokes.values()) - 2 * trials
        assert wasted <= 2 * _PARALLEL * killed, f"{wasted} invokes measured something again"
        life.clean(endpoint.url)
        assert observer.state() == before, "something was left, or something foreign was touched"
        return trials, killed


def _start(directory: Path, url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cloud.kills", str(directory), url],
        env={**os.environ, **life.ENVIRON},
        cwd=Path(__file__).parent.parent.parent,
    )


def main() -> int:
    directory, url = Path(sys.argv[1]), sys.argv[2]
    if not load_record(directory).complete:
        life.run(directory, url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
