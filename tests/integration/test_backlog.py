"""Very many events: what a backlog costs in memory, and one event that fails beside all others.

CONSERVATION=long plays a million. Each test prints its numbers.
"""

import os
import pathlib
import re

import pytest

from harness.events import documented_event
from harness.volume import Sink, load
from harness.waiting import eventually

pytestmark = [pytest.mark.volume, pytest.mark.xdist_group("conservation")]

EVENTS = 1_000_000 if os.environ.get("CONSERVATION") == "long" else 100_000
PATIENCE = EVENTS / 500  # seconds; only a test that fails waits this long
HTTP = "keepalive_requests 10000000; access_log off;"
MOST_GROWTH = 40 << 20  # bytes


@pytest.fixture
def start_sink():
    running = []

    def start(**settings_):
        sink = Sink(**settings_)
        running.append(sink)
        sink.open()
        return sink

    yield start
    for sink in running:
        sink.close()


def resident(pid):
    """Bytes of memory a process has: its own, and of libraries and shared memory what it
    uses. Files it reads stand in the page cache, which is not the process's."""
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Rss: +(\d+) kB", rollup, re.M).group(1)) << 10


def mib(size):
    return f"{size / (1 << 20):.1f}"


def wait_for_pending(hook, count):
    eventually(lambda: hook.numbers()["pending"] == count, f"{count} pending events", PATIENCE)


def test_memory_does_not_grow_with_the_backlog(start_webhook, start_sink):
    sink = start_sink()
    hook = start_webhook(sink, workers=1, http=HTTP,
                         spool="momento_spool %%DIR%%/spool size=2g;")
    worker, = hook.workers()
    assert load(hook.port, 10_000)["refused"] == 0
    wait_for_pending(hook, 0)
    without = resident(worker)

    sink.close()
    assert load(hook.port, EVENTS)["accepted"] == EVENTS
    wait_for_pending(hook, EVENTS)
    waiting = resident(worker)

    sink.open()
    most = waiting

    def drained():
        nonlocal most
        most = max(most, resident(worker))
        return hook.numbers()["pending"] == 0

    eventually(drained, "the backlog's end", PATIENCE)
    print(f"memory: with no event {mib(without)} MiB, with {EVENTS} pending {mib(waiting)}, at "
          f"most {mib(most)} while they were delivered")
    assert waiting - without < MOST_GROWTH
    assert most - without < MOST_GROWTH
    assert sink.counts()["entries"] >= EVENTS
    assert hook.workers() == [worker]


def test_one_event_that_fails_holds_up_nothing(start_webhook, start_sink):
    sink = start_sink(refused="poison")
    hook = start_webhook(sink, workers=1, http=HTTP,
                         spool="momento_spool %%DIR%%/spool size=1g segment=1m;")
    assert hook.send(documented_event(text="poison")).status == 200
    eventually(lambda: sink.counts()["refused"] > 0, "its first refusal")
    most_bytes = 0
    for _ in range(10):
        assert load(hook.port, EVENTS // 10)["accepted"] == EVENTS // 10
        most_bytes = max(most_bytes, hook.numbers()["spool_bytes"])
    wait_for_pending(hook, 1)
    eventually(lambda: sink.counts()["entries"] == EVENTS, "all others")
    bytes_left = hook.numbers()["spool_bytes"]

    refused = sink.counts()["refused"]
    hook.kill()
    hook.start_again()
    eventually(lambda: hook.numbers()["recovered"] > 0, "recovery")
    eventually(lambda: sink.counts()["refused"] > refused, "another attempt")
    wait_for_pending(hook, 1)
    recovered = hook.numbers()["recovered"]
    again = sink.counts()["entries"] - EVENTS
    print(f"one of {EVENTS + 1} events fails: it was sent {refused} times; the log took at most "
          f"{mib(most_bytes)} MiB, and {mib(bytes_left)} at the end; after a kill {recovered} "
          f"was pending, and {again} of the others were sent again")
    # What the cursor's window holds, behind the event that fails, and some segments.
    assert most_bytes < 32 << 20
    assert bytes_left < 32 << 20
    assert recovered == 1
    assert again == 0
