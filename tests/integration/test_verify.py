"""momento_webhook_verify: the same verification in front of any application."""

import contextlib
import json
import subprocess
import sys
import urllib.request

import pytest

from harness import settings
from harness.backend import Backend
from harness.events import FORGED, SECRET, documented_event, signed
from harness.gate import GATE, REPLAY, SIZES, ZONE, Gate, body_of
from harness.nginx import Nginx, check_config
from harness.parked import request
from harness.ports import Port
from harness.waiting import eventually
from harness.webhook import SUCCESS, UNAUTHORIZED

FROM_BACKEND = b'{"from":"backend"}'


@pytest.fixture
def backend():
    backend = Backend()
    yield backend
    backend.close()


@pytest.fixture
def start_gate(start_nginx, backend):
    def start(location="", **parts):
        return start_nginx(Gate, handler=f"proxy_pass {backend.url};", location=location, **parts)

    return start


# What passes


@pytest.mark.smoke
@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("size", SIZES)
def test_a_verified_body_reaches_the_application_untouched(start_gate, backend, size, buffering):
    gate = start_gate(f"proxy_request_buffering {buffering};")
    body = body_of(size)
    answer = gate.send(body)
    assert (answer.status, answer.body) == (200, FROM_BACKEND)
    assert [arrived.body for arrived in backend.requests] == [body]
    assert gate.verdicts(1) == ["verified"]
    requests = gate.status()["webhooks"][0]["requests"]
    assert requests["verified"] == sum(requests.values()) == 1


def test_variables_tell_the_application_who_it_was(start_gate, backend):
    gate = start_gate('proxy_set_header X-Token-Id $momento_token_id;'
                      ' proxy_set_header X-Topic "$momento_cache#$momento_topic";')
    gate.send(headers={"X-Token-Id": "somebody-else"})
    headers = backend.requests[0].headers
    assert headers["x-token-id"] == "mo-the-squirrel"
    assert headers["x-topic"] == "chat#room-281"


@pytest.mark.parametrize("status", [201, 302, 404, 500])
def test_the_application_answers(start_gate, backend, status):
    gate = start_gate()
    backend.status = status
    assert gate.send().status == status
    assert gate.verdicts(1) == ["verified"]


