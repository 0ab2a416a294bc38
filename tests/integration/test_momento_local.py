"""conf.d/momento-local.py is what Momento's documentation says its HTTP API is."""

import ast
import base64
import concurrent.futures
import contextlib
import email.message
import http.client
import importlib.util
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

from harness.clients import Connection, RawConnection
from harness.momento import SCRIPT, Momento, Published, text_of
from harness.tls import certificate
from harness.waiting import PATIENCE, eventually

MEGABYTE = 1 << 20


@pytest.fixture
def momento(start_momento):
    return start_momento("cache")


@pytest.fixture(scope="module")
def shared():
    """For tests that leave nothing behind but items and caches of their own."""
    with Momento("cache") as momento:
        yield momento


@contextlib.contextmanager
def in_background(call, *arguments):
    """The future of a call on a thread of its own."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        yield pool.submit(call, *arguments)


@contextlib.contextmanager
def waiting_poll(momento, topic, number=0, page=0):
    """The future of a poll that waits."""
    with in_background(momento.poll, "cache", topic, number, page) as future:
        eventually(lambda: future.done() or momento.waiting("cache", topic), "a waiting poll")
        assert not future.done()
        yield future


def items_of(answer):
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    return answer.json()["items"]


def discontinuity(last, new, page):
    return {"discontinuity": {"last_topic_sequence": last, "new_topic_sequence": new,
                              "new_sequence_page": page}}


def item(number, page, text):
    return {"item": {"topic_sequence_number": number, "sequence_page": page,
                     "value": {"text": text}}}


def publish(momento, topic, *texts):
    for text in texts:
        assert momento.publish("cache", topic, text).status == 204
    return momento.topic_state("cache", topic)["page"]


# The documentation's own lines


def run_curl(line, momento, directory):
    """Runs a line of the documentation as it stands, but for its key. Returns status and body."""
    (directory / ".curlrc").write_text(
        f'connect-to = "::127.0.0.1:{momento.port}"\ninsecure\nsilent\nshow-error\nipv4\n'
        f'max-time = {PATIENCE}\nwrite-out = "\\n%{{http_code}}"\n')
    done = subprocess.run(
        line.replace("<token>", momento.key), shell=True, check=True, capture_output=True,
        env={"PATH": os.environ["PATH"], "CURL_HOME": str(directory)})
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body


PUT_PLAIN = """curl -X PUT -d 'example value' "https://api.cache.cell-1-ap-south-1-1.prod.a.\
momentohq.com/cache/default-cache?key=example_key&ttl_seconds=300&token=<token>\""""
PUT_BASE64 = """curl -X PUT -H "Authorization: <token>" -d 'example value' "https://api.cache.\
cell-1-ap-south-1-1.prod.a.momentohq.com/cache/default-cache?key_base64=ZXhhbXBsZV9rZXk&\
ttl_seconds=300\""""
GET_PLAIN = """curl "https://api.cache.cell-1-eu-west-1-1.prod.a.momentohq.com/cache/default-cache\
?key=example_key&token=<token>\""""
GET_BASE64 = """curl -H "Authorization: <token>" "https://api.cache.cell-1-eu-west-1-1.prod.a.\
momentohq.com/cache/default-cache?key_base64=ZXhhbXBsZV9rZXk\""""
DELETE_PLAIN = """curl -X DELETE "https://api.cache.cell-4-us-west-2-1.prod.a.momentohq.com/cache/\
default-cache?key=example_key&token=<token>\""""
DELETE_BASE64 = """curl -X DELETE -H "Authorization: <token>" "https://api.cache.cell-4-us-west-2-\
1.prod.a.momentohq.com/cache/default-cache?key_base64=ZXhhbXBsZV9rZXk\""""
PUBLISH_TOKEN = """curl -X POST -d 'hello world!' "https://api.cache.cell-us-east-1-1.prod.a.\
momentohq.com/topics/my-cache/example?token=<token>\""""
PUBLISH_HEADER = """curl -X POST -H "Authorization: <token>" -d 'hello world!' "https://api.cache.\
cell-us-east-1-1.prod.a.momentohq.com/topics/my-cache/example\""""
POLL_FIRST = """curl -X GET -H "Authorization: <token>" "https://api.cache.cell-us-east-1-1.prod.a.\
momentohq.com/topics/my-cache/my-topic\""""
POLL_AT = """curl -X GET "https://api.cache.cell-us-east-1-1.prod.a.momentohq.com/topics/my-cache/\
my-topic?token=<token>&sequence_number=100\""""


def test_the_documentations_lines_for_caches(start_momento, tmp_path):
    momento = start_momento("default-cache", tls=True)
    for put, get, delete in ((PUT_PLAIN, GET_BASE64, DELETE_PLAIN),
                             (PUT_BASE64, GET_PLAIN, DELETE_BASE64)):
        assert run_curl(put, momento, tmp_path) == (204, b"")
        assert momento.items("default-cache") == {b"example_key": b"example value"}
        assert run_curl(get, momento, tmp_path) == (200, b"example value")
        for _ in range(2):  # what is not there can be deleted, too
            assert run_curl(delete, momento, tmp_path) == (204, b"")
        status, body = run_curl(get, momento, tmp_path)
        assert (status, json.loads(body)["title"]) == (404, "Key Not Found")


