"""momentoctl check against an AWS that checks signatures and policies."""

from harness.moto_server import REGION


def check(momentoctl, moto, bus, env, *options):
    result = momentoctl("check", bus, *options, "--endpoint", moto.endpoint, "--credentials", "environment",
                        env={"HOME": "/nonexistent", **env})
    return result.returncode, result.stdout.decode() + result.stderr.decode()


def test_all_is_well(momentoctl, moto):
    bus = moto.create_bus()
    status, output = check(momentoctl, moto, bus.name,
                           moto.environment("events:DescribeEventBus"))
    assert f"ok    region       {REGION}\n" in output
    assert f'ok    bus          "{bus.name}" exists\n' in output
    assert status == 0, output


def test_a_missing_bus(momentoctl, moto):
    status, output = check(momentoctl, moto, "nowhere",
                           moto.environment("events:DescribeEventBus"))
    assert 'fail  bus          "nowhere" does not exist' in output
    assert status == 1


def test_a_missing_permission(momentoctl, moto):
    bus = moto.create_bus()
    status, output = check(momentoctl, moto, bus.name, moto.environment("events:PutEvents"))
    assert "may not be looked up: status 403, AccessDenied" in output
    assert "is not authorized to perform: events:DescribeEventBus" in output  # AWS's sentence
    assert status == 1


def test_one_marked_event_where_asked(momentoctl, moto):
    bus = moto.create_bus()
    allowed = moto.environment("events:DescribeEventBus", "events:PutEvents")
    status, output = check(momentoctl, moto, bus.name, allowed, "--put")
    assert status == 0, output
    assert 'ok    put          the bus took an event, source "Momento"' in output
    event, = bus.receive(1)
    assert event["detail-type"] == "momentoctl#check"
    status, output = check(momentoctl, moto, bus.name,
                           moto.environment("events:DescribeEventBus"), "--put")
    assert "fail  put          an event may not be put: status 403, AccessDenied" in output
    assert status == 1


def test_a_wrong_key(momentoctl, moto):
    bus = moto.create_bus()
    env = {**moto.environment("events:DescribeEventBus"), "AWS_SECRET_ACCESS_KEY": "wrong-key"}
    status, output = check(momentoctl, moto, bus.name, env)
    assert ("fail  key          the secret key is not that of this access key: status 403, "
            "SignatureDoesNotMatch: ") in output
    assert "wrong-key" not in output
    assert status == 1
