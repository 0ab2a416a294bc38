"""200 means it cannot be lost: real processes, broken on purpose while events pour in.

The normal run is short; CONSERVATION=long plays 200 kills, 100 reloads and a minute without
EventBridge. Each test prints its table.
"""

import contextlib
import errno
import os
import random
import signal
import subprocess
import time

import pytest

from harness import settings
from harness.load import Conservation, Load
from harness.nginx import environment
from harness.standin import error, silence, slow
from harness.waiting import eventually

# One after the other: each keeps the machine busy by itself.
pytestmark = [pytest.mark.volume, pytest.mark.xdist_group("conservation")]

LONG = os.environ.get("CONSERVATION") == "long"
KILLS = 200 if LONG else 40
RELOADS = 100 if LONG else 20
OUTAGE = 60.0 if LONG else 5.0
DRAIN = 120.0  # seconds; only a test that fails waits this long

CONNECTIONS = 100
MANY_IN_FLIGHT = 50
HTTP = "keepalive_requests 1000000;"
BIG = "momento_spool %%DIR%%/spool size=256m segment=1m;"


def settle(load, standin, **extra):
    """Waits until what was acknowledged has arrived, and prints and returns the table."""
    conservation = Conservation(load, standin)
    with contextlib.suppress(AssertionError):  # the table tells more
        conservation.wait(DRAIN)
    table = {**conservation.table(), **extra}
    print("conservation:", ", ".join(f"{name} {value}" for name, value in table.items()))
    assert table["acknowledged"] > 0
    assert table["lost"] == 0, table
    assert table["invented"] == 0, table
    return table


def test_nothing_is_lost_when_workers_and_masters_are_killed(start_webhook, start_standin):
    standin = start_standin(check=0.02)
    standin.always(slow(0.02))  # so that a batch is always under way
    hook = start_webhook(standin, workers=2, http=HTTP, spool=BIG)
    hook.allow(r"worker process \d+ exited on signal 9")
    chance = random.Random(1)
    load = Load(hook.port, CONNECTIONS)
    eventually(lambda: standin.requests, "a batch")
    busy = masters = 0
    answered = 0
    for _ in range(KILLS):
        # Between kills something must get through, or nothing is shown.
        eventually(lambda seen=answered: load.count(200) > seen + 20, "answers")
        eventually(lambda: load.in_flight >= MANY_IN_FLIGHT, "requests in flight")
        time.sleep(chance.uniform(0, 0.05))
        outstanding = len(standin.requests)
        busy += load.in_flight >= MANY_IN_FLIGHT
        if chance.random() < 0.2:
            masters += 1
            hook.kill()
            hook.start_again()
        else:
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(chance.choice(hook.workers()), signal.SIGKILL)
            eventually(lambda: len(hook.workers()) >= 2, "a new worker")
        assert outstanding > 0
        answered = load.count(200)
    load.stop()
    table = settle(load, standin, kills=KILLS, masters=masters, busy=busy)
    assert busy >= KILLS / 2, f"only {busy} kills met {MANY_IN_FLIGHT} requests in flight"
    # What one process had in flight: at most connections x entries; really far fewer.
    assert table["duplicates"] <= KILLS * 640


def test_nothing_is_lost_and_nobody_refused_over_reloads(start_webhook, start_standin):
    standin = start_standin(check=0.02)
    standin.always(slow(0.01))
    hook = start_webhook(standin, workers=2, http=HTTP, spool=BIG)
    load = Load(hook.port, CONNECTIONS, pause=0.005)
    for _ in range(RELOADS):
        seen = load.count(200)
        hook.reload()
        eventually(lambda before=seen: load.count(200) > before, "answers")
    load.stop()
    table = settle(load, standin, reloads=RELOADS)
    assert table["refused"] == 0
    assert table["duplicates"] == 0


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def as_daemon(hook):
    """nginx in the background: in the foreground it takes no new binary. Gives its pid."""
    hook.stop()
    configuration = hook.path("nginx.conf")
    configuration.write_text(configuration.read_text().replace("daemon off;", "daemon on;"))
    subprocess.run([settings.NGINX_BINARY, "-p", hook.directory, "-c", configuration,
                    "-e", hook.path("error.log")], check=True,
                   env=environment(hook.directory, hook.env))
    yield hook.master()
    last = hook.master()
    os.kill(last, signal.SIGQUIT)
    eventually(lambda: not is_alive(last), "nginx's end")


def test_nothing_is_lost_over_a_binary_upgrade(start_webhook, start_standin):
    standin = start_standin(check=0.02)
    hook = start_webhook(standin, workers=2, http=HTTP, spool=BIG)
    with as_daemon(hook) as old:
        load = Load(hook.port, CONNECTIONS, pause=0.005)
        eventually(lambda: load.count(200) > 200, "answers")
        os.kill(old, signal.SIGUSR2)
        eventually(lambda: hook.master() != old, "the new master")
        os.kill(old, signal.SIGQUIT)
        eventually(lambda: not is_alive(old), "the old master's end")
        seen, delivered = load.count(200), len(standin.accepted)
        # The new workers have the credentials that only the old master was given.
        eventually(lambda: load.count(200) > seen + 200, "answers of the new workers")
        standin.wait_for_entries(delivered + 200)
        load.stop()
        table = settle(load, standin)
    assert table["refused"] == 0


