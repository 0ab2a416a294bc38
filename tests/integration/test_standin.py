"""Delivery to EventBridge, against a stand-in that recomputes every signature with botocore,
holds every request against botocore's model, and answers what a test tells it to."""

import email.utils
import json
import re
import threading
import time

import pytest

from harness import standin as aws
from harness.events import captured_event, documented_event
from harness.tls import certificate
from harness.waiting import eventually
from harness.webhook import eventbridge, webhook

# Exactly as received, though any re-serialisation would change it.
AS_IT_ARRIVED = (
    '{ "text" : "\\u00e9\\/\\u003c \\ud83d\\ude00 \\" \\\\ é 😀 \\u0000\\u001B",\n'
    '\t"unknown": [1.0, 1e2, -0, {"a":{}}, null, true, 9223372036854775807],\r\n'
    '  "topic":"room-281", "cache":"chat", "extra member": "kept",\n'
    '  "publish_timestamp": %s }\n')


def texts(entries):
    return [json.loads(entry["Detail"])["text"] for entry in entries]


def events(*names):
    return [documented_event(text=name) for name in names]


def send_together(hook, standin, names, *answers):
    """Sends one event and, while it is in flight, `names`: they leave in one request, which
    gets the first of `answers`. The destination must have one connection only."""
    gate = threading.Event()
    standin.answer(aws.held(gate), *answers)
    assert hook.send(documented_event(text="first")).status == 200
    standin.wait_for_requests(1)
    for body in events(*names):
        assert hook.send(body).status == 200
    gate.set()
    standin.wait_for_requests(2)
    assert texts(standin.requests[1].entries) == list(names)


# What is sent


@pytest.mark.smoke
@pytest.mark.parametrize("make", [documented_event, captured_event])
def test_an_entry(start_webhook, standin, make):
    hook = start_webhook(standin)
    body = make()
    before = time.time()
    assert hook.send(body).status == 200
    after = time.time()
    entry, = standin.wait_for_entries(1)
    assert before - 0.001 <= entry.pop("Time") <= after
    event = json.loads(body)
    assert entry == {"Source": "Momento", "DetailType": f'{event["cache"]}#{event["topic"]}',
                     "Detail": body.decode(), "EventBusName": "default"}
    request, = standin.requests
    assert request.operation == "PutEvents"
    assert set(request.parameters) == {"Entries"}
    assert request.headers["content-type"] == "application/x-amz-json-1.1"
    assert request.headers["host"] == f"127.0.0.1:{standin.port}"


