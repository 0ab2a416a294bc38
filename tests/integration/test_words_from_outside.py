"""Variables tell what an event says, in places where a control character would say more."""

import json

import pytest

from harness import settings
from harness.backend import Backend
from harness.events import documented_event
from harness.fastcgi import FastCgi
from harness.gate import Gate
from harness.webhook import file_destination, webhook

# Every byte that stands escaped, and some that do not.
CONTROLS = "".join(map(chr, [*range(0x20), 0x7F]))
PLAIN = " ~!\"'\\/..$&é\u0085\u2028"
WORDS = {
    "cache": f"a{CONTROLS}b",
    "topic": "50%\r\nX-Injected: 1\r\n",
    "token_id": "x\r\n\r\nGET /admin HTTP/1.1\r\nHost: x\r\n\r\n" + PLAIN,
}
VARIABLES = {f"x-{name.replace('_', '-')}": f"$momento_{name}" for name in WORDS}


def escaped(text):
    return "".join(f"%{ord(c):02X}" if c in CONTROLS + "%" else c for c in text)


def told():
    """What variables tell of WORDS, by the header's name that VARIABLES gives."""
    return {f"x-{name.replace('_', '-')}": escaped(text) for name, text in WORDS.items()}


def headers_of(arrived):
    # http.client reads headers as Latin-1.
    return {name: value.encode("latin-1").decode() for name, value in arrived.items()}


@pytest.fixture(name="backend")
def start_backend():
    backend = Backend()
    yield backend
    backend.close()


@pytest.mark.smoke
def test_a_proxied_request_has_the_headers_that_the_configuration_gives_it(start_nginx, backend):
    settings_ = "".join(f"proxy_set_header {name} {variable}; "
                        for name, variable in VARIABLES.items())
    gate = start_nginx(Gate, handler=f"proxy_pass {backend.url};", location=settings_)
    body = documented_event(**WORDS)
    assert gate.send(body).status == 200
    arrived, = backend.requests
    headers = headers_of(arrived.headers)
    assert {name: headers[name] for name in VARIABLES} == told()
    assert "x-injected" not in headers
    assert (arrived.path, arrived.body) == ("/app", body)


def test_a_fastcgi_parameter_is_one_line(start_nginx):
    if not settings.FCGIWRAP:
        pytest.skip("no fcgiwrap: Debian's package could not be fetched")
    application = FastCgi()
    try:
        gate = start_nginx(
            Gate, handler=application.handler,
            location="".join(f"fastcgi_param HTTP_{name.upper()} $momento_{name}; "
                             for name in WORDS))
        body = documented_event(**WORDS)
        assert gate.send(body).status == 200
        parameters = application.parameters()
        assert {name: parameters[f"HTTP_{name.upper()}"] for name in WORDS} == {
            name: escaped(text) for name, text in WORDS.items()}
        assert application.bodies() == [body]
    finally:
        application.close()


@pytest.mark.smoke
def test_an_answer_and_a_log_line_say_what_the_configuration_lets_them(start_webhook, standin):
    hook = start_webhook(
        standin,
        "".join(f"add_header {name} {variable} always; " for name, variable in VARIABLES.items())
        + "access_log %%DIR%%/raw.log raw;",
        http='log_format raw escape=none "<$momento_cache|$momento_topic|$momento_token_id>";')
    body = documented_event(**WORDS)
    answer = hook.send(body)
    assert answer.status == 200
    headers = headers_of(answer.headers)
    assert {name: headers[name] for name in VARIABLES} == told()
    assert "x-injected" not in headers

    # The bus gets the event's own words.
    entry, = standin.wait_for_entries(1)
    assert entry["DetailType"] == f"{WORDS['cache']}#{WORDS['topic']}"
    assert entry["Detail"].encode() == body

    hook.stop()  # its log is written
    line = "|".join(escaped(text) for text in WORDS.values())
    assert hook.path("raw.log").read_bytes().decode() == f"<{line}>\n"


def test_a_secret_is_bound_to_the_events_own_words(start_webhook):
    hook = start_webhook(server=webhook(
        'momento_webhook_secret of-the-topic cache=chat "topic=50%\\r\\n";',
        secret=None, path="= /bound"))
    bound = {"path": "/bound", "secret": "of-the-topic"}
    assert hook.send(documented_event(topic="50%\r\n"), **bound).status == 200
    for other in ("50%", "50%25%0D%0A", "50%25"):
        assert hook.send(documented_event(topic=other), **bound).status == 403


def test_a_map_routes_by_what_variables_tell(start_webhook):
    destinations = file_destination() + file_destination("half") + file_destination("lines")
    hook = start_webhook(
        destinations=destinations,
        http="""map $momento_topic $destination {
            volatile;
            default bus;
            "50%25" half;
            "~%0[AD]" lines;
        }""",
        server=webhook(destination="$destination", path="= /routed"))
    for topic, destination in (("50%", "half"), ("a\r\nb", "lines"), ("50%25", "bus")):
        assert hook.send(documented_event(topic=topic), path="/routed").status == 200
        event, = hook.events(1, destination)
        assert event["detail-type"] == f"chat#{topic}"
        assert event["detail"]["topic"] == topic


def test_a_letter_without_a_destination_keeps_the_events_own_words(start_webhook, momentoctl):
    hook = start_webhook(server=webhook(destination="$momento_topic", path="= /routed"))
    body = documented_event(topic="no\r\nwhere")
    assert hook.send(body, path="/routed").status == 200
    hook.wait_for_log(r'names the unknown destination "no%0D%0Awhere"')
    letters = momentoctl("dead", "cat", hook.path("spool")).stdout.decode()
    assert json.dumps("no\r\nwhere")[1:-1] in letters
