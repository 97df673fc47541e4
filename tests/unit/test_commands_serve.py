"""``coldbench serve``: its options, and addresses that cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--port", "abc"), "`--port abc` is not a port from 0 to 65535"),
        (("--port", "70000"), "`--port 70000` is not a port from 0 to 65535"),
        (("--concurrency", "0"), "`--concurrency 0` is not a whole number from 1 on"),
        (("--idle", "soon"), "`--idle soon` is not a duration"),
        (("--retry-delays", "1,x"), "`--retry-delays 1,x` is not durations"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_option(
    arguments: tuple[str, str], words: str
) -> None:
    """Exit code 2, the option, the value, and what it should be."""
    done = serve(*arguments)

    assert done.returncode == 2
    assert words in done.stderr


def test_an_address_of_another_machine_has_no_advice_about_ports() -> None:
    """Exit code 2, and the advice is about `--host`."""
    done = serve("--host", "999.1.1.1", "--port", "0")

    assert done.returncode == 2
    assert "cannot listen on 999.1.1.1" in done.stderr
    assert "`--host` is an address of this machine" in done.stderr


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", "serve", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
        timeout=60,
    )
