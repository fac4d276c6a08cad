"""Running a measurement in a process of its own, so that its CPU and memory are its own too."""

from __future__ import annotations

import importlib
import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MEGABYTE = 1e6


class ChildError(Exception):
    """A measuring process failed; the message holds what it said."""


def in_child(function: str, **given: Any) -> dict[str, Any]:
    """What `module:function(**given)` gives, called in a fresh interpreter, and `peak_mb`: its peak memory there.

    Arguments and result are JSON values. Raises ChildError.
    """
    command = [sys.executable, "-m", "tests.bench.child", function, json.dumps(given)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ChildError(f"{function} failed:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@contextmanager
def service(function: str, **given: Any) -> Iterator[str]:
    """A service in a process of its own: `module:function` prints its address and serves until its input ends."""
    command = [sys.executable, "-m", "tests.bench.child", function, json.dumps(given)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            if not address:
                raise ChildError(f"{function} did not start")
            yield address
        finally:
            process.stdin.close()
            process.wait(30)


def peak_memory() -> float:
    """This process's peak resident memory in bytes.

    Linux hands `ru_maxrss` on from the parent through exec, so its own high-water mark is read where there is one.
    """
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    except OSError:
        found = None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(found[1]) * 1024 if found else peak * (1 if sys.platform == "darwin" else 1024)


def main(function: str, given: str) -> None:
    module, _, name = function.partition(":")
    result = getattr(importlib.import_module(module), name)(**json.loads(given))
    if result is not None:
        sys.stdout.write(json.dumps({**result, "peak_mb": peak_memory() / MEGABYTE}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