def test_chunked_bodies_and_old_clients_are_served(start_gate, backend):
    gate = start_gate()
    body = documented_event()
    assert gate.send_chunked(body).status == 200
    with gate.connect_raw() as connection:
        connection.send(request(body, "/app").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert connection.response().status == 200
    assert [arrived.body for arrived in backend.requests] == [body, body]


def test_pipelined_requests_are_judged_one_by_one(start_gate, backend):
    gate = start_gate()
    good, bad = documented_event(text="good"), documented_event(text="bad")
    forged = request(bad, "/app").replace(signed(bad)["Momento-Signature"].encode(), b"0" * 64)
    with gate.connect_raw() as connection:
        connection.send(request(good, "/app") + forged + request(good, "/app"))
        assert [connection.response().status for _ in range(3)] == [200, 403, 200]
    assert [arrived.body for arrived in backend.requests] == [good, good]


def test_a_dry_run_lets_everything_through(start_gate, backend):
    gate = start_gate("momento_webhook_dry_run on;")
    assert gate.send(headers=FORGED).status == 200
    assert gate.send().status == 200
    assert gate.verdicts(2) == ["forged", "verified"]
    assert len(backend.requests) == 2
    assert gate.status()["webhooks"][0]["requests"]["dry_run"] == 2


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_a_dry_run_lets_any_method_and_size_through(start_gate, backend, buffering):
    gate = start_gate("momento_webhook_dry_run on; momento_webhook_max_body 1k;"
                      f" proxy_request_buffering {buffering};")
    bodies = [b"", body_of(20_000), body_of(20_001), body_of(200_000)]
    assert gate.get("/app").status == 200
    assert gate.send(bodies[1]).status == 200
    assert [gate.send_chunked(body).status for body in bodies[2:]] == [200, 200]
    assert [arrived.body for arrived in backend.requests] == bodies
    assert gate.verdicts(4) == ["", "", "", ""]
    assert gate.status()["webhooks"][0]["requests"]["dry_run"] == 4


# What does not


def test_what_is_refused_never_reaches_the_application(start_gate, backend):
    start_gate().refuse_all()
    assert backend.requests == []


def test_only_posts_pass(start_gate, backend):
    gate = start_gate()
    answer = gate.get("/app")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert backend.requests == []


BYPASSES = {
    "satisfy any": ("satisfy any; allow all;", "", "/app"),
    "error_page": ("error_page 403 =200 /open;", "location /open { return 200 open; }", "/app"),
    "if": ("if ($request_method) { set $x 1; }", "", "/app"),
    "nested location": ("location /app/in { proxy_pass %%URL%%; }", "", "/app/in"),
    "regex location": ("location ~ ^/app/.*x$ { proxy_pass %%URL%%; }", "", "/app/in/x"),
    "rewrite": ("", "location /in { rewrite ^ /app last; }", "/in"),
    "try_files": ("", "location /in { try_files /nothing @app; }"
                      "location @app { %%GATE%% proxy_pass %%URL%%; }", "/in"),
    "error_page to the gate": ("", "location /in { error_page 418 = @app; return 418; }"
                                   "location @app { %%GATE%% proxy_pass %%URL%%; }", "/in"),
    "limit_except": ("limit_except GET { allow all; }", "", "/app"),
}


@pytest.mark.parametrize("way", BYPASSES)
def test_there_is_no_way_around(start_gate, backend, way):
    location, server, path = (
        text.replace("%%URL%%", backend.url).replace("%%GATE%%", GATE) for text in BYPASSES[way])
    gate = start_gate(location, server=server)
    body = documented_event()
    answer = gate.post(path, body, signed(body, "wrong"))
    assert (answer.status, answer.body) == (403, UNAUTHORIZED)
    assert backend.requests == []
    assert gate.post(path, body, signed(body)).status == 200
    assert len(backend.requests) == 1


@pytest.mark.parametrize("way", ["mirror /app;", "auth_request /app;"])
def test_a_subrequest_is_not_a_webhook(start_gate, backend, way):
    gate = start_gate(server=f"location /in {{ {way} proxy_pass {backend.url}/direct; }}")
    body = documented_event()
    gate.post("/in", body, signed(body))
    assert [arrived.path for arrived in backend.requests if "direct" not in arrived.path] == []
    gate.wait_for_log("a subrequest cannot be verified")


def test_the_gate_comes_before_a_mirror(start_gate, backend):
    gate = start_gate("mirror /copy;",
                      server=f"location /copy {{ internal; proxy_pass {backend.url}; }}")
    assert gate.send(headers=FORGED).status == 403
    assert backend.requests == []


# Replays


def test_what_the_application_took_is_not_played_again(start_gate, backend):
    gate = start_gate(REPLAY, http=ZONE)
    body = documented_event()
    assert gate.send(body).body == FROM_BACKEND
    answer = gate.send(body)
    assert (answer.status, answer.body) == (200, SUCCESS)
    assert gate.verdicts(2) == ["verified", "duplicate"]
    assert len(backend.requests) == 1


@pytest.mark.parametrize("status", [404, 500])
def test_what_the_application_refused_may_come_again(start_gate, backend, status):
    gate = start_gate(REPLAY, http=ZONE)
    body = documented_event()
    backend.status = status
    assert gate.send(body).status == status
    backend.status = 204
    assert gate.send(body).status == 204
    assert gate.send(body).status == 200
    assert gate.verdicts(3) == ["verified", "verified", "duplicate"]


def test_a_copy_is_refused_while_the_application_has_the_first(start_gate, backend):
    gate = start_gate(REPLAY, http=ZONE, workers=2)
    body = documented_event()
    backend.hold()
    with gate.connect_raw() as first:
        first.send(request(body, "/app"))
        backend.wait_for(1)
        assert gate.send(body).status == 503
        backend.let_go()
        assert first.response().status == 200
    assert len(backend.requests) == 1


def test_a_second_gate_on_the_way_is_not_a_replay(start_gate, backend):
    second = (f"location @second {{ {GATE} momento_webhook_replay signatures;"
              f" proxy_pass {backend.url}; }}")
    gate = start_gate("momento_webhook_replay signatures; proxy_intercept_errors on;"
                      " recursive_error_pages on; error_page 502 = @second;",
                      http=ZONE, server=second)
    backend.status = 502
    assert gate.send().status == 502
    assert len(backend.requests) == 2


# The configuration


@pytest.mark.parametrize("location, message", [
    ("momento_webhook_verify on;",
     '"momento_webhook_verify" needs a "momento_webhook_secret"'),
    (f"{GATE} return 200 open;",
     '"return" would answer before "momento_webhook_verify" has looked'),
    (f"{GATE} if ($arg_x) {{ return 200 open; }}",
     '"return" would answer before "momento_webhook_verify" has looked'),
    ("momento_webhook_verify maybe;", "invalid value \"maybe\""),
    (f"{GATE} momento_webhook_replay nowhere;", 'unknown zone "nowhere"'),
])
def test_mistakes_are_named(location, message):
    checked = check_config(server=f"location / {{ {location} }}")
    assert checked.status == 1
    assert message in checked.message


def test_a_gate_needs_no_spool():
    assert check_config(server=f"location / {{ {GATE} }}").status == 0


# The example


def test_the_example_stores_comments_under_the_verified_name(start_nginx):
    reserved = Port()
    port = reserved.number
    text = (settings.REPOSITORY / "conf.d/comments.conf").read_text()
    location = text[text.index("    location"):text.rindex("}")]
    location = location.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{port}").replace(
        "/etc/nginx/momento.secret", "%%DIR%%/momento.secret")
    gate = start_nginx(
        Nginx, files={"momento.secret": SECRET}, http=text[:text.index("server {")],
        server=location)
    application = subprocess.Popen(
        [sys.executable, settings.REPOSITORY / "conf.d/comments.py", str(port),
         gate.path("comments.db")])
    try:
        def stored():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
                return json.load(answer)

        def is_up():
            with contextlib.suppress(OSError):
                return stored() == []

        eventually(is_up, "the application")
        body = documented_event(text="Hello", token_id="mo")
        spoofed = {**signed(body), "X-Token-Id": "somebody-else"}
        assert gate.post("/comments", body, spoofed).status == 201
        assert gate.post("/comments", body, spoofed).status == 200
        forged = documented_event(text="Forged", token_id="mo")
        assert gate.post("/comments", forged, signed(body)).status == 403
        assert stored() == [{"topic": "room-281", "author": "mo", "text": "Hello"}]
    finally:
        application.kill()
        application.wait()
        reserved.close()
