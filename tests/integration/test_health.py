"""momento_status health, as a load balancer reads it: each reason there is, made to happen."""

import os
import pathlib
import re

import pytest

from harness import preload
from harness import standin as aws
from harness.endings import DELIVERY, ENDS_ITS_WRITER
from harness.events import documented_event
from harness.gate import REPLAY, ZONE
from harness.vault import Vault
from harness.waiting import eventually

STATUS = """
    location = /health { momento_status health; access_log off; }
    location = /metrics { momento_status prometheus; access_log off; }
"""
SMALL_SPOOL = "momento_spool %%DIR%%/spool size=4m segment=1m;"
LARGE = "x" * 200_000


@pytest.fixture(name="start")
def start_with_health(start_webhook):
    def start(standin=None, location="", **parts):
        return start_webhook(standin, location, server=STATUS, **parts)

    return start


def reasons_of(hook):
    """Reason -> what it is about, as health has it."""
    answer = hook.get("/health")
    body = answer.json()
    assert (answer.status == 503) == (body["status"] == "failing"), body
    assert (body["status"] == "ok") == (body == {"status": "ok"}), body
    return {each["reason"]: each.get("destination", each.get("zone"))
            for each in body.get("reasons", ())}


def becomes(hook, status, reason=None, about=None):
    """Waits until health says just this, and holds the other forms of the status against it."""
    expected = {reason: about} if reason else {}
    eventually(lambda: reasons_of(hook) == expected, f"health to be {status}, {reason}: "
               + hook.get("/health").body.decode())
    answer = hook.get("/health")
    assert answer.json()["status"] == status
    assert answer.status == (503 if status == "failing" else 200)
    assert hook.status()["health"] == answer.json()
    metrics = hook.get("/metrics").body.decode()
    named = dict(re.findall(r'^momento_health\{reason="(\w+)"\} (\d)$', metrics, re.M))
    assert [name for name, value in named.items() if value == "1"] == list(expected)


def well(hook):
    becomes(hook, "ok")


# What takes a node out


@pytest.mark.smoke
def test_no_secret(start):
    vault = Vault()
    vault.put("hooks", "1234567890")
    vault.always(aws.plain(503))
    try:
        hook = start(secret="secretsmanager:hooks", env=vault.environment(), workers=2)
        hook.allow(r'\[alert\].*secret "hooks" cannot be fetched')
        becomes(hook, "failing", "no_secret")
        vault.always(vault.tell)
        well(hook)
    finally:
        vault.close()


def test_disk_failing(start, disk):
    hook = start(disk=disk)
    assert hook.send().status == 200
    well(hook)
    hook.allow(r"\[alert\].*momento: ")
    disk.fails()
    assert hook.send().status == 503
    becomes(hook, "failing", "disk_failing", "bus")
    disk.works()
    eventually(lambda: hook.send().status == 200, "a disk that works")
    well(hook)


def fill(hook, patience=200):
    """Sends events until one is refused."""
    for _ in range(patience):
        if hook.send(documented_event(text=LARGE)).status == 503:
            return
    raise AssertionError("the log is never full")


def test_log_full(start, standin):
    standin.always(aws.error("AccessDeniedException"))
    hook = start(standin, spool=SMALL_SPOOL)
    fill(hook)
    eventually(lambda: reasons_of(hook) == {"log_full": "bus", "on_hold": "bus"}, "a full log")
    assert hook.get("/health").status == 503

    # The log of a destination that is not configured any more refuses nobody.
    hook.allow(r"\[alert\].*orphans")
    parts = {name: hook.parts[name].replace(old, new) for name, old, new in (
        ("http", "momento_destination bus", "momento_destination hub"),
        ("server", "momento_webhook bus", "momento_webhook hub"))}
    hook.reload(**parts)
    becomes(hook, "degraded", "orphans")


def test_delivery_stalled(start, clock, delivery):
    hook = start(env=preload.merged(clock.environment(), delivery.environment()), workers=2,
                 location="momento_webhook_timeout 1h;")
    assert hook.send().status == 200
    hook.events(1)
    well(hook)
    # It is time that counts, and no step: whoever steps is seen to do so.
    clock.advance(31)
    well(hook)

    delivery.hold()
    assert hook.send().status == 200  # durable all the same
    eventually(lambda: (clock.advance(1), reasons_of(hook))[1] == {"delivery_stalled": None},
               "a delivery that stands still")
    becomes(hook, "failing", "delivery_stalled")
    delivery.let_go()
    well(hook)
    assert len(hook.events(2)) == 2


def begun_anew(hook, times):
    eventually(lambda: hook.error_log().count("all has begun anew") == times, "a new beginning")


def test_thread_ended(start, standin, clock, endings):
    hook = start(standin, env=preload.merged(clock.environment(), endings.environment()))
    hook.allow(r"\[alert\].*momento: .*thread")
    # While it is at work on no slot.
    endings.end(DELIVERY)
    begun_anew(hook, 1)
    well(hook)
    endings.end(DELIVERY)
    becomes(hook, "failing", "thread_ended")
    clock.advance(60)
    begun_anew(hook, 2)
    well(hook)


