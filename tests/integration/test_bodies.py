"""However a body travels, the same bytes are verified and delivered; and what happens when it
is not a body at all."""

import json

import pytest

from harness.clients import Connection
from harness.events import documented_event, sign, signed
from harness.waiting import eventually
from harness.webhook import BAD_REQUEST, PATH, SUCCESS, UNAUTHORIZED

LARGE = 200_000


def head(body, *headers, version="1.1", length=None, signature=None):
    """The head of a signed request."""
    lines = [f"POST {PATH} HTTP/{version}", "Host: localhost",
             f"Momento-Signature: {signature or sign(body)}"]
    if length is None:
        length = len(body)
    if not any("chunked" in header for header in headers):
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join([*lines, *headers]) + "\r\n\r\n").encode()


def chunks(body, size):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def delivers(hook, body):
    """True if exactly this event, and no other, arrives."""
    event, = hook.events()
    return event["detail"] == json.loads(body)


# How it travels


@pytest.mark.parametrize("pieces", ["one", "head and body", "bytes", "inside the head"])
def test_packets_do_not_matter(start_webhook, pieces):
    hook = start_webhook()
    body = documented_event()
    request = head(body) + body
    cuts = {"one": [], "head and body": [len(head(body))],
            "bytes": range(1, len(request)), "inside the head": [30]}[pieces]
    with hook.connect_raw() as connection:
        start = 0
        for cut in [*cuts, len(request)]:
            connection.send(request[start:cut])
            start = cut
        assert connection.response().body == SUCCESS
    assert delivers(hook, body)


@pytest.mark.smoke
@pytest.mark.parametrize("size", [1, 7, 5000])
def test_chunked(start_webhook, size):
    hook = start_webhook()
    body = documented_event(text="chunk " * 2000)
    with hook.connect_raw() as connection:
        connection.send(head(body, "Transfer-Encoding: chunked"))
        connection.send(chunks(body, size))
        assert connection.response().body == SUCCESS
    assert delivers(hook, body)


