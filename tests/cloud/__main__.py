"""``python -m tests.cloud``: many seeded lives with faults at every call, and kills in between.

``--seeds N`` runs of ``--first`` and later seeds; ``--kills N``: one run is killed with -9 so
often, at random points, and resumed; ``--endpoint-url URL`` runs the same plan on another endpoint
too, without faults.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parent))
from tests.cloud import kills, life
from tests.cloud.scripted_lambda import ScriptedLambda


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cloud", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--share", type=float, default=0.1, help="of the calls that get a fault")
    parser.add_argument("--endpoint-url", help="one life there too: `coldbench serve`, LocalStack")
    arguments = parser.parse_args()
    os.environ |= life.ENVIRON
    with tempfile.TemporaryDirectory(prefix="coldbench-cloud-") as name:
        scratch = Path(name)
        if arguments.endpoint_url:
            _elsewhere(scratch, arguments.endpoint_url)
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            began = time.monotonic()
            made, resumed = seeded_life(scratch / f"seed-{seed}", seed, arguments.share)
            print(
                f"seed {seed}: {made} faults, resumed {resumed} times,"
                f" {time.monotonic() - began:.1f} s: complete and clean",
                flush=True,
            )
        if arguments.kills:
            count, resumed = kills.killed_and_resumed(scratch / "kills", arguments.kills)
            print(f"{count} trials, killed and resumed {resumed} times: complete and clean")
    return 0


def seeded_life(scratch: Path, seed: int, share: float) -> tuple[int, int]:
    """One life with faults; gives the number of faults and of resumed sessions."""
    faults = life.faults(seed, share)
    faults.enabled = False
    with ScriptedLambda(faults=faults) as endpoint:
        observer = life.Observer(endpoint.url)
        observer.make_decoys()
        before = observer.state()
        directory = scratch / "records" / f"20261120-000000-{seed:04x}"
        life.new_record(directory, run_id=directory.name, seed=seed)
        faults.enabled = True
        resumed = life.until_complete(directory, endpoint.url)
        life.clean(endpoint.url)
        faults.enabled = False
        life.check_complete(directory)
        assert observer.state() == before, "something was left, or something foreign was touched"
        return len(faults.injected), resumed


def _elsewhere(scratch: Path, url: str) -> None:
    directory = scratch / "elsewhere" / "20261120-000000-e15e"
    life.new_record(directory, run_id=directory.name)
    life.run(directory, url)
    life.check_complete(directory)
    assert life.clean(url, directory.name) == 0, "the run has left something"
    print(f"{url}: complete and clean", flush=True)


if __name__ == "__main__":
    sys.exit(main())
