"""conf.d/fleet.conf: three gateways behind a front tier of stock nginx."""

import collections

import pytest

from harness import settings
from harness.events import documented_event, sign, signed
from harness.load import Conservation, Load
from harness.nginx import Nginx
from harness.tls import certificate
from harness.waiting import PATIENCE, eventually
from harness.webhook import PATH, SUCCESS, Webhook

pytestmark = [pytest.mark.volume, pytest.mark.xdist_group("conservation")]

# What every gateway has besides.
GATEWAY_HTTP = "keepalive_requests 1000000; momento_replay_zone signatures 8m;"
GATEWAY_LOCATION = "momento_webhook_replay signatures; momento_webhook_max_age 1h;"

CONNECTIONS = 20


class Front(Nginx):
    """The example as it stands, with the addresses of a test."""

    def __init__(self, gateways):
        text = (settings.REPOSITORY / "conf.d/fleet.conf").read_text()
        for number, gateway in enumerate(gateways, start=1):
            text = text.replace(f"10.0.0.1{number}:8080", f"127.0.0.1:{gateway.port}")
        for there, here in {
                "/etc/nginx/hooks.example.com.pem": str(certificate().path),
                "/etc/nginx/hooks.example.com.key": str(certificate().path),
                # Plain as well: what a load sends is not to be about TLS.
                "listen 443 ssl;":
                    "listen 127.0.0.1:%%TLS_PORT%% ssl; listen 127.0.0.1:%%PORT%%;",
                "rate=500r/s": "rate=100000r/s",
                # Or a busy machine looks like a gateway that has gone.
                "proxy_connect_timeout 500ms": "proxy_connect_timeout 30s",
                "proxy_read_timeout 4500ms": "proxy_read_timeout 40s",
                "proxy_next_upstream_timeout 4s": "proxy_next_upstream_timeout 40s",
        }.items():
            assert there in text
            text = text.replace(there, here)
        super().__init__(http="keepalive_requests 1000000;" + text,
                         listen="listen unix:%%DIR%%/unused;")


@pytest.fixture
def start_fleet(start_nginx):
    def start(standin=None):
        gateways = [start_nginx(Webhook, standin=standin, http=GATEWAY_HTTP,
                                location=GATEWAY_LOCATION) for _ in range(3)]
        front = start_nginx(Front, gateways=gateways)
        return front, gateways
    return start


def requests(gateway):
    """How many webhooks a gateway has judged."""
    return len(gateway.lines("verdicts.log"))


def test_a_copy_meets_the_gateway_that_knows_the_first(start_fleet):
    front, gateways = start_fleet()
    bodies = [documented_event(text=str(number)) for number in range(60)]
    for body in bodies * 2:
        answer = front.post(PATH, body, signed(body))
        assert (answer.status, answer.body) == (200, SUCCESS)
    for gateway in gateways:
        eventually(lambda gateway=gateway: gateway.numbers()["pending"] == 0, "its deliveries")
    published = [event["detail"]["text"] for gateway in gateways for event in gateway.events(0)]
    assert sorted(published, key=int) == [str(number) for number in range(60)]
    assert all(gateway.events(0) for gateway in gateways), "each has its share"
    eventually(lambda: sum(map(requests, gateways)) == 120, "a line for each request")
    verdicts = collections.Counter(
        verdict for gateway in gateways for verdict in gateway.verdicts(0))
    assert verdicts == {"accepted": 60, "duplicate": 60}


def send_all(front, gateways, bodies):
    """The gateway each body met, by number."""
    met = []
    with front.connect(tls=True) as connection:
        for body in bodies:
            before = [requests(gateway) for gateway in gateways]
            assert connection.post(PATH, body, signed(body)).status == 200

            def seen(before=before):
                grown = [requests(gateway) > count for gateway, count in zip(gateways, before)]
                return grown.index(True) + 1 if any(grown) else 0
            met.append(eventually(seen, "a line in the log of a gateway") - 1)
    return met


def test_copies_of_a_webhook_meet_the_same_gateway(start_fleet):
    front, gateways = start_fleet()
    bodies = [documented_event(topic_sequence_number=number) for number in range(60)]
    first = send_all(front, gateways, bodies)
    assert set(first) == {0, 1, 2}
    assert send_all(front, gateways, bodies) == first

    gateways[1].kill()
    others = send_all(front, gateways, bodies)
    for before, now in zip(first, others):
        assert now != 1
        assert now == before or before == 1, "a gateway that stayed lost its share"

    gateways[1].start_again()
    eventually(lambda: send_all(front, gateways, bodies) == first, "the old shares")


def test_what_is_no_signature_reaches_no_gateway(start_fleet):
    front, gateways = start_fleet()
    body = documented_event()
    right = sign(body)
    for signature in ["", right[1:], right + "0", right.upper(), "g" * 64, f"{right}, {right}"]:
        answer = front.post(PATH, body, {"Momento-Signature": signature}, tls=True)
        assert answer.status == 403, signature
    assert front.post(PATH, body, tls=True).status == 403
    assert front.post(PATH, body, signed(body), tls=True).body == SUCCESS
    eventually(lambda: sum(map(requests, gateways)) == 1, "the request that is signed")


def test_a_forged_signature_is_refused_by_a_gateway(start_fleet):
    front, gateways = start_fleet()
    body = documented_event()
    assert front.post(PATH, body, {"Momento-Signature": sign(body, "x")}).status == 403
    eventually(lambda: sum(map(requests, gateways)) == 1, "the request at a gateway")


def test_nothing_is_lost_when_a_gateway_is_killed_and_comes_back(start_fleet, start_standin):
    standin = start_standin(check=0.02)
    front, gateways = start_fleet(standin)
    load = Load(front.port, CONNECTIONS)
    try:
        for gateway in gateways[:2]:
            seen = load.count(200)
            eventually(lambda seen=seen: load.count(200) > seen + 200, "answers")
            gateway.kill()
            seen = load.count(200)
            eventually(lambda seen=seen: load.count(200) > seen + 200, "answers without it")
            seen = requests(gateway)
            gateway.start_again()
            eventually(lambda gateway=gateway, seen=seen: requests(gateway) > seen + 50,
                       "its share of the requests")
    finally:
        load.stop()
    conservation = Conservation(load, standin)
    conservation.wait(PATIENCE)
    table = conservation.table()
    print("fleet:", table, collections.Counter(load.outcomes.values()))
    assert table["lost"] == 0
    assert table["invented"] == 0
    # The front tier hides it from clients, but for what cannot be told.
    assert table["refused"] + table["unanswered"] <= CONNECTIONS