def test_a_detail_is_the_body_byte_for_byte(start_webhook, standin):
    hook = start_webhook(standin)
    body = (AS_IT_ARRIVED % (time.time_ns() // 1_000_000)).encode()
    assert hook.send(body).status == 200
    entry, = standin.wait_for_entries(1)
    assert entry["Detail"].encode() == body


def test_a_large_detail(start_webhook, standin):
    hook = start_webhook(standin)
    body = documented_event(text='"' * 65_000 + "é" * 30_000)
    assert hook.send(body).status == 200
    assert standin.wait_for_entries(1)[0]["Detail"].encode() == body


@pytest.mark.parametrize("header, taken", [
    ("Root=1-5759e988-bd862e3fe1be46a994272793", True),
    ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", True),
    ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0", True),
    ("Root=1-5759e988", False),
    ("Root=1-5759e988-bd862e3fe1be46a99427279z", False),
    ("hello", False),
    ("", False),
    ("Root=1-5759e988-bd862e3fe1be46a994272793;" + "x" * 500, False),
])
def test_trace_header(start_webhook, standin, header, taken):
    hook = start_webhook(standin)
    assert hook.send(headers={"X-Amzn-Trace-Id": header}).status == 200
    entry, = standin.wait_for_entries(1)
    assert entry.get("TraceHeader") == (header if taken else None)


def test_settings_of_an_entry(start_webhook, standin):
    arn = f"arn:aws:events:{aws.REGION}:123456789012:event-bus/orders"
    hook = start_webhook(destinations=f"""
        momento_destination bus {{
            eventbridge {arn};
            source "my source";
            endpoint {standin.endpoint};
            retry max_delay=1s;
        }}""", env={**standin.environment(), "AWS_REGION": ""})
    assert hook.send().status == 200
    entry, = standin.wait_for_entries(1)
    assert (entry["EventBusName"], entry["Source"]) == (arn, "my source")


def test_a_session_token_is_sent_and_signed(start_webhook, standin):
    standin.credentials[aws.ACCESS_KEY_ID] = (aws.SECRET_ACCESS_KEY, "a/session+token==")
    hook = start_webhook(standin)
    assert hook.send().status == 200
    standin.wait_for_entries(1)
    assert standin.requests[0].headers["x-amz-security-token"] == "a/session+token=="


@pytest.mark.parametrize("setting, environment, profile", [
    ("credentials profile hooks;", {}, "hooks"),
    ("", {"AWS_PROFILE": "hooks"}, "hooks"),
    ("", {}, "default"),
])
def test_credentials_and_region_of_a_profile(start_webhook, standin, setting, environment,
                                             profile):
    section = "default" if profile == "default" else f"profile {profile}"
    hook = start_webhook(
        destinations=eventbridge(standin, settings=setting),
        files={".aws/credentials": f"[other]\naws_access_key_id = x\n[{profile}]\n"
                                   f"aws_access_key_id = {aws.ACCESS_KEY_ID}\n"
                                   f"aws_secret_access_key={aws.SECRET_ACCESS_KEY}\n",
               ".aws/config": f"[{section}]\nregion = {aws.REGION}\n"},
        env=environment)
    assert hook.send().status == 200
    standin.wait_for_entries(1)


def test_tls_with_a_certificate_of_ones_own(start_webhook, start_standin):
    standin = start_standin(tls=True)
    path = certificate().path
    trusting = start_webhook(standin, settings=f"trusted_certificate {path};")
    assert trusting.send().status == 200
    standin.wait_for_entries(1)
    careful = start_webhook(standin)
    assert careful.send().status == 200
    careful.wait_for_log(r'momento: destination "bus" is on hold \(NotConnected: .*cert')
    assert len(standin.accepted) == 1


def test_in_the_clear_no_proxy_of_the_environment_is_used(start_webhook, standin):
    dead = "http://127.0.0.1:1"
    hook = start_webhook(standin, env={"http_proxy": dead, "HTTPS_PROXY": dead,
                                       "ALL_PROXY": dead})
    assert hook.send().status == 200
    standin.wait_for_entries(1)


def test_a_proxy_of_the_configuration_is_used(start_webhook, standin):
    hook = start_webhook(standin, settings="proxy http://127.0.0.1:1;")
    assert hook.send().status == 200
    hook.wait_for_log("momento.*bus")
    assert standin.requests == []


# Batches and connections


def test_one_connection_is_kept(start_webhook, standin):
    hook = start_webhook(standin)
    for number in range(10):
        assert hook.send().status == 200
        standin.wait_for_entries(number + 1)
    assert standin.connections == 1


def test_what_waits_leaves_in_batches_of_ten(start_webhook, standin):
    hook = start_webhook(standin, settings="connections 1;")
    gate = threading.Event()
    standin.always(aws.held(gate))
    for body in events(*map(str, range(61))):
        assert hook.send(body).status == 200
    standin.wait_for_requests(1)
    gate.set()
    standin.wait_for_entries(61)
    assert sorted(texts(standin.accepted), key=int) == list(map(str, range(61)))
    sizes = [len(request.entries) for request in standin.requests]
    assert sizes.count(10) >= 5, sizes


def test_entries_and_connections_are_bounded(start_webhook, standin):
    hook = start_webhook(standin, settings="batch entries=3 linger=0; connections 2;")
    gate = threading.Event()
    standin.always(aws.held(gate))
    for body in events(*map(str, range(30))):
        assert hook.send(body).status == 200
    standin.wait_for_requests(2)
    assert len(standin.requests) == 2
    gate.set()
    standin.wait_for_entries(30)
    assert max(len(request.entries) for request in standin.requests) == 3
    assert standin.connections == 2


def test_the_size_of_a_request_is_bounded(start_webhook, standin):
    hook = start_webhook(standin, settings="batch size=64k linger=1s;")
    standin.unreachable()
    for number in range(8):
        assert hook.send(documented_event(text=f"{number}" + "x" * 30_000)).status == 200
    standin.open()
    standin.wait_for_entries(8)
    for request in standin.requests:
        assert sum(map(aws.entry_size, request.entries)) < 64 * 1024


# What is no success


@pytest.mark.smoke
def test_only_the_entries_that_failed_are_sent_again(start_webhook, standin):
    hook = start_webhook(standin, settings="connections 1;")
    send_together(hook, standin, "abcde",
                  aws.partial({1: "InternalFailure", 3: "ThrottlingException"}))
    standin.wait_for_entries(6)
    again = [texts(request.entries) for request in standin.requests[2:]]
    assert sorted(sum(again, [])) == ["b", "d"]
    assert sorted(texts(standin.accepted)) == ["a", "b", "c", "d", "e", "first"]


TROUBLE = {
    "throttled": aws.throttled(),
    "throttled 429": aws.plain(429),
    "throttled entry": aws.partial({0: "ThrottlingException"}),
    "failed entry": aws.partial({0: "InternalFailure"}),
    "unknown failure of an entry": aws.partial({0: "SomethingNew"}),
    "internal error": aws.error("InternalException", 500),
    "internal error 400": aws.error("InternalFailure", 400),
    "unavailable": aws.error("ServiceUnavailable", 503),
    "a proxy's page": aws.plain(502, b"<html>Bad Gateway</html>"),
    "no JSON": aws.plain(200, b"fine!"),
    "empty": aws.plain(200),
    "no entries": aws.plain(200, b"{}"),
    "another array": aws.plain(200, b'{"FailedEntryCount":0,"Entries":[]}'),
    "neither id nor error": aws.plain(200, b'{"FailedEntryCount":0,"Entries":[{}]}'),
    "reset": aws.reset(),
    "cut off": aws.Answer(200, b"", {"Content-Length": "100"}, close=True),
    "silence": aws.silence(),
    "expired token": aws.error("ExpiredTokenException", 403),
    "unknown key": aws.error("UnrecognizedClientException", 403),
    "no permission": aws.error("AccessDeniedException", 400),
    "no permission, from a proxy": aws.plain(403, b"<html>"),
    "no permission for an entry": aws.partial({0: "AccessDeniedException"}),
    "no such bus": aws.error("ResourceNotFoundException", 400),
    "redirect": aws.plain(307, b"", {"Location": "http://127.0.0.1:1/"}),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_an_event_survives(start_webhook, standin, trouble):
    hook = start_webhook(standin, settings="timeout connect=1s total=1s;")
    standin.answer(TROUBLE[trouble], TROUBLE[trouble])
    body = documented_event()
    assert hook.send(body).status == 200
    standin.wait_for_entries(1)
    assert standin.details() == [body.decode()]
    assert len(standin.requests) >= 3


def test_a_pause_that_aws_asks_for_is_kept(start_webhook, standin):
    hook = start_webhook(standin)
    standin.answer(aws.throttled(after_ms=700))
    assert hook.send().status == 200
    standin.wait_for_entries(1)
    first, second = standin.requests
    assert second.at - first.at >= 0.7


@pytest.mark.parametrize("code", ["ValidationException", "SerializationException"])
def test_one_poison_entry_does_not_take_others_with_it(start_webhook, standin, code):
    def refuse_poison(request):
        if "poison" in texts(request.entries):
            return aws.error(code)
        return aws.succeed(request)

    hook = start_webhook(standin, settings="connections 1;")
    standin.always(refuse_poison)
    send_together(hook, standin, ["a", "b", "c", "poison", "d", "e", "f", "g", "h"])
    standin.wait_for_entries(9)
    assert set(texts(standin.accepted)) == {"first", *"abcdefgh"}
    hook.wait_for_log(code)


@pytest.mark.parametrize("code", ["MalformedDetail", "NotAuthorizedForSourceException",
                                  "InvalidArgument"])
def test_a_refused_entry_stops_nobody_and_is_told(start_webhook, standin, code):
    hook = start_webhook(standin)
    standin.always(aws.partial(
        lambda entry: code if "refused" in entry["Detail"] else None))
    for body in events("refused", "a", "b"):
        assert hook.send(body).status == 200
    standin.wait_for_entries(2)
    assert sorted(texts(standin.accepted)) == ["a", "b"]
    hook.wait_for_log(code)
    # The letter counts at once, its reason a moment later.
    eventually(lambda: hook.numbers()["dead_reasons"] == {code: 1}, "a dead letter")
    eventually(lambda: [hook.numbers()[name] for name in (
        "appended", "delivered", "dead", "pending")] == [3, 2, 1, 0], "the balance")
    assert "Scripted" not in hook.error_log()  # AWS's words may quote the event


def test_a_request_too_large_for_the_front_end_is_split(start_webhook, standin):
    def judge(request):
        return aws.too_large() if len(request.entries) > 2 else aws.succeed(request)

    hook = start_webhook(standin, settings="connections 1;")
    standin.always(judge)
    send_together(hook, standin, "abcdef")
    standin.wait_for_entries(7)
    assert set(texts(standin.accepted)) == {"first", *"abcdef"}


# A destination that cannot be reached


@pytest.mark.smoke
def test_events_wait_for_a_destination_that_cannot_be_reached(start_webhook, standin):
    standin.unreachable()
    hook = start_webhook(standin)
    bodies = events(*"abcdefgh")
    for body in bodies:
        assert hook.send(body).status == 200
    hook.wait_for_log(r"momento.*\bbus\b")
    assert standin.requests == []
    standin.open()
    standin.wait_for_entries(len(bodies))
    assert sorted(standin.details()) == sorted(body.decode() for body in bodies)


def test_a_connection_that_broke_while_idle_costs_nothing(start_webhook, standin):
    hook = start_webhook(standin)
    for count in (1, 2, 3):
        assert hook.send().status == 200
        standin.wait_for_entries(count)
        standin.unreachable()
        standin.open()
    assert len(standin.accepted) == 3


def test_wrong_credentials_are_told_and_lose_nothing(start_webhook, standin):
    hook = start_webhook(destinations=eventbridge(standin), env=standin.environment())
    standin.credentials = {}
    assert hook.send().status == 200
    standin.wait_for_requests(3)
    hook.wait_for_log(r'momento: destination "bus".*UnrecognizedClientException')
    standin.credentials = {aws.ACCESS_KEY_ID: (aws.SECRET_ACCESS_KEY, None)}
    standin.wait_for_entries(1)
    standin.forgive("UnrecognizedClientException")


def test_no_credentials_at_all_are_told_and_lose_nothing(start_webhook, standin):
    hook = start_webhook(destinations=eventbridge(standin), env={"AWS_REGION": aws.REGION},
                         files={".aws/credentials": ""})
    assert hook.send().status == 200
    hook.wait_for_log(r"(?i)momento.*bus.*credentials")
    assert standin.requests == []
    # They come later, in the file that was asked for.
    hook.write(".aws/credentials", f"[default]\naws_access_key_id={aws.ACCESS_KEY_ID}\n"
                                   f"aws_secret_access_key={aws.SECRET_ACCESS_KEY}\n")
    standin.wait_for_entries(1)


@pytest.mark.parametrize("offset", [3600.0, -3600.0])
def test_a_clock_that_is_wrong_is_corrected(start_webhook, standin, offset):
    standin.clock_offset = offset
    hook = start_webhook(standin)
    for _ in range(2):
        assert hook.send().status == 200
    standin.wait_for_entries(2)
    hook.wait_for_log(r"AWS refuses a request for its time: signatures are corrected by (3599|360\d) s")
    # The clock is set right: the correction goes.
    standin.clock_offset = 0.001
    for _ in range(2):
        assert hook.send().status == 200
    standin.wait_for_entries(4)
    assert hook.counts()[1]["dead"] == 0
    assert "on hold" not in hook.error_log()


# Set up wrongly: held, and said at the level that Debian's nginx logs.
WRONG = {
    "a portal's page": (aws.plain(200, b"<html>Log in</html>"),
                        r"the answer 200 \(text/html\) is not AWS's: look at endpoint and proxy"),
    "a redirect": (aws.plain(302, b"", {"Location": "http://127.0.0.1:1/"}),
                   r"the answer 302 \(text/html\) is not AWS's"),
    "another server": (aws.plain(400, b"<html>"), r"the answer 400 .* is not AWS's"),
    "an unknown name": ("endpoint http://momento.invalid;", r"endpoint's name right"),
    "TLS to a plain port": ("endpoint https://127.0.0.1:%%PORT%%;", r"is it http\?"),
    "plain HTTP to nginx's port of TLS": ("endpoint http://127.0.0.1:%%TLS_PORT%%;",
                                          r"is not AWS's: .*is it https\?"),
    "plain HTTP to another port of TLS": ("endpoint http://127.0.0.1:{tls};",
                                          r"is it https\?"),
    "an untrusted certificate": ("endpoint https://127.0.0.1:{tls};", r"certificate trusted"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_set_up_wrongly_is_held(start_webhook, standin, start_standin, what):
    wrong, words = WRONG[what]
    if isinstance(wrong, str):
        setting = wrong.format(tls=start_standin(tls=True).port)
        hook = start_webhook(env=standin.environment(), destinations=(
            f"momento_destination bus {{ eventbridge default; {setting} }}"))
    else:
        standin.always(wrong)
        hook = start_webhook(standin)
    assert hook.send().status == 200
    hook.wait_for_log(r"\[error\].*is on hold \((NotConnected|NoAnswer|Http\d+): .*" + words)
    numbers = hook.status()["destinations"][0]
    assert (numbers["pending"], numbers["dead"], numbers["retried"]) == (1, 0, 0)


@pytest.mark.parametrize("where", ["environment", "profile"])
def test_blanks_around_credentials_are_dropped(start_webhook, standin, where):
    secret = aws.SECRET_ACCESS_KEY
    if where == "environment":
        hook = start_webhook(standin, env={
            "AWS_ACCESS_KEY_ID": f" {aws.ACCESS_KEY_ID}\n", "AWS_REGION": aws.REGION,
            "AWS_SECRET_ACCESS_KEY": f"{secret}\n"})
    else:
        hook = start_webhook(
            destinations=eventbridge(standin), env={"AWS_REGION": aws.REGION},
            files={".aws/credentials": f"[default]\naws_access_key_id = {aws.ACCESS_KEY_ID} \r\n"
                                       f"aws_secret_access_key = {secret}\t\r\n"})
    assert hook.send().status == 200
    standin.wait_for_entries(1)
    told = hook.error_log().count('credentials of kind "environment" have blanks or line ends')
    assert told == (where == "environment")  # in a file blanks mean nothing


def test_credentials_with_a_control_character_are_held(start_webhook, standin):
    hook = start_webhook(standin, env={
        "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY_ID, "AWS_REGION": aws.REGION,
        "AWS_SECRET_ACCESS_KEY": aws.SECRET_ACCESS_KEY.replace("/", "\n")})
    assert hook.send().status == 200
    hook.wait_for_log(r"\[error\].*no credentials: the secret access key holds a control")
    hook.wait_for_log(r"\[error\].*is on hold")
    assert hook.counts()[1]["dead"] == 0
    assert standin.requests == []


def test_no_page_of_a_proxy_moves_the_clock(start_webhook, standin):
    """Its Date is an hour off. Signed by it, requests would be refused, and complained about."""
    late = {"Date": email.utils.formatdate(time.time() + 3600, usegmt=True)}
    standin.answer(*[aws.plain(status, b"<html>", late) for status in (503, 403, 502)])
    hook = start_webhook(standin)
    for _ in range(3):
        assert hook.send().status == 200
    standin.wait_for_entries(3)
    assert "clock" not in hook.error_log()
    assert hook.status()["destinations"][0]["clock_offset_seconds"] == 0


def test_destinations_do_not_wait_for_each_other(start_webhook, start_standin):
    dead, alive = start_standin(), start_standin()
    dead.unreachable()
    hook = start_webhook(
        destinations=eventbridge(dead) + "\n" + eventbridge(alive, "other"),
        server=webhook(destination="other", path="= /other"), env=alive.environment())
    for body in events(*"abcdef"):
        assert hook.send(body).status == 200
        assert hook.send(body, path="/other").status == 200
    alive.wait_for_entries(6)
    assert dead.requests == []
    dead.open()
    dead.wait_for_entries(6)


def test_a_slow_destination_slows_no_answer(start_webhook, standin):
    gate = threading.Event()
    standin.always(aws.held(gate))
    hook = start_webhook(standin, settings="connections 1;")
    for body in events(*"abcdef"):
        assert hook.send(body).status == 200
    assert standin.accepted == []
    gate.set()
    standin.wait_for_entries(6)


def test_what_is_in_flight_at_the_end_may_finish(start_webhook, standin):
    gate = threading.Event()
    standin.always(aws.held(gate))
    hook = start_webhook(standin)
    assert hook.send().status == 200
    standin.wait_for_requests(1)
    pid, = hook.workers()
    stopping = threading.Thread(target=hook.stop)
    stopping.start()
    eventually(lambda: pid in hook.exiting_workers() or pid not in hook.processes(),
               "the end to begin")
    gate.set()
    stopping.join()
    standin.wait_for_entries(1)


def test_a_hanging_destination_does_not_keep_nginx_from_ending(start_webhook, standin):
    standin.always(aws.silence())
    hook = start_webhook(standin, settings="timeout total=10m;")
    assert hook.send().status == 200
    standin.wait_for_requests(1)
    hook.stop()  # which would not wait ten minutes


def test_log_lines_carry_no_event(start_webhook, standin):
    hook = start_webhook(standin)
    standin.answer(*[aws.error("ValidationException", message="Value '[Here I am!!]'")] * 1,
                   aws.throttled(), aws.error("InternalException", 500, "Here I am!!"))
    for _ in range(4):
        assert hook.send().status == 200
    standin.wait_for_entries(3)
    assert "Here I am" not in hook.error_log()
    assert not re.search(aws.SECRET_ACCESS_KEY.replace("+", r"\+"), hook.error_log())


