"""Signals that come at bad moments, and often."""

from __future__ import annotations

import subprocess
import sys

from plugin.cli.signals import StopSignal

# A signal comes at every single line that is run while the program begins to wait, handlers of earlier ones included.
STORM = """
import signal, sys, threading
from plugin.cli.signals import stop_signal

def storm(frame, event, arg):
    signal.raise_signal(signal.SIGTERM)
    return storm

stop = stop_signal()
threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
sys.settrace(storm)
stop.wait()
sys.settrace(None)
print("ended")
"""

# The system hands the signal to a thread that is not the main one, which sleeps on.
ELSEWHERE = """
import signal, threading, time
from plugin.cli.signals import stop_signal

def hit() -> None:
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(60)

stop = stop_signal()
threading.Thread(target=hit, daemon=True).start()
stop.wait()
print("ended")
"""


def test_signals_at_every_moment_end_the_wait_and_hang_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", STORM], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("ended\n", "", 0)


def test_a_signal_that_another_thread_got_ends_the_wait() -> None:
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("ended\n", "", 0)


def test_one_that_came_before_is_not_waited_for() -> None:
    stop = StopSignal()
    assert not stop.is_set()
    stop.set()
    stop.set()
    stop.wait()
    stop.wait()
    assert stop.is_set()
