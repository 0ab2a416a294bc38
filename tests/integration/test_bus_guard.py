"""A bus that does not exist: EventBridge takes its events, says that all is well, and drops
them. moto refuses them instead; the stand-in does as EventBridge."""

import json

import pytest

from harness.events import documented_event, signed
from harness.load import Conservation, Load
from harness.waiting import PATIENCE, eventually
from harness.webhook import PATH, Webhook

# Seconds, at most: until a bus is looked up again, until a missing one is, and until what is on
# hold is tried again.
LOOK = 66
EAGER_LOOK = 11
HOLD = 30


def bus_of(nginx):
    return nginx.status()["destinations"][0]["bus"]


def test_nothing_is_sent_to_a_bus_that_is_missing_at_the_start(start_webhook, standin, clock):
    standin.missing.add("default")
    nginx = start_webhook(standin, workers=2, env=clock.environment())
    nginx.allow(r'\[alert\].*event bus "default" does not exist')
    for number in range(5):
        assert nginx.send(documented_event(text=str(number))).status == 200
    nginx.wait_for_log(r'\[alert\].*destination "bus": event bus "default" does not exist, its '
                       r"events are held: make it, or correct its name")
    eventually(lambda: bus_of(nginx) == "missing", "the status")
    assert not standin.requests

    standin.missing.clear()
    clock.advance(EAGER_LOOK)
    nginx.wait_for_log(r'event bus "default" exists again')
    clock.advance(HOLD)
    standin.wait_for_entries(5)
    eventually(lambda: bus_of(nginx) == "present", "the status")
    assert not standin.swallowed


def test_one_worker_asks_for_all(start_webhook, standin):
    nginx = start_webhook(standin, workers=4)
    for number in range(20):
        assert nginx.send(documented_event(text=str(number))).status == 200
    standin.wait_for_entries(20)
    assert len(standin.looks) == 1
    nginx.reload()
    assert nginx.send(documented_event(text="after the reload")).status == 200
    standin.wait_for_entries(21)
    assert len(standin.looks) == 1


def test_another_accounts_bus_is_told_of_and_gets_its_events(start_webhook, standin):
    arn = "arn:aws:events:us-west-2:999988887777:event-bus/theirs"
    standin.missing.add(arn)  # it is there, but not for us to look up
    nginx = start_webhook(
        standin, destinations=f"momento_destination bus {{ eventbridge {arn}; "
                              f"endpoint {standin.endpoint}; }}")
    assert nginx.send().status == 200
    standin.wait_for_requests(1)
    nginx.wait_for_log(r"\[error\].*may not be looked up \(it is of account 999988887777\)")


def test_a_bus_deleted_and_made_again_under_load_gets_all_from_its_discovery_on(
        start_webhook, standin, clock):
    """What AWS does: from its deletion on the bus takes every event with success, and drops it.
    Nobody but AWS knows what is sent before the next look, up to a minute later: these events
    are lost, as the README says, and cannot be counted as ours to keep. All others are."""
    nginx = start_webhook(
        standin, workers=2, env=clock.environment(),
        # Time passes for what is under way, too.
        location="momento_webhook_timeout 1h;", settings="timeout connect=60s total=10m;")
    nginx.allow(r'\[alert\].*event bus "default" does not exist')
    load = Load(nginx.port, connections=8, pause=0.005)
    try:
        standin.wait_for_entries(100)
        standin.missing.add("default")
        standin.wait_for(lambda it: len(it.swallowed) >= 50, "events that AWS drops")
        clock.advance(LOOK)
        nginx.wait_for_log(r"event bus .default. does not exist, its events are held")
        # Whatever is accepted from here on is ours to keep.
        discovery = max(list(load.outcomes))
        eventually(lambda: load.count(200) > discovery + 100, "events without a bus")
        assert bus_of(nginx) == "missing"

        standin.missing.clear()
        clock.advance(EAGER_LOOK)
        nginx.wait_for_log(r"event bus .default. exists again")
        clock.advance(HOLD)
        eventually(lambda: load.count(200) > discovery + 300, "events on the new bus")
    finally:
        load.stop()
    swallowed = {int(json.loads(entry["Detail"])["text"]) for entry in standin.swallowed}
    assert max(swallowed) <= discovery
    assert set(load.outcomes.values()) == {200}
    Conservation(load, standin).wait(PATIENCE, but_for=swallowed)


@pytest.mark.xdist_group("moto")
def test_a_bus_deleted_and_made_again_under_load_loses_nothing(start_nginx, moto, clock):
    bus = moto.create_bus()
    actions = ("events:PutEvents", "events:DescribeEventBus")
    nginx = start_nginx(
        Webhook, env={**moto.environment(*actions), **clock.environment()},
        location="momento_webhook_timeout 1h;",
        # moto is slow: one small request after the other.
        destinations=f"momento_destination bus {{ eventbridge {bus.name}; "
                     f"endpoint {moto.endpoint}; connections 1; batch entries=3; "
                     f"timeout connect=60s total=10m; }}")
    nginx.allow(r"\[alert\].*event bus .* does not exist")
    load = Load(nginx.port, connections=2, pause=0.3)
    try:
        eventually(lambda: load.count(200) >= 5, "some events")
        bus.delete()
        nginx.wait_for_log(r"is on hold \(ResourceNotFoundException")
        before = load.count(200)
        eventually(lambda: load.count(200) >= before + 5, "events while there is no bus")
        # No event may come before the rule is there: none would let it through.
        moto.allow(nginx.env["AWS_ACCESS_KEY_ID"], "events:DescribeEventBus")
        clock.advance(HOLD)
        nginx.wait_for_log(r"on hold.*\(AccessDenied")
        bus.make()
        moto.allow(nginx.env["AWS_ACCESS_KEY_ID"], *actions)
        clock.advance(HOLD)
    finally:
        load.stop()
    acknowledged = {str(number) for number in load.acknowledged()}
    assert len(acknowledged) == len(load.outcomes)

    arrived = set()

    def all_arrived():
        arrived.update(event["detail"]["text"] for event in bus.take())
        return acknowledged <= arrived

    # moto is slow, and a try that was under way when time passed may have failed once more.
    eventually(all_arrived, "all that was acknowledged", 180)
    assert arrived == acknowledged


@pytest.mark.xdist_group("moto")
def test_who_may_not_look_is_told_once_and_delivers(start_nginx, moto):
    bus = moto.create_bus()
    nginx = start_nginx(
        Webhook, workers=2, env=moto.environment("events:PutEvents"),
        destinations=f"momento_destination bus {{ eventbridge {bus.name}; "
                     f"endpoint {moto.endpoint}; }}")
    body = documented_event()
    assert nginx.post(PATH, body, signed(body)).status == 200
    event, = bus.receive(1)
    assert event["detail"] == json.loads(body)
    nginx.wait_for_log(r"may not be looked up \(AccessDenied")
    log = nginx.error_log()
    assert log.count("may not be looked up (AccessDenied") == 1
    assert "allow events:DescribeEventBus" in log
