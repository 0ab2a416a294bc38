"""Momento published a handler for AWS Lambda that does what this module does
(momentohq/topics-eventbridge-integration). It has weaknesses; beside each one that applies
here stands the case that shows that ours does right. There,

 1  a stale event was refused, and published all the same
 2  a timestamp 1 ms in the future ended the process
 3  ... before the sender had proven anything
 4  the signature was computed over the event written anew, not over the bytes sent
 5  ... so that one signature fitted many bodies
 6  members it did not know were dropped
 7  entries that failed in an answer of 200 counted as delivered
 8  a failed call to PutEvents ended the process, and the event with it
10  bytes that are no text ended the process
11  signatures were compared in variable time
12  an empty secret was a secret
16  JSON of strangers was parsed first, and nothing bounded a body
17  cache#topic had no limit, and names with a # were ambiguous
18  neither time nor trace was passed on
19  all failures looked the same
20  any method would do
22  every event was a request of its own, and nothing bounded their rate
"""

import json
import time

import pytest

from harness import standin as aws
from harness.events import FORGED, compact, documented_event, fields, sign, signed
from harness.nginx import check_config
from harness.webhook import (
    BAD_REQUEST, PATH, SPOOL, SUCCESS, UNAUTHORIZED, file_destination, webhook)


def test_01_a_stale_event_with_a_valid_signature_is_not_published(start_webhook):
    hook = start_webhook()
    assert hook.send(documented_event(age_ms=61_000, text="stale")).status == 403
    assert hook.published() == []


@pytest.mark.parametrize("ahead", [1, 1000, 9000])
def test_02_an_event_from_a_clock_that_is_ahead_is_accepted(start_webhook, ahead):
    hook = start_webhook()
    assert hook.send(documented_event(age_ms=-ahead)).status == 200
    assert len(hook.events()) == 1


@pytest.mark.parametrize("published", [2**63 - 1, -1, -2**63, 0, 2**64, 10**30, 1.5, "1"])
def test_03_no_timestamp_hurts_before_it_is_authentic(start_webhook, published):
    hook = start_webhook()
    worker, = hook.workers()
    body = documented_event(publish_timestamp=published)
    assert hook.post(PATH, body, FORGED).body == UNAUTHORIZED
    assert hook.verdicts(1) == ["forged"]
    assert hook.send().status == 200
    assert hook.workers() == [worker]


