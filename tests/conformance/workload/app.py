"""Work of known kinds, for checking the CPU law: the event says which, and how much."""

import os
import time


def spin(iterations):
    """A fixed amount of work that stays in registers and the first-level cache."""
    value = 1
    for _ in range(iterations):
        value = value * 1103515245 + 12345 & 0x7FFFFFFF
    return value


def burn(cpu_ms):
    """Work for so much CPU time, however fast the processor is just now."""
    end = time.thread_time() + cpu_ms / 1e3
    while time.thread_time() < end:
        spin(100)


def busy(event):
    end = time.monotonic() + event["seconds"]
    while time.monotonic() < end:
        spin(200)


def fixed(event):
    spin(event["iterations"])


def work(event):
    burn(event["cpu_ms"])


def memory(event):
    """Copy through more memory than the caches hold, for so much CPU time."""
    size, piece = 32_000_000, 128_000
    source, target = memoryview(bytes(size)), memoryview(bytearray(size))
    end = time.thread_time() + event["cpu_ms"] / 1e3
    while True:
        for start in range(0, size, piece):
            target[start : start + piece] = source[start : start + piece]
            if time.thread_time() >= end:
                return


def light(event):
    """Steps of work, each with a wait after it, as of a function that talks to services."""
    for cpu_ms, wait_ms in event["steps"]:
        burn(cpu_ms)
        time.sleep(wait_ms / 1e3)


def crash(event):
    os._exit(1)


def hang(event):
    time.sleep(3600)


def exhaust(event):
    block = []
    while True:
        block.append(bytearray(8_000_000))


def daemon(event):
    """Leave a process behind that has left our process group and session."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(0)
    os.wait()
    with open("/tmp/left-behind", "wb") as file:
        file.write(b"x" * 1_000_000)


def children(event):
    """Start processes until there are no more to be had, then fail."""
    while True:
        if os.fork() == 0:
            time.sleep(3600)


burn(float(os.environ.get("INIT_CPU_MS", "0")))
KINDS = {
    "busy": busy,
    "fixed": fixed,
    "work": work,
    "memory": memory,
    "light": light,
    "crash": crash,
    "hang": hang,
    "exhaust": exhaust,
    "daemon": daemon,
    "children": children,
}


def handler(event, context):
    KINDS[event["kind"]](event)
    return "done"
