"""The whole way: Momento's request over TLS 1.3, rate limiting, signature, spool, PutEvents
with a real check of Signature Version 4, a rule on detail-type, a queue."""

import datetime
import json
import uuid

import pytest

from harness.events import captured_event, documented_event, now_ms, sign, signed
from harness.moto_server import REGION
from harness.webhook import ACCESS_LOG, PATH, SUCCESS

# Starting moto takes longer than all of these.
pytestmark = pytest.mark.xdist_group("moto")

# The README's smallest configuration.
HTTP = """
    momento_spool %%DIR%%/spool;

    momento_destination bus {
        eventbridge BUS;
        endpoint ENDPOINT;
    }

    limit_req_zone $binary_remote_addr zone=hooks:10m rate=500r/s;
"""
SERVER = """
    location = /momento {
        limit_req zone=hooks burst=1000 nodelay;
        momento_webhook bus;
        momento_webhook_secret file:%%DIR%%/momento.secret;
    }
"""

SECRET = "a secret of Momento's"

UNKNOWN_MEMBERS = (
    '{\n "topic":"room-281",\t"cache":"chat", "publish_timestamp":%d,\n'
    ' "text":"\\u00e9\\/\\ud83d\\ude00 é😀 \\"\\\\ \\u001B", "extra":{"nested":[1.5,-0.0,1e3,'
    'true,null,{}]}, "biggest":9223372036854775807, "":"", "日本":"語" }\r\n')


@pytest.fixture(name="gateway")
def start_gateway(start_nginx, moto):
    """(nginx, bus) for events of these detail types."""
    def start(*detail_types, env=None):
        bus = moto.create_bus(*detail_types)
        nginx = start_nginx(
            http=HTTP.replace("BUS", bus.name).replace("ENDPOINT", moto.endpoint) + ACCESS_LOG,
            server=SERVER, files={"momento.secret": SECRET + "\n"},
            env=env or moto.environment())
        return nginx, bus

    return start


def assert_delivered(event, body, started):
    """`event` is what EventBridge makes of `body`, and nothing else."""
    detail = json.loads(body)
    uuid.UUID(event.pop("id"))
    time = datetime.datetime.strptime(event.pop("time"), "%Y-%m-%dT%H:%M:%S%z").timestamp()
    assert started - 1 <= time <= started + 30
    # AWS's own events name the account, too; moto's default template leaves it out.
    event.pop("account", None)
    assert event == {
        "version": "0",
        "detail-type": f'{detail["cache"]}#{detail["topic"]}',
        "source": "Momento",
        "region": REGION,
        "resources": [],
        "detail": detail,
    }


@pytest.mark.parametrize("http", ["1.1", "2"])
@pytest.mark.parametrize("make, detail_type", [
    (documented_event, "chat#room-281"),
    (captured_event, "serverless#test"),
])
def test_an_event_arrives_in_the_documented_shape(gateway, http, make, detail_type):
    nginx, bus = gateway(detail_type)
    started = now_ms() / 1000
    body = make()
    answer = nginx.curl(PATH, body, signed(body, SECRET), [f"--http{http}"])
    assert (answer.version, answer.status, answer.body) == (http, 200, SUCCESS)
    event, = bus.receive(1)
    assert_delivered(event, body, started)
    assert bus.empty()


def test_members_nobody_knows_escapes_and_other_scripts_arrive(gateway):
    nginx, bus = gateway("chat#room-281")
    started = now_ms() / 1000
    body = (UNKNOWN_MEMBERS % now_ms()).encode()
    assert nginx.curl(PATH, body, signed(body, SECRET)).body == SUCCESS
    event, = bus.receive(1)
    assert list(event["detail"]) == list(json.loads(body))  # in their order, too
    assert_delivered(event, body, started)


def test_a_rule_lets_only_its_detail_type_through(gateway):
    nginx, bus = gateway("chat#room-281")
    for topic in ("room-282", "room-28", "room-281"):
        body = documented_event(topic=topic)
        assert nginx.curl(PATH, body, signed(body, SECRET)).body == SUCCESS
    event, = bus.receive(1)
    assert event["detail"]["topic"] == "room-281"
    assert bus.empty()


def test_several_events_arrive_each_once(gateway):
    nginx, bus = gateway()
    texts = [f"text {number}" for number in range(12)]
    with nginx.connect(tls=True) as connection:
        for text in texts:
            body = documented_event(text=text)
            assert connection.post(PATH, body, signed(body, SECRET)).status == 200
    events = bus.receive(len(texts))
    assert sorted(event["detail"]["text"] for event in events) == sorted(texts)
    assert len({event["id"] for event in events}) == len(texts)
    assert bus.empty()


def test_what_is_refused_does_not_arrive(gateway):
    nginx, bus = gateway()
    forged, stale = documented_event(text="forged"), documented_event(60_500, text="stale")
    assert nginx.curl(PATH, forged, signed(forged, "wrong")).status == 403
    assert nginx.curl(PATH, stale, signed(stale, SECRET)).status == 403
    assert nginx.curl(PATH, forged).status == 403
    body = documented_event(text="good")
    assert nginx.curl(PATH, body, {"Momento-Signature": sign(body, SECRET)}).status == 200
    event, = bus.receive(1)
    assert event["detail"]["text"] == "good"
    assert bus.empty()


def test_moto_refuses_a_user_without_permission_and_nothing_is_lost(gateway, moto):
    key, secret = moto.create_user("sqs:SendMessage")
    nginx, bus = gateway(env={"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
                              "AWS_REGION": REGION})
    body = documented_event()
    assert nginx.curl(PATH, body, signed(body, SECRET)).status == 200
    nginx.wait_for_log(r"momento.*\bbus\b")
    assert bus.empty()
    moto.allow(key, "events:PutEvents")
    event, = bus.receive(1)
    assert event["detail"] == json.loads(body)
