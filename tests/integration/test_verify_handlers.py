"""momento_webhook_verify in front of Debian's own content handlers: fastcgi_pass, with fcgiwrap
behind it, and js_content."""

import json

import pytest

from harness import settings
from harness.events import documented_event
from harness.fastcgi import FastCgi
from harness.gate import REPLAY, SIZES, ZONE, Gate, body_of
from harness.nginx import check_config
from harness.waiting import eventually
from harness.webhook import SUCCESS


def take(gate, body, status):
    """Sends it until the one before it is settled, which may be a moment after its answer."""
    eventually(lambda: gate.send(body).status == status, f"an answer of {status}")


# fastcgi_pass


@pytest.fixture(name="application")
def start_application():
    if not settings.FCGIWRAP:
        pytest.skip("no fcgiwrap: Debian's package could not be fetched")
    application = FastCgi()
    yield application
    application.close()


@pytest.fixture(name="start_fastcgi")
def start_fastcgi_gate(start_nginx, application):
    def start(location="", **parts):
        return start_nginx(Gate, handler=application.handler, location=location, **parts)

    return start


@pytest.mark.parametrize("buffering", ["on", "off"])
@pytest.mark.parametrize("size", SIZES)
def test_fastcgi_gets_the_body_untouched(start_fastcgi, application, size, buffering):
    gate = start_fastcgi(f"fastcgi_request_buffering {buffering};")
    body = body_of(size)
    answer = gate.send(body)
    assert (answer.status, answer.body) == (200, FastCgi.ANSWER)
    assert application.bodies() == [body]
    assert gate.verdicts(1) == ["verified"]


def test_fastcgi_gets_a_chunked_body_untouched(start_fastcgi, application):
    gate = start_fastcgi()
    body = documented_event(text="x" * 20_000)
    assert gate.send_chunked(body).body == FastCgi.ANSWER
    assert application.bodies() == [body]
    assert application.parameters()["CONTENT_LENGTH"] == str(len(body))


def test_fastcgi_parameters_tell_who_it_was(start_fastcgi, application):
    gate = start_fastcgi('fastcgi_param TOKEN_ID $momento_token_id;'
                         ' fastcgi_param TOPIC "$momento_cache#$momento_topic";'
                         ' fastcgi_param VERDICT $momento_verdict;')
    assert gate.send(headers={"Token-Id": "somebody-else"}).status == 200
    parameters = application.parameters()
    assert parameters["TOKEN_ID"] == "mo-the-squirrel"
    assert parameters["TOPIC"] == "chat#room-281"
    assert parameters["VERDICT"] == "verified"


def test_fastcgi_never_sees_what_is_refused(start_fastcgi, application):
    start_fastcgi().refuse_all()
    assert application.requests() == []


@pytest.mark.parametrize("status", [200, 302])
def test_what_fastcgi_took_is_not_played_again(start_fastcgi, application, status):
    gate = start_fastcgi(REPLAY, http=ZONE)
    body = documented_event()
    application.status = status
    assert gate.send(body).status == status
    take(gate, body, 200)
    assert gate.send(body).body == SUCCESS
    assert application.bodies() == [body]


@pytest.mark.parametrize("status", [404, 500])
def test_what_fastcgi_refused_may_come_again(start_fastcgi, application, status):
    gate = start_fastcgi(REPLAY, http=ZONE)
    body = documented_event()
    application.status = status
    assert gate.send(body).status == status
    application.status = 201
    take(gate, body, 201)
    take(gate, body, 200)
    assert application.bodies() == [body] * 2


def test_what_fastcgi_never_got_may_come_again(start_fastcgi, application):
    gate = start_fastcgi(REPLAY, http=ZONE)
    body = documented_event()
    socket = application.directory / "socket"
    socket.rename(application.directory / "moved")
    assert gate.send(body).status == 502
    (application.directory / "moved").rename(socket)
    take(gate, body, 200)
    assert application.bodies() == [body]


# js_content

SCRIPT = """
import fs from 'fs';

function tell(r) {
    r.log('the script runs');
    r.return(Number(fs.readFileSync('%s')), JSON.stringify({
        body: r.requestText, verdict: r.variables.momento_verdict,
        token_id: r.variables.momento_token_id,
        topic: r.variables.momento_cache + '#' + r.variables.momento_topic}));
}

async function tell_later(r) {
    await new Promise(resolve => setTimeout(resolve, 20));
    tell(r);
}

export default {tell, tell_later};
"""
IN_MEMORY = "client_body_buffer_size 256k;"  # njs gives no body that is in a file


class JsGate(Gate):
    """`status`: a file of what the script answers."""

    def __init__(self, location="", http="", function="tell", **parts):
        super().__init__(
            f"js_content application.{function};", f"{IN_MEMORY} {location}",
            main=f"load_module {settings.NJS_MODULE};",
            http=f"js_path %%DIR%%; js_import application from application.js; {http}",
            files={"status": "200"}, **parts)

    def start(self):
        self.write("application.js", SCRIPT % self.path("status"))
        super().start()

    def runs(self):
        """How often the script ran."""
        return self.error_log().count("the script runs")


@pytest.fixture(name="start_js")
def start_js_gate(start_nginx):
    if not settings.NJS_MODULE:
        pytest.skip("no njs: Debian's package libnginx-mod-http-js could not be fetched")
    checked = check_config(main=f"load_module {settings.NJS_MODULE};")
    if checked.status != 0:
        pytest.skip(f"this nginx does not load Debian's njs: {checked.message}")

    def start(location="", **parts):
        return start_nginx(JsGate, location=location, **parts)

    return start


@pytest.mark.parametrize("function", ["tell", "tell_later"])
@pytest.mark.parametrize("size", SIZES)
def test_js_gets_the_body_untouched_and_who_it_was(start_js, size, function):
    gate = start_js(function=function)
    body = body_of(size)
    answer = gate.send(body)
    assert answer.status == 200
    assert answer.json() == {"body": body.decode(), "verdict": "verified",
                             "token_id": "mo-the-squirrel", "topic": "chat#room-281"}
    assert gate.verdicts(1) == ["verified"]


def test_js_never_sees_what_is_refused(start_js):
    gate = start_js()
    gate.refuse_all()
    assert gate.runs() == 0


@pytest.mark.parametrize("function", ["tell", "tell_later"])
@pytest.mark.parametrize("status", [200, 302])
def test_what_js_took_is_not_played_again(start_js, status, function):
    gate = start_js(REPLAY, http=ZONE, function=function)
    body = documented_event()
    gate.write("status", str(status))
    assert gate.send(body).status == status
    take(gate, body, 200)
    assert gate.send(body).body == SUCCESS
    assert gate.runs() == 1


@pytest.mark.parametrize("function", ["tell", "tell_later"])
@pytest.mark.parametrize("status", [404, 500])
def test_what_js_refused_may_come_again(start_js, status, function):
    gate = start_js(REPLAY, http=ZONE, function=function)
    body = documented_event()
    gate.write("status", str(status))
    assert gate.send(body).status == status
    gate.write("status", "201")
    take(gate, body, 201)
    take(gate, body, 200)
    assert gate.runs() == 2


def test_a_js_script_that_throws_leaves_nothing_remembered(start_js):
    gate = start_js(REPLAY, http=ZONE)
    body = documented_event()
    gate.write("status", "not a status")
    assert gate.send(body).status == 500
    gate.write("status", "200")
    take(gate, body, 200)
    assert json.loads(gate.send(body).body) == json.loads(SUCCESS)
    assert gate.runs() == 2
