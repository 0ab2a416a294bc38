"""momento_status: it balances whatever happened, and every metric is there."""

import json
import os
import re
import signal
import subprocess

import pytest

from harness.events import documented_event
from harness.load import Load
from harness.parked import Parked
from harness.standin import error, partial, silence, succeed
from harness.waiting import eventually
from harness.webhook import eventbridge, webhook

REFUSED = "MalformedDetail"
PROMETHEUS = "location = /metrics { momento_status prometheus; }"
KEPT = "keepalive_requests 1000000;"


def balance(numbers):
    """Both sides of a destination's balance, once nothing is in flight."""
    came = numbers["appended"] + numbers["recovered"] + numbers["redriven"]
    went = (numbers["delivered"] + numbers["dead"] + numbers["spool_damaged"]
            + numbers["pending"])
    return came, went


def settled(hook, name="bus", pending=0):
    """A destination's numbers once just so many events are pending."""
    numbers = {}

    # Counters change one after the other: a look may fall in between.
    def balances():
        numbers.update(hook.numbers(name))
        came, went = balance(numbers)
        return numbers["pending"] == pending and came == went

    try:
        eventually(balances, f"a balance with {pending} pending events")
    except AssertionError as problem:
        raise AssertionError(f"{problem}: {numbers}") from None
    return numbers


def received(hook):
    """Webhooks by verdict, over all locations."""
    verdicts = {}
    for location in hook.status()["webhooks"]:
        for verdict, count in location["requests"].items():
            verdicts[verdict] = verdicts.get(verdict, 0) + count
    return verdicts


def test_every_webhook_has_one_verdict(start_webhook, standin):
    hook = start_webhook(standin, workers=3)
    for number in range(30):
        assert hook.send(documented_event(text=str(number))).status == 200
    for _ in range(4):
        assert hook.send(secret="wrong").status == 403
        assert hook.post("/momento", documented_event()).status == 403
        assert hook.send(documented_event(age_ms=3_600_000)).status == 403
        assert hook.send(documented_event(age_ms=-3_600_000)).status == 403
        assert hook.send(b"[]").status == 400
    verdicts = received(hook)
    assert sum(verdicts.values()) == 50
    assert {name: count for name, count in verdicts.items() if count} == {
        "accepted": 30, "forged": 4, "unsigned": 4, "stale": 4, "early": 4, "malformed": 4}
    numbers = settled(hook)
    assert (numbers["appended"], numbers["delivered"], numbers["dead"]) == (34, 30, 4)
    assert numbers["dead_reasons"] == {"malformed": 4}


def test_events_balance_over_reloads_and_kills(start_webhook, start_standin, momentoctl):
    standin = start_standin(check=0.1)
    standin.always(partial(
        lambda entry: REFUSED if json.loads(entry["Detail"])["text"].endswith("7") else None))
    hook = start_webhook(standin, workers=3, http=KEPT)
    load = Load(hook.port, 40, pause=0.002)

    def more(count=200):
        seen = load.count(200)
        eventually(lambda: load.count(200) > seen + count, "answers")

    for _ in range(3):
        more()
        hook.kill_worker()
        more()
        hook.reload()
    load.stop()

    numbers = settled(hook)
    assert numbers["recovered"] == 0  # found by a worker that is not the first to see them
    assert numbers["dead"] == sum(numbers["dead_reasons"].values())
    answered = [status for status in load.outcomes.values() if status is not None]
    unknown = len(load.outcomes) - len(answered)
    assert set(answered) == {200}
    assert len(answered) <= numbers["appended"] <= len(answered) + unknown
    assert numbers["delivered"] >= len(set(standin.details()))
    # A worker that was killed had judged what nobody was told of.
    assert len(answered) <= sum(received(hook).values()) <= len(load.outcomes)

    standin.always(succeed)
    done = momentoctl("dead", "redrive", hook.path("spool"))
    redriven = int(re.fullmatch(r'redriven: (\d+) to "bus"\n', done.stdout.decode()).group(1))
    # A kill between a letter and its release makes another letter.
    assert redriven >= numbers["dead"]
    eventually(lambda: hook.numbers()["redriven"] == redriven, "the redriven events")
    assert settled(hook)["delivered"] == numbers["delivered"] + redriven