def test_the_documentations_lines_for_topics(start_momento, tmp_path):
    momento = start_momento("my-cache", tls=True)
    for line in (PUBLISH_TOKEN, PUBLISH_HEADER):
        assert run_curl(line, momento, tmp_path) == (204, b"")
    page = momento.topic_state("my-cache", "example")["page"]
    assert momento.messages("my-cache", "example") == [
        Published("my-cache", "example", page, number, "text", b"hello world!", False)
        for number in range(2)]

    with in_background(run_curl, POLL_FIRST, momento, tmp_path) as polled:
        eventually(lambda: momento.waiting("my-cache", "my-topic"), "the poll")
        momento.publish("my-cache", "my-topic", "hello world")
        status, body = polled.result()
    page = momento.topic_state("my-cache", "my-topic")["page"]
    assert (status, json.loads(body)) == (200, {"items": [item(0, page, "hello world")]})

    momento.topic("my-cache", "my-topic", next=104)
    momento.publish("my-cache", "my-topic", "hello world")
    status, body = run_curl(POLL_AT, momento, tmp_path)
    assert (status, json.loads(body)) == (200, {"items": [
        discontinuity(99, 104, page), item(104, page, "hello world")]})


def test_the_documentations_answers(momento):
    momento.topic("cache", "example", page=3)
    with waiting_poll(momento, "example") as polled:
        publish(momento, "example", "hello world")
        assert polled.result().json() == {"items": [
            {"item": {"sequence_page": 3, "topic_sequence_number": 0,
                      "value": {"text": "hello world"}}}]}

    momento.topic("cache", "example", page=1748358253, next=104)
    publish(momento, "example", "hello world")
    # The page changed behind message 100.
    assert momento.poll("cache", "example", 101, 3).json() == {"items": [
        {"discontinuity": {"last_topic_sequence": 100, "new_topic_sequence": 104,
                           "new_sequence_page": 1748358253}},
        {"item": {"topic_sequence_number": 104, "sequence_page": 1748358253,
                  "value": {"text": "hello world"}}}]}


# Refusals: titles and texts are those of Momento's OpenAPI description