@pytest.mark.smoke
@pytest.mark.parametrize("buffering", [
    "client_body_buffer_size 1k;",
    "client_body_in_file_only clean;",
    "client_body_in_single_buffer on;",
    "client_body_buffer_size 1m;",
])
@pytest.mark.parametrize("chunked", [False, True])
def test_buffers_do_not_matter(start_webhook, buffering, chunked):
    hook = start_webhook(location=buffering)
    body = documented_event(text="é" * (LARGE // 2))
    with hook.connect() as connection:
        pieces = iter([body[:70_001], body[70_001:]]) if chunked else body
        assert connection.request("POST", PATH, pieces, signed(body), chunked).body == SUCCESS
    assert delivers(hook, body)


@pytest.mark.smoke
def test_large_bodies_on_http_2(start_webhook):
    hook = start_webhook(location="client_body_buffer_size 1k;")
    body = documented_event(text="x" * LARGE)
    answer = hook.curl(PATH, body, signed(body))
    assert (answer.version, answer.body) == ("2", SUCCESS)
    assert delivers(hook, body)


def test_expect_100_continue(start_webhook):
    hook = start_webhook()
    body = documented_event()
    with hook.connect_raw() as connection:
        connection.send(head(body, "Expect: 100-continue"))
        assert connection.interim().startswith(b"HTTP/1.1 100 ")
        connection.send(body)
        assert connection.response().body == SUCCESS
    assert delivers(hook, body)


@pytest.mark.parametrize("headers, status", [
    ({}, 403),
    ({"Momento-Signature": "short"}, 403),
    ({"Momento-Signature": "0" * 64, "Content-Length": "300000"}, 413),
])
def test_a_body_nobody_wants_is_not_asked_for(start_webhook, headers, status):
    hook = start_webhook()
    lines = {"Host": "h", "Content-Length": "1000", "Expect": "100-continue", **headers}
    with hook.connect_raw() as connection:
        connection.send(f"POST {PATH} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n")
        assert connection.response().status == status


@pytest.mark.smoke
def test_pipelined_requests_are_answered_in_order(start_webhook):
    hook = start_webhook()
    bodies = [documented_event(text=f"text {number}") for number in range(20)]
    with hook.connect_raw() as connection:
        for number, body in enumerate(bodies):
            connection.send(head(body, signature="0" * 64 if number % 3 == 1 else None) + body)
        for number in range(20):
            assert connection.response().status == (403 if number % 3 == 1 else 200)
    texts = [event["detail"]["text"] for event in hook.events(13)]
    assert texts == [f"text {number}" for number in range(20) if number % 3 != 1]


def test_a_refusal_before_the_body_does_not_disturb_the_next_request(start_webhook):
    hook = start_webhook()
    unread = b"POST / HTTP/1.1\r\nHost: x\r\n\r\n" * 500
    body = documented_event()
    with hook.connect_raw() as connection:
        connection.send(head(unread, signature="short"))
        assert connection.response().body == UNAUTHORIZED
        connection.send(unread)
        connection.send(head(body) + body)
        assert connection.response().body == SUCCESS
    assert delivers(hook, body)


def test_http_1_0(start_webhook):
    hook = start_webhook()
    body = documented_event()
    with hook.connect_raw() as connection:
        connection.send(head(body, version="1.0") + body)
        assert connection.response().body == SUCCESS
        assert connection.closed()
    with hook.connect_raw() as connection:
        for _ in range(2):
            connection.send(head(body, "Connection: keep-alive", version="1.0") + body)
            assert connection.response().headers["connection"] == "keep-alive"


def test_http_0_9(start_webhook):
    hook = start_webhook()
    with hook.connect_raw() as connection:
        connection.send(f"GET {PATH}\r\n")
        assert b"Method Not Allowed" in connection.rest()
    assert hook.send().status == 200


def test_a_client_that_half_closes_gets_its_answer(start_webhook):
    hook = start_webhook()
    body = documented_event()
    with hook.connect_raw() as connection:
        connection.send(head(body) + body)
        connection.shutdown()
        assert connection.response().body == SUCCESS
    assert delivers(hook, body)


def test_a_client_that_half_closes_while_the_disk_is_slow_gets_its_answer(start_webhook, disk):
    hook = start_webhook(disk=disk)
    body = documented_event()
    disk.hangs()
    with hook.connect_raw() as connection:
        connection.send(head(body) + body)
        connection.shutdown()
        assert hook.get("/").status == 404  # it has seen the end by now
        disk.works()
        assert connection.response().body == SUCCESS
    assert delivers(hook, body)


# Clients that leave


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize("sent", [0, 50, 50_000])
def test_a_client_that_leaves_in_the_middle_of_the_body(start_webhook, leave, sent, chunked):
    hook = start_webhook(location="client_body_buffer_size 1k;")
    body = documented_event(text="x" * 100_000)
    connection = hook.connect_raw()
    if chunked:
        connection.send(head(body, "Transfer-Encoding: chunked"))
        connection.send(b"%x\r\n" % len(body) + body[:sent])
    else:
        connection.send(head(body) + body[:sent])
    getattr(connection, leave)()
    assert hook.judged()[0]["verdict"] == ""
    assert hook.published() == []
    eventually(lambda: not any(path.is_file() for path in hook.path("body").rglob("*")),
               "no temporary file")


@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize("tls", [False, True])
def test_an_event_arrives_though_its_client_has_left(start_webhook, disk, leave, tls):
    hook = start_webhook(disk=disk)
    body = documented_event()
    disk.hangs()
    connection = hook.connect_raw(tls)
    connection.send(head(body) + body)
    assert hook.get("/").status == 404
    getattr(connection, leave)()
    assert hook.get("/").status == 404
    disk.works()
    assert delivers(hook, body)
    assert hook.send().status == 200


def test_a_client_that_dribbles_is_cut_off_by_nginx(start_webhook):
    hook = start_webhook(location="client_body_timeout 300ms;")
    body = documented_event()
    with hook.connect_raw() as connection:
        connection.send(head(body) + body[:10])
        assert connection.rest().startswith(b"HTTP/1.1 408") or connection.closed()
    assert hook.judged()[0]["status"] == "408"
    assert hook.published() == []


# What is no body


@pytest.mark.parametrize("body", [
    pytest.param(bytes(range(256)) * 4, id="binary"),
    pytest.param(b"\0" * 1000, id="zeros"),
    pytest.param(b"\xff\xfe{\0}\0", id="UTF-16"),
    pytest.param(b'{"text":"\xc3\x28"}', id="invalid UTF-8"),
    pytest.param(b"", id="empty"),
    pytest.param(b"cache=chat&topic=room", id="form"),
    pytest.param(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xabV\0", id="gzip"),
])
def test_bytes_that_are_no_event(start_webhook, body):
    hook = start_webhook()
    assert hook.post(PATH, body).body == UNAUTHORIZED
    assert hook.send(body, secret="wrong").body == UNAUTHORIZED
    assert hook.send(body).body == BAD_REQUEST
    assert hook.verdicts(3) == ["unsigned", "forged", "malformed"]
    assert hook.published() == []


def bombs():
    start = documented_event()[:-1] + b',"bomb":'
    return {
        "arrays": (start + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        "objects": (start + b'{"a":' * 30_000 + b"1" + b"}" * 30_000 + b"}", 400),
        "never closed": (b"[" * 250_000, 400),
        "1001 levels": (start + b"[" * 1000 + b"]" * 1000 + b"}", 400),
        "1000 levels": (start + b"[" * 999 + b"]" * 999 + b"}", 200),
        "long integer": (start + b"9" * 200_000 + b"}", 400),
        "long negative integer": (start + b"-" + b"9" * 200_000 + b"}", 400),
        "huge exponent": (start + b"1e999999999}", 400),
        "many members": (start + b"{" + b",".join(
            b'"%d":0' % number for number in range(20_000)) + b"}}", 200),
        "long name": (start + b'{"' + b"n" * 200_000 + b'":1}}', 200),
        "escapes": (start + b'"' + b"\\u0041" * 30_000 + b'"}', 200),
    }


@pytest.mark.parametrize("name", bombs())
def test_json_bombs(start_webhook, name):
    hook = start_webhook()
    body, status = bombs()[name]
    worker, = hook.workers()
    assert hook.send(body, secret="wrong").status == 403
    assert hook.send(body).status == status
    assert hook.workers() == [worker]
    if status == 200:
        # Not by json.loads(): Python's own parser gives up at 1000 levels.
        eventually(lambda: hook.lines("bus.json"), "the event")
        assert hook.lines("bus.json")[0].endswith(f'"detail":{body.decode()}}}')
    else:
        assert hook.published() == []


@pytest.mark.parametrize("length", [0, 1, 2, 31, 32, 33, 63, 65, 127, 128, 5000])
def test_signatures_of_any_length(start_webhook, length):
    hook = start_webhook()
    body = documented_event()
    value = (sign(body) * 100)[:length]
    assert hook.post(PATH, body, {"Momento-Signature": value}).body == UNAUTHORIZED
    assert hook.verdicts(1) == ["forged"]


@pytest.mark.parametrize("value", [b"\xff" * 64, "é".encode() * 32, b"\x7f" * 64,
                                   b"0" * 63 + b"\t", b"'; DROP TABLE; --"])
def test_signatures_of_any_bytes(start_webhook, value):
    hook = start_webhook()
    body = documented_event()
    with hook.connect_raw() as connection:
        connection.send(b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n"
                        b"Momento-Signature: %s\r\n\r\n%s" % (
                            PATH.encode(), len(body), value, body))
        assert connection.response().body == UNAUTHORIZED
    assert hook.verdicts(1) == ["forged"]


def test_malformed_requests_are_nginxs_own_business(start_webhook):
    hook = start_webhook()
    body = documented_event()
    for text in (head(body, "Transfer-Encoding: chunked") + b"zz\r\n",
                 head(body, "Transfer-Encoding: gzip"),
                 head(body, length="-1"),
                 head(body, length="99999999999999999999"),
                 b"POST\r\n\r\n"):
        with hook.connect_raw() as connection:
            connection.send(text)
            assert connection.response().status in (400, 413, 501)
    assert hook.published() == []


@pytest.mark.smoke
def test_many_connections_at_once(start_webhook):
    hook = start_webhook()
    bodies = [documented_event(text=f"text {number}") for number in range(100)]
    connections = [hook.connect_raw() for _ in bodies]
    for connection, body in zip(connections, bodies):
        connection.send(head(body) + body[:-1])
    for connection, body in zip(connections, bodies):
        connection.send(body[-1:])
    for connection in connections:
        assert connection.response().body == SUCCESS
        connection.close()
    texts = [event["detail"]["text"] for event in hook.events(100)]
    assert sorted(texts) == sorted(f"text {number}" for number in range(100))


def test_an_idle_connection_costs_nobody_else(start_webhook):
    hook = start_webhook()
    body = documented_event(text="x" * LARGE)
    with hook.connect_raw() as idle:
        idle.send(head(body) + body[:1000])
        with Connection(hook.port) as other:
            for _ in range(5):
                event = documented_event()
                assert other.post(PATH, event, signed(event)).status == 200
        idle.send(body[1000:])
        assert idle.response().status == 200
