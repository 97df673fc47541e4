"""Spawn: from the stamp to the first statement of the program, ours against posix_spawn from C."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bench.emulator.agreement import STAMP_START_NS
from bench.emulator.processes import Launcher, ProcessOrder

_HERE = Path(__file__).parent
#: Between the gate's opening and the look at the result: nothing else may run meanwhile.
_QUIET_S = 0.003
_IDLE_S = 0.0005


def compile_c(directory: Path, name: str, *flags: str) -> Path:
    """Compile one of the C programs beside this file."""
    program = directory / name
    subprocess.run(["cc", "-O2", *flags, "-o", str(program), str(_HERE / f"{name}.c")], check=True)
    return program


class CSpawner:
    """The reference: a C program that does nothing but spawn."""

    def __init__(self, spawner: Path, program: Path, output: Path) -> None:
        self._output = os.open(output, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        gate_read, self._gate = os.pipe()
        self._stamps, stamps_write = os.pipe()
        self._pid = os.posix_spawn(
            spawner,
            [str(spawner), str(program)],
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, gate_read, 0),
                (os.POSIX_SPAWN_DUP2, self._output, 1),
                (os.POSIX_SPAWN_DUP2, stamps_write, 3),
                (os.POSIX_SPAWN_CLOSE, self._gate),
            ],
        )
        os.close(gate_read)

    def spawn_ns(self) -> int:
        """One spawn; from the stamp before posix_spawn to main."""
        os.lseek(self._output, 0, os.SEEK_SET)
        time.sleep(_IDLE_S)
        os.write(self._gate, b"g")
        time.sleep(_QUIET_S)
        (stamp_ns,) = struct.unpack("q", os.read(self._stamps, 8))
        (main_ns,) = struct.unpack("q", os.pread(self._output, 8, 0))
        return int(main_ns - stamp_ns)

    def close(self) -> None:
        """End the program."""
        os.close(self._gate)
        os.waitpid(self._pid, 0)


class OurSpawner:
    """The launcher that every trial uses, the same way as a trial uses it."""

    def __init__(self, program: Path, output: Path) -> None:
        self._launcher = Launcher()
        self._output = output
        self._order = ProcessOrder(
            argv=[str(program)],
            environment={f"VARIABLE_{i}": "value" for i in range(25)},
            directory=output.parent,
            log_path=output,
        )

    def spawn_ns(self) -> int:
        """One spawn; from the stamp before posix_spawn to main."""
        self._output.unlink(missing_ok=True)
        self._launcher.prepare(self._order)
        time.sleep(_IDLE_S)
        self._launcher.open_gate()
        time.sleep(_QUIET_S)
        self._launcher.exited(self._launcher.pid, 5.0)
        (main_ns,) = struct.unpack("q", self._output.read_bytes())
        return int(main_ns - self._launcher.stamps[STAMP_START_NS])

    def close(self) -> None:
        """End the launcher."""
        self._launcher.close()


def paired(
    rounds: int, first: Callable[[], int], second: Callable[[], int]
) -> tuple[list[int], list[int]]:
    """Run both in random order in every round; the first five rounds do not count."""
    draw = random.Random(1)
    firsts, seconds = [], []
    for number in range(rounds + 5):
        if draw.random() < 0.5:
            a, b = first(), second()
        else:
            b, a = second(), first()
        if number >= 5:
            firsts.append(a)
            seconds.append(b)
    return firsts, seconds