def test_nothing_is_lost_while_eventbridge_is_away(start_webhook, start_standin):
    standin = start_standin(check=0.02)
    hook = start_webhook(standin, workers=2, http=HTTP, spool=BIG)
    load = Load(hook.port, CONNECTIONS, pause=0.02)
    eventually(lambda: load.count(200) > 200, "answers")
    standin.unreachable()
    time.sleep(OUTAGE / 2)  # the length of the outage is what is tested
    seen = load.count(200)
    standin.open()
    standin.always(error("ServiceUnavailable", 503))
    time.sleep(OUTAGE / 2)
    assert load.count(200) > seen, "webhooks are answered while EventBridge is away"
    standin.always(slow(0.0))
    load.stop()
    table = settle(load, standin, outage_s=OUTAGE)
    assert table["refused"] == 0


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_nothing_is_lost_while_the_disk_fails(start_webhook, start_standin, disk, number):
    standin = start_standin(check=0.02)
    hook = start_webhook(standin, workers=2, http=HTTP, spool=BIG, disk=disk)
    hook.allow(r"\[alert\].*momento: ")
    load = Load(hook.port, CONNECTIONS, pause=0.005)
    for _ in range(3):
        eventually(lambda seen=load.count(200): load.count(200) > seen + 100, "answers")
        refused = load.count(503)
        disk.fails(number)
        eventually(lambda seen=refused: load.count(503) > seen + 20, "refusals")
        disk.works()
    eventually(lambda seen=load.count(200): load.count(200) > seen + 100, "recovery by itself")
    load.stop()
    table = settle(load, standin)
    assert table["refused"] == sum(status == 503 for status in load.outcomes.values())


def test_nothing_is_lost_while_the_disk_hangs(start_webhook, start_standin, disk):
    standin = start_standin(check=0.02)
    hook = start_webhook(standin, "momento_webhook_timeout 500ms;", workers=1, http=HTTP,
                         spool=BIG, disk=disk,
                         server="location = /other { return 200 other; }")
    load = Load(hook.port, 20, pause=0.005)
    eventually(lambda: load.count(200) > 100, "answers")
    disk.hangs()
    eventually(lambda: load.count(503) > 20, "refusals after the timeout")
    # Nothing else on the worker notices.
    assert hook.get("/other").body == b"other"
    disk.works()
    eventually(lambda seen=load.count(200): load.count(200) > seen + 50, "recovery by itself")
    load.stop()
    table = settle(load, standin)
    assert table["late"] > 0, "what hung became durable after its 503"


@pytest.fixture
def small_file_system(tmp_path):
    """A file system of 24 MB, full soon. Needs root and mount."""
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "tmpfs", place],
                          capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {done.stderr.decode().strip()}")
    for directory in (tmp_path, *list(tmp_path.parents)[:3]):
        with contextlib.suppress(PermissionError):
            directory.chmod(0o755)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_nothing_is_lost_when_the_file_system_is_full(start_webhook, start_standin,
                                                      small_file_system):
    standin = start_standin(check=0.02)
    standin.unreachable()
    hook = start_webhook(
        standin, workers=1, http=HTTP,
        spool=f"momento_spool {small_file_system}/spool size=256m segment=1m;")
    load = Load(hook.port, CONNECTIONS)
    eventually(lambda: load.count(503) > 100, "refusals once it is full", patience=300)
    standin.open()
    eventually(lambda seen=load.count(200): load.count(200) > seen + 100, "recovery by itself")
    load.stop()
    hook.allow(r"\[alert\].*momento: ")
    settle(load, standin)


def test_a_log_that_has_reached_its_bound_refuses_and_recovers(start_webhook, start_standin):
    standin = start_standin(check=0.02)
    standin.unreachable()
    hook = start_webhook(standin, workers=1, http=HTTP,
                         spool="momento_spool %%DIR%%/spool size=4m segment=1m;")
    load = Load(hook.port, CONNECTIONS)
    eventually(lambda: load.count(503) > 100, "refusals once it is full")
    standin.open()
    eventually(lambda seen=load.count(200): load.count(200) > seen + 100, "recovery by itself")
    load.stop()
    settle(load, standin)


def test_an_end_while_the_bus_says_nothing_loses_nothing(start_webhook, start_standin):
    standin = start_standin()
    standin.always(silence())
    hook = start_webhook(standin, settings="timeout total=10m;")
    assert hook.send().status == 200
    standin.wait_for_requests(1)
    hook.stop()  # which would not wait ten minutes
    standin.always(slow(0.0))
    hook.start_again()
    standin.wait_for_entries(1)