def test_events_balance_when_all_processes_were_killed(start_webhook, standin):
    standin.unreachable()
    hook = start_webhook(standin, workers=2)
    for _ in range(20):
        assert hook.send().status == 200
    assert settled(hook, pending=20)["appended"] == 20
    hook.kill()
    hook.start_again()
    # Counters are a new nginx's own; what is on disk is found.
    eventually(lambda: hook.numbers()["recovered"] == 20, "recovered events")
    standin.open()
    numbers = settled(hook)
    assert (numbers["appended"], numbers["recovered"], numbers["delivered"]) == (0, 20, 20)


def test_events_balance_when_a_reload_changes_the_destinations(start_webhook, start_standin):
    one, two = start_standin(), start_standin()
    hook = start_webhook(one, workers=2)
    for _ in range(10):
        assert hook.send().status == 200
    settled(hook)
    old = dict(hook.parts)

    # One more, and a second location.
    hook.reload(http=old["http"] + eventbridge(two, "hub"),
                server=old["server"] + webhook(destination="hub", path="= /hub"))
    for _ in range(5):
        assert hook.send().status == 200
        assert hook.send(path="/hub").status == 200
    assert settled(hook)["appended"] == 15
    assert settled(hook, "hub")["appended"] == 5

    # The first one goes, with an event that nobody has taken yet.
    one.unreachable()
    assert hook.send().status == 200
    hook.allow(r"\[alert\].*orphans")
    hook.reload(http=old["http"].replace("momento_destination bus", "momento_destination hub"),
                server=old["server"].replace("momento_webhook bus", "momento_webhook hub"))
    assert hook.send().status == 200
    assert settled(hook, pending=1)["delivered"] == 15
    eventually(lambda: hook.status()["orphaned_events"] == 1, "the orphan")
    orphan, = hook.status()["orphans"]
    assert orphan["spool"] == str(hook.path("spool"))
    assert orphan["destination"] == "bus"
    assert re.fullmatch(r"[0-9a-f]{16}", orphan["slot"])
    assert orphan["events"] == 1
    assert orphan["bytes"] > 0

    # And comes back. What waits for the other one is delivered before that goes.
    one.open()
    assert settled(hook, "hub")["delivered"] == 6
    hook.reload(**old)
    assert settled(hook)["delivered"] == 16
    eventually(lambda: hook.status()["orphaned_events"] == 0, "no orphan")
    assert sum(received(hook).values()) == 22


def test_gauges_forget_a_worker_that_was_killed(start_webhook, standin):
    standin.always(error("AccessDeniedException"))
    hook = start_webhook(standin, workers=2)
    for _ in range(6):
        assert hook.send().status == 200
    eventually(lambda: hook.numbers()["held"] == 6, "held events")
    for _ in range(3):
        hook.kill_worker()
        # Whoever adopts them finds out for itself.
        eventually(lambda: hook.numbers()["held"] == 6, "the same events, held again")
    standin.always(succeed)
    assert settled(hook)["delivered"] == 6
    eventually(lambda: hook.numbers()["held"] == 0, "nothing held")


def test_an_open_breaker_ends_with_its_worker(start_webhook, standin):
    standin.unreachable()
    hook = start_webhook(standin)
    assert hook.send().status == 200
    eventually(lambda: hook.numbers()["breaker_open"] == 1, "an open breaker")
    hook.kill_worker()
    # The next one adopts the event and finds out for itself: two would be one too many.
    for _ in range(50):
        assert hook.numbers()["breaker_open"] <= 1
    eventually(lambda: hook.numbers()["breaker_open"] == 1, "an open breaker")
    standin.open()
    settled(hook)
    eventually(lambda: hook.numbers()["breaker_open"] == 0, "a closed breaker")


def test_gauges_forget_an_old_worker_that_was_killed(start_webhook, start_standin):
    # Nobody takes its place: the master starts no other for one that was to end.
    standin = start_standin()
    standin.always(silence())
    hook = start_webhook(standin, "momento_webhook_ack delivered; momento_webhook_timeout 1h;")
    parked = Parked(hook)
    eventually(lambda: hook.status()["parked"] == 1, "a parked request")
    hook.reload()
    old, = hook.exiting_workers()
    assert hook.status()["parked"] == 1
    hook.allow(rf"worker process {old} exited on signal 9")
    os.kill(old, signal.SIGKILL)
    eventually(lambda: hook.status()["parked"] == 0, "nobody parked")
    parked.leave()
    standin.always(succeed)
    settled(hook)