def test_delivery_that_cannot_be_started(start, threads):
    threads.refuse()
    hook = start(env=threads.environment())
    hook.allow(r"\[alert\].*momento: (cannot start a thread|the gateway could not be started)")
    assert hook.send().status == 503
    becomes(hook, "failing", "delivery_stalled")


def test_replay_zone_full(start):
    hook = start(location=REPLAY + "momento_webhook_max_age 1h;",
                 http="momento_replay_zone signatures 32k;")
    hook.allow(r"\[alert\].*momento: the replay zone \"signatures\" is full")
    zone, = hook.status()["replay_zones"]
    statuses = [hook.send(documented_event(text=str(number))).status
                for number in range(2 * zone["capacity"])]
    assert set(statuses) == {200, 503}
    becomes(hook, "failing", "replay_zone_full", "signatures")


# What needs a person, and loses nothing: every node would say so at once


@pytest.mark.smoke
def test_on_hold(start, standin):
    standin.always(aws.error("AccessDeniedException"))
    hook = start(standin)
    assert hook.send().status == 200
    becomes(hook, "degraded", "on_hold", "bus")
    standin.always(aws.succeed)
    hook.reload()  # which tries again at once
    standin.wait_for_entries(1)
    well(hook)


def test_unreadable(start, standin):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to somebody else")
    standin.unreachable()
    hook = start(standin)
    hook.allow(r"\[alert\].*momento: .*cannot be read")
    assert hook.send().status == 200
    hook.stop()
    cursor, = hook.path("spool/bus").glob("*/cursor")
    owner = cursor.stat()
    os.chown(cursor, 0, 0)
    cursor.chmod(0o600)
    standin.open()
    hook.start_again()
    becomes(hook, "degraded", "unreadable", "bus")
    os.chown(cursor, owner.st_uid, owner.st_gid)
    standin.wait_for_entries(1)
    well(hook)


def test_unreachable(start, standin):
    standin.unreachable()
    hook = start(standin)
    assert hook.send().status == 200
    becomes(hook, "degraded", "unreachable", "bus")
    standin.open()
    standin.wait_for_entries(1)
    well(hook)


@pytest.mark.parametrize("name, instead", [
    ("hub", "momento_destination hub { eventbridge other;"),
    ("bus", "momento_destination bus { file %%DIR%%/bus.json; }"
            "momento_destination hub { eventbridge other;"),
])
def test_bus_missing(start, standin, name, instead):
    standin.missing.add("default")
    hook = start(standin)
    hook.allow(r'\[alert\].*event bus "default" does not exist')
    becomes(hook, "degraded", "bus_missing", "bus")
    # Nobody looks it up any more, and it is nobody's trouble.
    hook.reload(
        http=hook.parts["http"].replace("momento_destination bus { eventbridge default;",
                                        instead),
        server=hook.parts["server"].replace("momento_webhook bus", f"momento_webhook {name}"))
    well(hook)


def test_clock_wrong(start, standin):
    standin.clock_offset = 3600.0
    hook = start(standin)
    assert hook.send().status == 200
    standin.wait_for_entries(1)
    becomes(hook, "degraded", "clock_wrong", "bus")


def test_dead_letters_full(start):
    hook = start(spool=SMALL_SPOOL, destinations="""
        momento_destination bus { file %%DIR%%/bus.json; dead_letter file size=4m; }""")
    number = 0
    while hook.send(documented_event(cache=None, text=f"{number} {LARGE}")).status == 400:
        number += 1
        assert number < 200, "the letters are never full"
    becomes(hook, "degraded", "dead_letters_full")
    assert hook.send().status == 200


def test_orphans(start, standin):
    standin.unreachable()
    hook = start(standin)
    assert hook.send().status == 200
    hook.allow(r"\[alert\].*orphans")
    hook.reload(
        http=hook.parts["http"].replace("momento_destination bus", "momento_destination hub"),
        server=hook.parts["server"].replace("momento_webhook bus", "momento_webhook hub"))
    becomes(hook, "degraded", "orphans")


def test_slot_set_aside(start, standin, endings):
    hook = start(standin, env=endings.environment())
    hook.allow(r"\[alert\].*momento: (a thread ended: |slot .* is set aside)")
    assert hook.send(documented_event(text=ENDS_ITS_WRITER)).status in (200, 503)
    begun_anew(hook, 1)
    becomes(hook, "degraded", "slot_set_aside")
    hook.reload()  # which gives it another chance
    well(hook)


# The reference


def test_every_reason_has_its_line_in_the_reference_and_its_test(start):
    hook = start(location=REPLAY, http=ZONE)
    metrics = hook.get("/metrics").body.decode()
    reasons = re.findall(r'^momento_health\{reason="(\w+)"\} 0$', metrics, re.M)
    assert reasons
    reference = pathlib.Path(__file__).parents[2].joinpath("ngx_module/README.md").read_text()
    lines = re.findall(r"^\| `(\w+)` \| (503|200) \| ", reference, re.M)
    assert [name for name, _ in lines] == reasons
    assert all(f"test_{reason}" in globals() for reason in reasons)