REFUSALS = {
    "no key": ("GET", "/cache/cache?key=k", {"Authorization": ""}, 401,
               "No Auth Token Provided"),
    "a wrong key": ("GET", "/cache/cache?key=k", {"Authorization": "wrong"}, 401, "Unauthorized"),
    "a scheme": ("GET", "/cache/cache?key=k", {"Authorization": "Bearer wrong"}, 401,
                 "Invalid authorization header format"),
    "two keys": ("GET", "/cache/cache?key=k&token=wrong", {}, 400,
                 "Multiple Auth Tokens Specified"),
    "both forms": ("PUT", "/cache/cache?key=k&key_base64=aw&ttl_seconds=1", {}, 400,
                   "Multiple Keys Specified"),
    "no cache": ("PUT", "/cache/other?key=k&ttl_seconds=1", {}, 404, "Not Found"),
    "no cache for a topic": ("GET", "/topics/other/topic", {}, 404, "Not Found"),
    "a miss": ("GET", "/cache/cache?key=none", {}, 404, "Key Not Found"),
    "neither form": ("GET", "/cache/cache", {}, 400, None),
    "an empty key": ("GET", "/cache/cache?key=", {}, 400, None),
    "twice": ("GET", "/cache/cache?key=a&key=b", {}, 400, None),
    "not base64": ("DELETE", "/cache/cache?key_base64=a", {}, 400, None),
    "base64 not for URLs": ("GET", "/cache/cache?key_base64=%2B%2F%2B%2F", {}, 400, None),
    "not UTF-8": ("GET", "/cache/cache?key=%FF", {}, 400, None),
    "no ttl": ("PUT", "/cache/cache?key=k", {}, 400, None),
    "a ttl in words": ("PUT", "/cache/cache?key=k&ttl_seconds=long", {}, 400, None),
    "a negative ttl": ("PUT", "/cache/cache?key=k&ttl_seconds=-1", {}, 400, None),
    "a ttl over a day": ("PUT", "/cache/cache?key=k&ttl_seconds=86401", {}, 400, None),
    "no content type": ("POST", "/topics/cache/topic", {}, 400, None),
    "a number in words": ("GET", "/topics/cache/topic?sequence_number=one", {}, 400, None),
    "a number of 65 bits": ("GET", "/topics/cache/topic?sequence_page=18446744073709551616", {},
                            400, None),
    "nothing": ("GET", "/", {}, 404, None),
    "a cache alone": ("GET", "/topics/cache", {}, 404, None),
    "another method": ("PATCH", "/cache/cache?key=k", {}, 404, None),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused(shared, name):
    method, path, headers, status, title = REFUSALS[name]
    for member in ("description", "detail"):
        shared.settings(errors=member)
        answer = shared.request(method, path, headers=headers)
        assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
        body = answer.json()
        assert body.keys() == {"status", "title", member} and body["status"] == status
        assert isinstance(body[member], str) and body[member]
        assert title in (None, body["title"])


def test_a_missing_cache_is_named_as_clients_look_for_it(momento):
    assert momento.get("other", "k").json() == {
        "status": 404, "title": "Not Found", "description": "Cache not found"}
    momento.create("other")
    assert momento.get("other", "k").json()["title"] == "Key Not Found"
    momento.set("other", "k", "v")
    momento.admin("POST", "caches", {"delete": ["other"]})
    assert momento.set("other", "k", "v").status == 404
    momento.create("other")
    assert momento.get("other", "k").status == 404


def test_keys_can_be_changed(momento):
    momento.settings(keys=["another", "and a third"])
    assert momento.get("cache", "k").status == 401
    assert momento.request("GET", "/cache/cache?key=k", key="another").status == 404
    assert momento.calls()[-1]["headers"]["authorization"] == "(key 0)"
    assert "another" not in json.dumps(momento.calls())


def test_a_key_is_never_shown(momento):
    momento.request("GET", f"/cache/cache?key=k&token={momento.key}")
    with Connection(momento.port) as connection:
        connection.request("GET", f"/cache/cache?key=k&%74oken={momento.key}")
    momento.get("cache", "k")
    shown = momento.output() + json.dumps(momento.calls())
    assert momento.key not in shown and "token" not in shown
    assert len(momento.calls("get")) == 3 and len(momento.output().splitlines()) == 3


# Items


NAMES = {
    "plain": "k", "blank": "San Diego", "plus": "a+b", "percent": "100%", "slash": "a/b",
    "question": "a?b#c&d=e", "umlaut": "Zürich", "emoji": "🐿", "NUL": "a\0b", "line": "a\nb",
    "dots": "..", "long": "k" * 2048,
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_what_their_bytes_are(shared, name):
    name = NAMES[name]
    shared.create(name)
    assert shared.set(name, name, name.encode()).status == 204
    assert shared.items(name) == {name.encode(): name.encode()}
    assert shared.get(name, name).body == name.encode()
    coded = base64.urlsafe_b64encode(name.encode()).decode()
    for key in (coded, coded.rstrip("=")):
        answer = shared.request("GET", f"/cache/{http_name(name)}?key_base64={key}")
        assert answer.body == name.encode()
    assert shared.publish(name, name, name).status == 204
    assert [message.data for message in shared.messages(name, name)] == [name.encode()]
    assert shared.delete(name, name).status == 204
    assert shared.items(name) == {}


def http_name(name):
    """As the strictest client writes it: every byte as %XX."""
    return "".join(f"%{byte:02X}" for byte in name.encode())


def test_a_plus_is_a_blank_in_a_query_and_not_in_a_path(momento):
    momento.create("a+b")
    assert momento.request("PUT", "/cache/a+b?key=San+Diego&ttl_seconds=9", b"v").status == 204
    assert momento.items("a+b") == {b"San Diego": b"v"}


@pytest.mark.parametrize("size", [0, 1, 1 << 16, 5 * MEGABYTE - 1])
def test_values_of_any_size_byte_for_byte(shared, size):
    value = (bytes(range(256)) * (size // 256 + 1))[:size]
    assert shared.set("cache", "k", value).status == 204
    answer = shared.get("cache", "k")
    assert answer.body == value
    assert answer.headers["content-type"] == "application/octet-stream"
    assert shared.items("cache")[b"k"] == value


def test_a_value_over_the_limit_is_refused_and_the_old_one_stays(momento):
    momento.set("cache", "k", b"old")
    for size in (5 * MEGABYTE, 20 * MEGABYTE):
        answer = momento.set("cache", "k", b"x" * size)
        assert (answer.status, answer.json()["status"]) == (413, 413)
    assert momento.items("cache") == {b"k": b"old"}


def test_a_body_in_chunks(momento):
    with Connection(momento.port) as connection:
        answer = connection.request("PUT", "/cache/cache?key=k&ttl_seconds=9",
                                    iter([b"one ", b"two"]), {"Authorization": momento.key},
                                    chunked=True)
        assert answer.status == 204
        assert connection.request("GET", "/cache/cache?key=k",
                                  headers={"Authorization": momento.key}).body == b"one two"


def test_items_expire_by_the_clock(momento):
    momento.set("cache", "short", b"v", ttl=10)
    momento.set("cache", "long", b"v", ttl=86400)
    momento.set("cache", "again", b"v", ttl=10)
    momento.settings(clock=9)
    momento.set("cache", "again", b"w", ttl=10)  # counts from now
    assert momento.items("cache").keys() == {b"short", b"long", b"again"}
    momento.settings(clock=11)
    assert momento.items("cache").keys() == {b"long", b"again"}
    assert momento.get("cache", "short").status == 404
    assert momento.get("cache", "again").body == b"w"
    momento.settings(clock=86500)
    assert momento.items("cache") == {}
    assert momento.set("cache", "over", b"v", ttl=0).status == 204
    assert momento.get("cache", "over").status == 404


# What public clients send


def test_the_shapes_that_public_clients_send(momento):
    plain = {"Content-Type": "text/plain;charset=UTF-8"}  # fetch's own of a string
    token = f"token={momento.key}"

    def as_http_client(method, query, body=None, headers=None):  # momento-http-client: no header
        with Connection(momento.port) as connection:
            return connection.request(method, f"/cache/cache?{query}", body, headers)

    assert as_http_client("PUT", f"key=foo&{token}&ttl_seconds=30", "bar", plain).status == 204
    assert as_http_client("GET", f"key=foo&{token}").body == b"bar"
    assert as_http_client("GET", f"key=baz&{token}").status == 404
    assert as_http_client("DELETE", f"key=foo&{token}").status == 204

    # A publisher of JSON: it becomes text, as through EventBridge's API destinations.
    for kind in ("application/json", "application/json; charset=utf-8"):
        assert momento.request("POST", "/topics/cache/events", '{"id":1}',
                               {"Content-Type": kind}).status == 204
    assert {message.kind for message in momento.messages("cache", "events")} == {"text"}

    # A poller that counts on from what it got.
    answer = momento.poll("cache", "events", 1, 0)
    [last] = items_of(answer)
    assert (last["item"]["topic_sequence_number"], text_of(last)) == (1, '{"id":1}')


def test_eventbridges_headers_change_nothing(momento):
    headers = {"User-Agent": "Amazon/EventBridge/ApiDestinations", "Range": "bytes=0-1048575",
               "Content-Type": "application/json; charset=utf-8",
               "Accept-Encoding": "gzip,deflate", "Connection": "close"}
    assert momento.request("POST", "/topics/cache/t", '"hello"', headers).status == 204
    answer = momento.request("PUT", "/cache/cache?key=k&ttl_seconds=9", '"v"', headers)
    assert (answer.status, answer.headers["connection"]) == (204, "close")
    assert momento.request("DELETE", "/cache/cache?key=k", '{"id":"1"}', headers).status == 204
    assert [message.data for message in momento.messages("cache", "t")] == [b'"hello"']


def test_what_a_call_was_is_told(momento):
    momento.request("PUT", "/cache/cache?key=k&ttl_seconds=9", b"value", {"X-Test": "Yes"})
    [call] = momento.calls("set")
    assert call["headers"]["x-test"] == "Yes" and call["length"] == 5
    assert base64.b64decode(call["key_base64"]) == b"k" and call["query"]["ttl_seconds"] == "9"
    momento.get("cache", "other")
    assert momento.counts() == {"set": {204: 1}, "get": {404: 1}}
    assert [each["kind"] for each in momento.calls(after=call["number"])] == ["get"]


# Topics


def test_a_waiting_poll_is_answered_with_the_publish(momento):
    took = []
    for round_ in range(20):
        with waiting_poll(momento, "t") as polled:
            before = time.monotonic()
            publish(momento, "t", f"message {round_}")
            assert [text_of(each) for each in items_of(polled.result())] == [f"message {round_}"]
            took.append(time.monotonic() - before)
    # Three calls, the publish's own included. It looks at its clients only once a second.
    assert sorted(took)[10] < 0.5


def test_a_hundred_waiting_polls_hold_nobody_up(momento):
    topics = [f"topic {number}" for number in range(100)]
    with concurrent.futures.ThreadPoolExecutor(len(topics)) as pool:
        polls = [pool.submit(momento.poll, "cache", topic) for topic in topics]
        eventually(lambda: momento.admin("GET", f"calls?after={1 << 60}")["waiting"] == 100,
                   "a hundred polls")
        for number in range(50):
            assert momento.set("cache", f"{number}", b"v").status == 204
        assert not any(poll.done() for poll in polls)
        for topic in topics:
            publish(momento, topic, topic)
        for topic, poll in zip(topics, polls):
            assert [text_of(each) for each in items_of(poll.result())] == [topic]
    assert momento.counts()["poll"] == {200: 100}


def test_all_polls_of_a_topic_get_the_message(momento):
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        polls = [pool.submit(momento.poll, "cache", "t") for _ in range(5)]
        eventually(lambda: momento.waiting("cache", "t") == 5, "five polls")
        publish(momento, "t", "for all")
        assert {text_of(items_of(poll.result())[0]) for poll in polls} == {"for all"}
    assert momento.topic_state("cache", "t")["most_waiting"] == 5


def test_a_poll_whose_client_left_waits_no_longer(momento):
    with RawConnection(momento.port) as connection:
        connection.send("GET /topics/cache/t HTTP/1.1\r\nHost: localhost\r\n"
                        f"Authorization: {momento.key}\r\n\r\n")
        eventually(lambda: momento.waiting("cache", "t"), "the poll")
    eventually(lambda: not momento.waiting("cache", "t"), "the end of the poll")


def test_polls_resume_where_they_are_told_to(momento):
    page = publish(momento, "t", *(f"{number}" for number in range(10)))
    everything = [item(number, page, f"{number}") for number in range(10)]
    assert items_of(momento.poll("cache", "t", 1, 0)) == everything[1:]
    assert items_of(momento.poll("cache", "t", 7, page)) == everything[7:]
    assert items_of(momento.poll("cache", "t", 0, page)) == everything
    for number, of_page in ((0, 0), (10, page), (10, 0)):  # what comes from now on
        with waiting_poll(momento, "t", number, of_page) as polled:
            publish(momento, "t", "next")
            [got] = items_of(polled.result())
            assert text_of(got) == "next"
        momento.topic("cache", "t", next=10)


def test_what_is_kept_no_longer_is_a_gap(start_momento):
    momento = start_momento("cache", options=["--keep", "3"])
    page = publish(momento, "t", *(f"{number}" for number in range(10)))
    assert items_of(momento.poll("cache", "t", 2, page)) == [
        discontinuity(1, 7, page), *(item(number, page, f"{number}") for number in (7, 8, 9))]
    assert len(momento.messages("cache", "t")) == 10  # for tests all are there


def test_dropped_messages_are_told_before_the_next(momento):
    page = publish(momento, "t", "0")
    momento.topic("cache", "t", drop=2)
    publish(momento, "t", "1", "2")
    with waiting_poll(momento, "t", 1, page) as polled:
        publish(momento, "t", "3")
        assert items_of(polled.result()) == [discontinuity(0, 3, page), item(3, page, "3")]
    assert items_of(momento.poll("cache", "t", 0, page)) == [
        item(0, page, "0"), discontinuity(0, 3, page), item(3, page, "3")]
    # Whoever asks at the number that the gap ends with is told of none.
    assert items_of(momento.poll("cache", "t", 3, page)) == [item(3, page, "3")]
    assert [message.lost for message in momento.messages("cache", "t")] == [
        False, True, True, False]


def test_numbers_that_are_missing_without_a_word(momento):
    page = publish(momento, "t", "0")
    momento.topic("cache", "t", skip=5)
    publish(momento, "t", "6")
    assert items_of(momento.poll("cache", "t", 0, page)) == [item(0, page, "0"),
                                                             item(6, page, "6")]
    assert items_of(momento.poll("cache", "t", 1, page)) == [item(6, page, "6")]


def test_items_that_are_repeated(momento):
    page = publish(momento, "t", "0", "1", "2")
    momento.topic("cache", "t", repeat=2)
    assert items_of(momento.poll("cache", "t", 2, page)) == [
        item(number, page, f"{number}") for number in range(3)]
    assert items_of(momento.poll("cache", "t", 2, page)) == [item(2, page, "2")]


def test_another_page_is_told_at_once(momento):
    page = publish(momento, "t", "0", "1")
    with waiting_poll(momento, "t", 2, page) as polled:
        new = momento.topic("cache", "t", page=True)["page"]
        assert new > page
        assert items_of(polled.result()) == [discontinuity(1, 0, new)]
    publish(momento, "t", "again 0")
    assert items_of(momento.poll("cache", "t", 2, page)) == [discontinuity(1, 0, new),
                                                             item(0, new, "again 0")]
    assert items_of(momento.poll("cache", "t", 0, new)) == [item(0, new, "again 0")]


def test_numbers_that_begin_anew_in_a_page(momento):
    page = publish(momento, "t", "0", "1")
    with waiting_poll(momento, "t", 2, page) as polled:
        momento.topic("cache", "t", next=0)
        assert items_of(polled.result()) == [discontinuity(1, 0, page)]
    publish(momento, "t", "again 0")
    assert items_of(momento.poll("cache", "t", 2, page)) == [discontinuity(1, 0, page),
                                                             item(0, page, "again 0")]


def test_text_and_bytes(momento):
    texts = ["hello", "", 'with "quotes" and \\', "line\nline", "nul \0", "🐿", "\x7f\u2028"]
    page = publish(momento, "t", *texts)
    assert [text_of(each) for each in items_of(momento.poll("cache", "t", 0, page))] == texts
    data = bytes(range(256))
    momento.publish("cache", "t", data)
    [got] = items_of(momento.poll("cache", "t", len(texts), page))
    assert got["item"]["value"] == {"binary": base64.b64encode(data).decode()}
    assert momento.request("POST", "/topics/cache/t", data,
                           {"Content-Type": "text/plain"}).status == 400


def test_messages_have_a_limit(momento):
    assert momento.publish("cache", "t", "x" * 4096).status == 204
    assert momento.publish("cache", "t", "x" * 4097).status == 400
    momento.settings(max_message=0)
    assert momento.publish("cache", "t", "x" * MEGABYTE).status == 204


def test_an_answer_is_bounded_and_the_rest_comes_with_the_next(momento):
    momento.settings(max_message=0)
    sent = [str(number) * MEGABYTE for number in range(6)]
    page = publish(momento, "t", *sent)
    got, number = [], 0
    while number < len(sent):
        answer = momento.poll("cache", "t", number, page)
        assert len(answer.body) < 4 * MEGABYTE
        for each in items_of(answer):
            got.append(text_of(each))
            number = each["item"]["topic_sequence_number"] + 1
    assert got == sent


def test_silence_can_have_a_limit(momento):
    momento.settings(poll_limit=0.05)
    assert items_of(momento.poll("cache", "t")) == []


# Limits and faults


def test_limits_are_answered_as_the_service_does(momento):
    assert {momento.get("cache", "k").status for _ in range(200)} == {404}  # none by default
    momento.settings(topic_rate=0.001, cache_rate=0.001)
    assert momento.get("cache", "k").status == 404
    answer = momento.get("cache", "k")
    assert (answer.status, answer.json()["title"]) == (429, "Resources Exhausted")
    assert momento.publish("cache", "t", "m").status == 204  # topics have a limit of their own
    assert momento.publish("cache", "t", "m").status == 429
    assert len(momento.messages("cache", "t")) == 1


def test_a_status_as_often_as_asked_for(momento):
    momento.fault(on="set", times=2, status=503, headers={"Retry-After": "7"})
    for _ in range(2):
        assert momento.get("cache", "k").status == 404  # another kind
        answer = momento.set("cache", "k", b"v")
        assert (answer.status, answer.headers["retry-after"]) == (503, "7")
        assert answer.json()["status"] == 503
    assert momento.items("cache") == {}
    assert momento.set("cache", "k", b"v").status == 204
    momento.fault(status=429, times=0)
    assert {momento.get("cache", "k").status for _ in range(5)} == {429}
    momento.admin("DELETE", "faults")
    assert momento.get("cache", "k").status == 200


def test_a_fault_can_choose_its_calls(momento):
    key = base64.b64encode(b"k").decode()
    momento.create("other")
    momento.fault(on=["set", "get"], cache="cache", key_base64=key, status=500, times=0)
    assert momento.set("cache", "k", b"v").status == momento.get("cache", "k").status == 500
    assert momento.delete("cache", "k").status == momento.set("other", "k", b"v").status == 204
    assert momento.set("cache", "l", b"v").status == 204
    momento.fault(on="publish", topic="t", status=500)
    assert momento.publish("cache", "u", "m").status == 204
    assert momento.publish("cache", "t", "m").status == 500


def test_a_fault_can_be_a_matter_of_chance(momento):
    momento.fault(chance=0.5, status=500, times=0)
    with Connection(momento.port) as connection:
        statuses = {connection.request("GET", "/cache/cache?key=k",
                                       headers={"Authorization": momento.key}).status
                    for _ in range(200)}
    assert statuses == {404, 500}


def test_a_call_can_take_effect_though_its_answer_is_an_error(momento):
    momento.fault(on="set", status=500, effect=True)
    assert momento.set("cache", "k", b"v").status == 500
    assert momento.items("cache") == {b"k": b"v"}


@pytest.mark.parametrize("effect", [False, True])
def test_an_answer_that_is_late(momento, effect):
    momento.fault(on="set", delay=1, effect=effect)
    before = time.monotonic()
    with in_background(momento.set, "cache", "k", b"v") as late:
        if effect:
            eventually(lambda: momento.items("cache"), "the effect")
        assert late.result().status == 204
    assert time.monotonic() - before >= 1
    assert momento.items("cache") == {b"k": b"v"}
    # Whoever does not wait finds that it had its effect, or that it has it later.
    momento.fault(on="set", delay=1, effect=effect)
    with RawConnection(momento.port) as connection:
        connection.send("PUT /cache/cache?key=l&ttl_seconds=9 HTTP/1.1\r\nHost: localhost\r\n"
                        f"Authorization: {momento.key}\r\nContent-Length: 1\r\n\r\nv")
    eventually(lambda: b"l" in momento.items("cache"), "the effect")


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("cut", ["before", "middle", "reset"])
def test_a_connection_that_is_cut(start_momento, cut, tls):
    momento = start_momento("cache", tls=tls)
    momento.set("cache", "k", b"v" * 1000)
    momento.fault(on="get", cut=cut, effect=True)
    with pytest.raises((http.client.HTTPException, OSError)):
        momento.get("cache", "k")
    assert momento.get("cache", "k").body == b"v" * 1000
    assert momento.counts()["get"] == ({200: 2} if cut == "middle" else {200: 1, 0: 1})


def test_half_an_answer_is_really_half(momento):
    def answer(request):
        with RawConnection(momento.port) as connection:
            connection.send(f"{request} HTTP/1.1\r\nHost: localhost\r\n"
                            f"Authorization: {momento.key}\r\n\r\n")
            return connection.rest()

    momento.set("cache", "k", b"0123456789")
    momento.fault(cut="middle", times=2)
    half = answer("GET /cache/cache?key=k")
    assert b"Content-Length: 10\r\n" in half and half.endswith(b"\r\n\r\n01234")
    half = answer("DELETE /cache/cache?key=k")  # without a body it is half a head
    assert half.startswith(b"HTTP/1.1 204 ") and b"\r\n\r\n" not in half


def test_a_cut_call_that_has_no_effect(momento):
    momento.fault(on="set", cut="before")
    with pytest.raises((http.client.HTTPException, OSError)):
        momento.set("cache", "k", b"v")
    assert momento.items("cache") == {}


def test_answers_that_are_not_momentos(momento):
    momento.fault(html=True)
    answer = momento.get("cache", "k")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html")
    assert answer.body.startswith(b"<!DOCTYPE html>")
    momento.fault(status=302, headers={"Location": "https://portal.invalid/"}, body="")
    answer = momento.get("cache", "k")
    assert (answer.status, answer.headers["location"]) == (302, "https://portal.invalid/")
    momento.fault(on="poll", body='{"items":[{"news":{}}],"more":1}')
    assert momento.poll("cache", "t").json() == {"items": [{"news": {}}], "more": 1}


def test_an_answer_that_is_too_large(momento):
    page = publish(momento, "t", "m")
    momento.fault(on="poll", size=5 * MEGABYTE)
    answer = momento.poll("cache", "t", 0, page)
    assert len(answer.body) > 5 * MEGABYTE and items_of(answer) == [item(0, page, "m")]
    momento.set("cache", "k", b"v")
    momento.fault(on="get", size=5 * MEGABYTE)
    assert len(momento.get("cache", "k").body) == 5 * MEGABYTE


def test_a_fault_that_makes_no_sense_is_refused(momento):
    for members in ({"stauts": 500}, {"on": "sets"}, {"cut": "off"}, {"times": -1},
                    {"status": "500"}, {"delay": 1e9}, {"effect": 1}, []):
        with Connection(momento.port) as connection:
            answer = connection.request("POST", "/_local/faults", json.dumps(members))
        assert (answer.status, list(answer.json())) == (400, ["error"]), members
    assert momento.admin("GET", "faults") == {"faults": []}


def test_the_calls_for_tests_are_not_momentos(momento):
    with Connection(momento.port) as connection:
        helped = connection.request("GET", "/_local")
        assert b"/_local/faults" in helped.body
        assert connection.request("GET", "/_local/nothing").status == 404
        assert connection.request("GET", "/_localhost").status == 404
    momento.create("_local")
    assert momento.set("_local", "items", b"v").status == 204
    momento.admin("POST", "reset")
    assert momento.set("_local", "items", b"v").status == 404
    assert momento.set("cache", "k", b"v").status == 204


# The program


def test_connections_are_kept_and_pipelined(momento):
    with RawConnection(momento.port) as connection:
        request = ("GET /cache/cache?key=k HTTP/1.1\r\nHost: localhost\r\n"
                   f"Authorization: {momento.key}\r\n\r\n")
        connection.send(3 * request)
        assert [connection.response("GET").status for _ in range(3)] == [404] * 3
        connection.send(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
        assert connection.response("GET").headers["connection"] == "close"
        assert connection.closed()
    assert len({call["connection"] for call in momento.calls("get")}) == 1


@pytest.mark.parametrize("sent", [
    "GARBAGE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n",
    f"GET /{'x' * 70000} HTTP/1.1\r\n\r\n",
    "PUT /cache/cache?key=k HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    "PUT /cache/cache?key=k HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n",
], ids=["garbage", "version", "asterisk", "long", "length", "chunk"])
def test_what_is_not_http_is_refused_and_nothing_else(shared, sent):
    with RawConnection(shared.port) as connection:
        with contextlib.suppress(OSError):  # it may have refused what it has not read whole
            connection.send(sent)
        assert re.match(rb"(HTTP/1.1 [45]\d\d )|(\{\"status\":4)", connection.rest())
    assert shared.get("cache", "none").status == 404
    assert "Traceback" not in shared.output()


def test_it_listens_on_loopback_only(momento):
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    port = f"{momento.port:04X}"
    assert [row[1] for row in rows if row[1].endswith(f":{port}") and row[3] == "0A"] == [
        f"0100007F:{port}"]
    with open("/proc/net/tcp6", encoding="ascii") as file:
        assert not any(row.split()[1].endswith(f":{port}") and row.split()[3] == "0A"
                       for row in file.readlines()[1:])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_with_a_poll_waiting(momento, number):
    with pytest.raises((http.client.HTTPException, OSError)):
        with waiting_poll(momento, "t") as polled:
            before = time.monotonic()
            assert momento.stop(number) == 0
            assert time.monotonic() - before < 10
            polled.result()
    assert "Traceback" not in momento.output()
    momento.start()  # the same port is free
    assert momento.get("cache", "k").status == 404


def test_it_chooses_a_port_and_makes_a_key(tmp_path):
    for options in ([], ["--key-file", str(tmp_path / "key")], ["--key-file",
                                                                str(tmp_path / "key")]):
        process = subprocess.Popen(
            [sys.executable, "-B", SCRIPT, "--port", "0", "--cache", "cache", *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            port = int(re.fullmatch(r"endpoint http://127\.0\.0\.1:(\d+)\n",
                                    process.stdout.readline()).group(1))
            if options:
                key = (tmp_path / "key").read_text(encoding="utf-8").strip()
                assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
            else:
                key = re.fullmatch(r"api_key (\S+)\n", process.stdout.readline()).group(1)
                assert json.loads(base64.b64decode(key))["endpoint"] == f"localhost:{port}"
            assert json.loads(base64.b64decode(key)).keys() == {"endpoint", "api_key"}
            with Connection(port) as connection:
                assert connection.request("GET", "/cache/cache?key=k",
                                          headers={"Authorization": key}).status == 404
        finally:
            process.terminate()
            rest = process.communicate(timeout=PATIENCE)[0]
        assert (process.returncode, rest) == (0, "")


def test_wrong_options_are_told(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for options, text in ((["--port", str(taken.getsockname()[1])], "in use"),
                              (["--port", "70000"], "--port"),
                              (["--keep", "0"], "--keep"),
                              (["--tls", "/none", "/none"], "momento-local.py: "),
                              (["--key-file", str(tmp_path / "none/key")], "none/key")):
            done = subprocess.run([sys.executable, "-B", SCRIPT, *options], capture_output=True,
                                  text=True, check=False, timeout=PATIENCE)
            assert done.returncode in (1, 2) and text in done.stderr, options
            assert "Traceback" not in done.stderr


def test_it_needs_nothing_but_python_3_9():
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 9))
    modules = {name.name.split(".")[0] for node in ast.walk(tree)
               if isinstance(node, ast.Import) for name in node.names}
    assert modules <= set(sys.stdlib_module_names)
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))


def loaded_as_a_module():
    spec = importlib.util.spec_from_file_location("momento_local", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_memory_is_bounded():
    local = loaded_as_a_module()
    local.MAX_ITEMS_BYTES = local.MAX_MESSAGES_BYTES = 10_000
    local.MAX_TOPICS, local.MAX_WAITING = 2, 0
    service = local.Service({"keys": ["key"], "errors": "detail", "clock": 0, "topic_rate": 0,
                             "cache_rate": 0, "keep": 1000, "poll_limit": 0,
                             "max_message": 0}, ["cache"])

    def call(method, target, body=b""):
        headers = email.message.Message()
        headers["Authorization"], headers["Content-Type"] = "key", "text/plain"
        made = local.Call(method, target, headers, body, 1)
        return service.perform(made, lambda: False).status

    for number in range(30):
        assert call("PUT", f"/cache/cache?key={number}&ttl_seconds=9", b"x" * 1000) == 204
        assert call("POST", "/topics/cache/a", b"x" * 1000) == 204
    # The oldest are forgotten, and only they.
    assert [int(key) for _, key in service.items] == list(range(22, 30))
    assert [message.number for message in service.messages] == list(range(22, 30))
    assert list(service.topics["cache", "a"].kept) == list(service.messages)
    assert call("POST", "/topics/cache/b") == 204
    assert call("POST", "/topics/cache/c") == 429
    assert call("GET", "/topics/cache/a") == 429  # no further poll may wait


def test_many_clients_at_once(momento):
    failures = []

    def client(number):
        headers = {"Authorization": momento.key, "Content-Type": "text/plain"}
        with Connection(momento.port) as connection:
            for count in range(50):
                answer = connection.post(f"/topics/cache/t{number % 2}", f"{number}:{count}",
                                         headers)
                if answer.status != 204:
                    failures.append(answer)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    for topic in ("t0", "t1"):
        messages = momento.messages("cache", topic)
        assert [message.number for message in messages] == list(range(400))
        for number in range(int(topic[1]), 16, 2):
            mine = [message.data for message in messages
                    if message.data.startswith(f"{number}:".encode())]
            assert mine == [f"{number}:{count}".encode() for count in range(50)]


def test_tls_takes_no_plain_text(start_momento):
    momento = start_momento("cache", tls=True)
    with RawConnection(momento.port) as connection:
        connection.send("GET /cache/cache?key=k HTTP/1.1\r\n\r\n")
        assert not connection.rest().startswith(b"HTTP/")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with RawConnection(momento.port, certificate().client_context(version)) as connection:
            connection.send("GET /cache/cache?key=k HTTP/1.1\r\nHost: localhost\r\n"
                            f"Authorization: {momento.key}\r\n\r\n")
            assert connection.response("GET").status == 404
    assert "Traceback" not in momento.output()