def test_health_forgets_the_failing_disk_of_a_worker_that_was_killed(start_webhook, disk):
    hook = start_webhook(
        disk=disk, server="location = /health { momento_status health; }")
    assert hook.send().status == 200
    assert hook.get("/health").status == 200
    hook.allow(r"\[alert\].*momento: ")
    disk.fails()
    assert hook.send().status == 503
    unhealthy = hook.get("/health")
    assert (unhealthy.status, unhealthy.json()["status"]) == (503, "failing")
    disk.works()
    hook.kill_worker()
    assert hook.get("/health").status == 200


def test_health_fails_while_a_log_cannot_be_opened(start_webhook):
    hook = start_webhook(server="location = /health { momento_status health; }")
    hook.allow_faults()
    hook.allow(r"may hold orphans and is left alone: cannot open directory")
    spool = hook.path("spool")
    mode = spool.stat().st_mode
    spool.chmod(0)
    assert hook.send().status == 503
    eventually(lambda: hook.get("/health").status == 503, "a health that fails")
    assert hook.numbers()["spool_failing"]
    spool.chmod(mode)
    eventually(lambda: hook.send().status == 200, "an accepted event")
    eventually(lambda: hook.get("/health").status == 200, "a health that is well")


# Prometheus

METRICS = {
    "momento_webhook_requests_total", "momento_webhook_parked",
    "momento_events_appended_total", "momento_events_recovered_total",
    "momento_events_redriven_total", "momento_events_delivered_total",
    "momento_events_retried_total", "momento_events_late_total", "momento_events_dead_total",
    "momento_events_pending", "momento_events_held", "momento_unreadable_events",
    "momento_oldest_pending_seconds",
    "momento_delivery_requests_total", "momento_delivery_seconds",
    "momento_delivery_breaker_open", "momento_spool_bytes", "momento_spool_limit_bytes",
    "momento_sync_seconds", "momento_spool_poisoned_total", "momento_spool_damaged_total",
    "momento_dead_letter_bytes", "momento_orphaned_events", "momento_secret_matches_total",
    "momento_secret_age_seconds", "momento_build_info", "momento_clock_offset_seconds",
    "momento_credentials_expiry_seconds", "momento_bus_missing", "momento_bus_watched", "momento_replay_entries",
    "momento_replay_capacity", "momento_replay_full_total", "momento_health",
}

# Only with credentials that expire.
SOMETIMES = {"momento_credentials_expiry_seconds"}


@pytest.fixture
def busy(start_webhook, start_standin):
    """An nginx whose status has something of everything."""
    standin = start_standin()
    standin.answer(partial({0: REFUSED}))
    hook = start_webhook(standin, "momento_webhook_replay signatures;",
                         http="momento_replay_zone signatures 1m;",
                         server=PROMETHEUS)
    for _ in range(3):
        assert hook.send().status == 200
    assert hook.send(b"{}").status == 400
    settled(hook)
    return hook


def test_every_metric_is_there_with_its_help_and_type(busy):
    text = busy.get("/metrics").body.decode()
    helps = re.findall(r"^# HELP (\S+) \S", text, re.M)
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    assert METRICS <= set(helps)
    assert sorted(helps) == sorted(types)
    samples = {re.sub(r"_(bucket|sum|count)$", "", name) if types.get(name) is None else name
               for name in re.findall(r"^(momento_\w+)", text, re.M)}
    assert METRICS - SOMETIMES <= samples
    for name, kind in types.items():
        assert (kind == "counter") == name.endswith("_total"), name
        assert (kind == "histogram") == (name in ("momento_delivery_seconds",
                                                  "momento_sync_seconds")), name


def test_promtool_finds_nothing_wrong(busy, promtool):
    text = busy.get("/metrics").body
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True,
                          check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b""), text.decode()


def test_the_accept_header_chooses(start_webhook):
    hook = start_webhook(server="location = /any { momento_status; }")
    assert hook.get("/any").json()["version"]
    text = hook.get("/any", {"Accept": "application/openmetrics-text;q=0.8, text/plain;q=0.5"})
    assert text.headers["content-type"] == "text/plain; version=0.0.4"
    assert text.body.startswith(b"# HELP ")
    assert hook.get("/any", {"Accept": "*/*"}).headers["content-type"] == "application/json"
    assert hook.post("/any").status == 405