VARIANTS = {
    "whitespace": lambda event: json.dumps(event, indent=2).encode(),
    "other key order": lambda event: compact(dict(reversed(event.items()))),
    "an unknown member": lambda event: compact({**event, "new": {"a": [1]}}),
    "no token_id": lambda event: compact(
        {name: value for name, value in event.items() if name != "token_id"}),
    "token_id null": lambda event: compact(event).replace(b'"mo-the-squirrel"', b"null"),
    "escaped é": lambda event: compact(event).replace(b"Here", b"\\u00e9"),
    "escaped <": lambda event: compact(event).replace(b"Here", b"\\u003c"),
    "escaped /": lambda event: compact(event).replace(b"Here", b"\\/"),
    "upper-case escape": lambda event: compact(event).replace(b"Here", b"\\u001B"),
    "trailing newline": lambda event: compact(event) + b"\n",
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_04_the_bytes_that_were_sent_are_verified(start_webhook, variant):
    hook = start_webhook()
    body = VARIANTS[variant](fields())
    assert hook.send(body).body == SUCCESS
    assert hook.events()[0]["detail"] == json.loads(body)


def test_04_the_vendors_own_vector_verifies(start_webhook):
    hook = start_webhook()
    body = b'{"text":"some text", "another_field": "another field" }'
    signature = "b43f72787eb66410ff110295b036ef828e5686af21b414ce092f02c05deea3da"
    # Authentic, and no event: it has neither cache nor topic.
    assert hook.post(PATH, body, {"Momento-Signature": signature}).body == BAD_REQUEST


@pytest.mark.parametrize("other", ["reordered", "more members", "whitespace", "array"])
def test_05_a_signature_verifies_one_body_only(start_webhook, other):
    hook = start_webhook()
    event = fields(text="other")
    body = {
        "reordered": compact(dict(reversed(event.items()))),
        "more members": compact({**event, "more": 1}),
        "whitespace": compact(event) + b" ",
        "array": compact(list(event.values())),
    }[other]
    answer = hook.post(PATH, body, {"Momento-Signature": sign(compact(event))})
    assert answer.body == UNAUTHORIZED
    assert hook.published() == []


def test_06_unknown_members_reach_the_bus(start_webhook, standin):
    hook = start_webhook(standin)
    body = documented_event(unknown={"kept": [1, 2.0, None]})
    assert hook.send(body).status == 200
    assert json.loads(standin.wait_for_entries(1)[0]["Detail"])["unknown"] == {
        "kept": [1, 2.0, None]}


def test_07_a_failed_entry_in_an_answer_of_200_is_not_a_success(start_webhook, standin):
    hook = start_webhook(standin)
    standin.answer(aws.partial({0: "InternalFailure"}))
    body = documented_event()
    assert hook.send(body).status == 200
    standin.wait_for_entries(1)
    assert standin.details() == [body.decode()]
    assert len(standin.requests) == 2


@pytest.mark.parametrize("failure", [
    pytest.param(aws.throttled(), id="throttled"),
    pytest.param(aws.error("AccessDeniedException"), id="no permission"),
    pytest.param(aws.error("InternalException", 500), id="internal"),
    pytest.param(aws.reset(), id="network"),
])
def test_08_a_failed_putevents_loses_nothing(start_webhook, standin, failure):
    hook = start_webhook(standin)
    worker, = hook.workers()
    standin.answer(failure)
    body = documented_event()
    assert hook.send(body).body == SUCCESS
    standin.wait_for_entries(1)
    assert standin.details() == [body.decode()]
    assert hook.workers() == [worker]


@pytest.mark.parametrize("body", [b"\xff\xfe\xfd", b'{"cache":"\xff"}'])
@pytest.mark.parametrize("signature", [None, b"\xff\xfe", b"\xc3\xa9" * 32])
def test_10_bytes_that_are_no_text_break_nothing(start_webhook, body, signature):
    hook = start_webhook()
    worker, = hook.workers()
    value = signature or sign(b"").encode()
    with hook.connect_raw() as connection:
        connection.send(b"POST /momento HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n"
                        b"Momento-Signature: %s\r\n\r\n%s" % (len(body), value, body))
        assert connection.response().body == UNAUTHORIZED
    assert hook.send(body).body == BAD_REQUEST
    assert hook.workers() == [worker]


@pytest.mark.parametrize("place", [0, 1, 31, 32, 62, 63])
def test_11_every_digit_of_a_signature_counts(start_webhook, place):
    # That comparing takes the same time wherever they differ is for a unit test to show.
    hook = start_webhook()
    body = documented_event()
    digits = sign(body)
    for other in "0123456789abcdef".replace(digits[place], ""):
        value = digits[:place] + other + digits[place + 1:]
        assert hook.post(PATH, body, {"Momento-Signature": value}).status == 403
    assert hook.post(PATH, body, {"Momento-Signature": digits}).status == 200


@pytest.mark.parametrize("source", [
    '""', """'{"momentoSecret":""}'""", "file:%%DIR%%/empty", "file:%%DIR%%/newline",
    "file:%%DIR%%/json", "env:EMPTY"])
def test_12_an_empty_secret_is_an_error_of_the_configuration(source):
    result = check_config(
        http=SPOOL + file_destination(), server=webhook(secret=source), env={"EMPTY": ""},
        files={"empty": "", "newline": "\n", "json": '{"momentoSecret":""}'})
    assert result.status == 1
    assert "empty" in result.message


def test_12_nobody_signs_with_the_empty_key(start_webhook):
    hook = start_webhook()
    assert hook.send(secret="").status == 403


def test_16_nothing_is_read_before_the_signature_header_is_seen(start_webhook):
    hook = start_webhook()
    with hook.connect_raw() as connection:
        connection.send(f"POST {PATH} HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
        assert connection.response().body == UNAUTHORIZED  # the body was never sent
    assert hook.verdicts(1) == ["unsigned"]


def test_16_what_is_not_authentic_is_not_parsed(start_webhook):
    hook = start_webhook()
    bodies = [b"", b"{", b"[" * 200_000, documented_event(cache=None), documented_event()]
    for body in bodies:
        assert hook.send(body, secret="wrong").body == UNAUTHORIZED
    assert hook.verdicts(len(bodies)) == ["forged"] * len(bodies)


def test_16_bodies_have_a_limit_of_their_own(start_webhook):
    hook = start_webhook(server="client_max_body_size 100m;")
    assert hook.send(documented_event(text="x" * 300_000)).status == 413


@pytest.mark.parametrize("cache, topic, status", [
    ("c" * 63, "t" * 64, 200),
    ("c" * 64, "t" * 64, 400),
    ("é" * 63, "語" * 64, 200),
    ("é" * 64, "語" * 64, 400),
])
def test_17_a_detail_type_over_128_characters_is_refused(start_webhook, standin, cache, topic,
                                                         status):
    hook = start_webhook(standin)
    assert hook.send(documented_event(cache=cache, topic=topic)).status == status
    assert hook.send().status == 200
    types = {entry["DetailType"] for entry in standin.wait_for_entries(1 + (status == 200))}
    assert types == {"chat#room-281", *([f"{cache}#{topic}"] if status == 200 else [])}


def test_17_names_that_hold_the_separator_can_be_told_apart(start_webhook, standin):
    hook = start_webhook(standin)
    for cache, topic in (("a#b", "c"), ("a", "b#c")):
        assert hook.send(documented_event(cache=cache, topic=topic)).status == 200
    entries = standin.wait_for_entries(2)
    assert {entry["DetailType"] for entry in entries} == {"a#b#c"}
    details = [json.loads(entry["Detail"]) for entry in entries]
    assert {(each["cache"], each["topic"]) for each in details} == {("a#b", "c"), ("a", "b#c")}


def test_18_time_and_trace_reach_the_bus(start_webhook, standin):
    hook = start_webhook(standin)
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793"
    before = time.time()
    assert hook.send(headers={"X-Amzn-Trace-Id": trace}).status == 200
    after = time.time()
    entry, = standin.wait_for_entries(1)
    assert before - 0.001 <= entry["Time"] <= after
    assert entry["TraceHeader"] == trace


def test_18_time_is_when_the_event_was_accepted_not_when_it_was_sent(start_webhook, standin):
    standin.unreachable()
    hook = start_webhook(standin)
    assert hook.send().status == 200
    accepted = time.time()
    hook.wait_for_log(r"momento.*\bbus\b")
    standin.open()
    entry, = standin.wait_for_entries(1)
    assert entry["Time"] <= accepted


def test_19_failures_can_be_told_apart(start_webhook):
    hook = start_webhook()
    good, stale = documented_event(), documented_event(age_ms=90_000)
    early = documented_event(age_ms=-90_000)
    for body, headers, status in [
            (good, {}, 403), (good, signed(good, "wrong"), 403), (stale, signed(stale), 403),
            (early, signed(early), 403), (b"{", signed(b"{"), 400)]:
        assert hook.post(PATH, body, headers).status == status
    assert hook.verdicts(5) == ["unsigned", "forged", "stale", "early", "malformed"]


@pytest.mark.parametrize("sequence, status", [
    (0, 200), (2**63 - 1, 200), (2**63, 400), (2**64, 400)])
def test_19_a_sequence_number_beyond_64_bits_is_told_as_malformed(start_webhook, sequence,
                                                                  status):
    hook = start_webhook()
    assert hook.send(documented_event(topic_sequence_number=sequence)).status == status


def test_20_only_post_to_the_location_counts(start_webhook):
    hook = start_webhook()
    body = documented_event(text="elsewhere")
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        assert hook.request(method, PATH, body, signed(body)).status == 405
    for path in ("/", "/momento/", "/momento2", "/Momento"):
        assert hook.send(body, path=path).status == 404 or path == "/"
    assert hook.published() == []


@pytest.mark.parametrize("headers", [
    {}, {"Content-Type": "application/json"}, {"Content-Type": "text/plain; charset=latin1"},
    {"User-Agent": "Test Harness/PostmanRuntime"}, {"Content-Type": ""}])
def test_20_headers_momento_never_promised_are_not_required(start_webhook, headers):
    hook = start_webhook()
    body = documented_event()
    assert hook.post(PATH, body, {"Momento-Signature": sign(body), **headers}).status == 200


def test_22_events_share_putevents_requests_and_connections(start_webhook, standin):
    standin.unreachable()
    hook = start_webhook(standin, settings="connections 2;")
    for number in range(50):
        assert hook.send(documented_event(text=f"{number}")).status == 200
    standin.open()
    standin.wait_for_entries(50)
    assert len(standin.requests) < 25
    assert standin.connections <= 2


def test_22_a_flood_is_nginxs_to_limit(start_webhook, standin):
    hook = start_webhook(standin, location="limit_req zone=hooks;",
                         http="limit_req_zone $binary_remote_addr zone=hooks:1m rate=1r/m;")
    answers = [hook.send().status for _ in range(20)]
    assert answers == [200] + [503] * 19
    assert len(standin.wait_for_entries(1)) == 1
