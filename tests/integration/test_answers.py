"""Every answer of a webhook: status, headers, body, verdict and variables."""

import stat

import pytest

from harness import settings
from harness import standin as aws
from harness.events import captured_event, compact, documented_event, fields, sign, signed
from harness.files import below
from harness.waiting import eventually
from harness.webhook import BAD_REQUEST, PATH, SUCCESS, UNAUTHORIZED, UNAVAILABLE, webhook

EMPTY = {"cache": "", "topic": "", "token_id": "", "sequence": "", "age": ""}


def assert_answer(answer, status, body, **headers):
    """Exactly this answer: no header more or less than nginx's own and these."""
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(body))
    own = {"server", "date", "content-type", "content-length", "connection"}
    more = {name: value for name, value in answer.headers.items() if name not in own}
    assert more == {name.replace("_", "-"): value for name, value in headers.items()}


def judged(hook, verdict, **variables):
    """The only request so far, as the access log has it."""
    request, = hook.judged()
    assert request["verdict"] == verdict
    assert {name: request[name] for name in variables} == variables
    return request


# 200


@pytest.mark.smoke
def test_accepted(start_webhook):
    hook = start_webhook()
    answer = hook.send()
    assert_answer(answer, 200, SUCCESS)
    assert answer.headers["connection"] == "keep-alive"
    request = judged(hook, "accepted", status="200", cache="chat", topic="room-281",
                     token_id="mo-the-squirrel", sequence="1")
    assert 0 <= int(request["age"]) < 60_000
    assert len(hook.events()) == 1


def test_accepted_without_a_token_id(start_webhook):
    hook = start_webhook()
    assert_answer(hook.send(captured_event()), 200, SUCCESS)
    judged(hook, "accepted", cache="serverless", topic="test", token_id="", sequence="3")


def test_the_age_of_an_event_from_the_future_is_negative(start_webhook):
    hook = start_webhook()
    assert hook.send(documented_event(age_ms=-5000)).status == 200
    assert -5000 <= int(judged(hook, "accepted")["age"]) < 0


def test_the_version_is_set_in_every_location(start_webhook):
    hook = start_webhook(server="location = /version { return 200 $momento_version; }")
    version = hook.get("/version").body.decode()
    text = (settings.REPOSITORY / "core/base/version.h").read_text()
    assert f'"{version}"' in text
    assert hook.judged()[0]["verdict"] == ""


# 403

REFUSED_SIGNATURES = {
    "another secret's": sign(documented_event(), "another secret"),
    "upper case": "A" * 64,
    "63 digits": "a" * 63,
    "65 digits": "a" * 65,
    "one digit": "a",
    "empty": "",
    "not hexadecimal": "g" * 64,
    "with a prefix": "sha3=" + "a" * 64,
    "blank inside": "a" * 31 + "  " + "a" * 31,
}


@pytest.mark.parametrize("signature", REFUSED_SIGNATURES.values(), ids=REFUSED_SIGNATURES)
def test_forged(start_webhook, signature):
    hook = start_webhook()
    answer = hook.post(PATH, documented_event(), {"Momento-Signature": signature})
    assert_answer(answer, 403, UNAUTHORIZED)
    judged(hook, "forged", **EMPTY)


def test_an_authentic_signature_in_upper_case_is_forged(start_webhook):
    hook = start_webhook()
    body = documented_event()
    assert_answer(hook.send(body, {"Momento-Signature": sign(body).upper()}), 403, UNAUTHORIZED)
    judged(hook, "forged", **EMPTY)


@pytest.mark.smoke
def test_unsigned(start_webhook):
    hook = start_webhook()
    assert_answer(hook.post(PATH, documented_event()), 403, UNAUTHORIZED)
    judged(hook, "unsigned", **EMPTY)


@pytest.mark.parametrize("second", ["same", "other", "empty"])
def test_unsigned_if_signed_twice(start_webhook, second):
    hook = start_webhook()
    body = documented_event()
    value = {"same": sign(body), "other": "0" * 64, "empty": ""}[second]
    with hook.connect_raw() as connection:
        connection.send(f"POST {PATH} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n"
                        f"Momento-Signature: {sign(body)}\r\n"
                        f"momento-signature: {value}\r\n\r\n")
        connection.send(body)
        assert_answer(connection.response(), 403, UNAUTHORIZED)
    judged(hook, "unsigned", **EMPTY)


# An event exactly as old as allowed cannot be told from one that is a millisecond older from
# out here: the exact boundaries are unit tests of core/ingest/freshness.

@pytest.mark.parametrize("age, location, verdict", [
    (58_000, "", "accepted"),
    (60_001, "", "stale"),
    (3_600_000, "", "stale"),
    (3_600_000, "momento_webhook_max_age 2h;", "accepted"),
    (1_500, "momento_webhook_max_age 1s;", "stale"),
    (-8_000, "", "accepted"),
    (-30_000, "", "early"),
    (-30_000, "momento_webhook_max_ahead 1m;", "accepted"),
    (-3_000, "momento_webhook_max_ahead 0;", "early"),
])
def test_freshness(start_webhook, age, location, verdict):
    hook = start_webhook(location=location)
    answer = hook.send(documented_event(age_ms=age))
    if verdict == "accepted":
        assert_answer(answer, 200, SUCCESS)
    else:
        assert_answer(answer, 403, UNAUTHORIZED)
    # Authentic, so the log says whose it was.
    judged(hook, verdict, cache="chat", topic="room-281")
    assert len(hook.published()) == (verdict == "accepted")


@pytest.mark.parametrize("published", [0, -1, -2**63, 2**63 - 1])
def test_freshness_at_the_ends_of_time(start_webhook, published):
    hook = start_webhook()
    assert_answer(hook.send(documented_event(publish_timestamp=published)), 403, UNAUTHORIZED)
    judged(hook, "stale" if published <= 0 else "early")


# 400


def with_member(text):
    """An authentic event with one more member, given as JSON text."""
    return documented_event()[:-1] + b"," + (
        text if isinstance(text, bytes) else text.encode()) + b"}"


MALFORMED = {
    "empty body": b"",
    "blank": b" ",
    "text": b"hello",
    "array": b"[" + documented_event() + b"]",
    "string": b'"text"',
    "number": b"1",
    "null": b"null",
    "cut off": documented_event()[:-1],
    "two objects": documented_event() + documented_event(),
    "no cache": documented_event(cache=None),
    "no topic": documented_event(topic=None),
    "no publish_timestamp": documented_event(publish_timestamp=None),
    "publish_timestamp is a string": documented_event(publish_timestamp="1"),
    "publish_timestamp is a fraction": documented_event(publish_timestamp=1.5),
    "cache is a number": documented_event(cache=7),
    "cache twice": with_member('"cache":"chat"'),
    "topic twice": with_member('"topic":"room-281"'),
    "publish_timestamp twice": with_member('"publish_timestamp":1'),
    "topic_sequence_number twice": with_member('"topic_sequence_number":1'),
    "token_id twice": with_member('"token_id":""'),
    "a name twice, once escaped": with_member('"t\\u006fpic":"other"'),
    "integer of 65 bits": with_member(f'"more":{2**64}'),
    "integer of 64 bits": with_member(f'"more":{2**63}'),
    "large negative integer": with_member(f'"more":{-2**63 - 1}'),
    "large integer deep inside": with_member(f'"more":[{{"a":[{2**63}]}}]'),
    "cache#topic too long": documented_event(cache="c" * 64, topic="t" * 64),
    "invalid UTF-8": with_member(b'"more":"\xff\xfe"'),
    "overlong UTF-8": with_member(b'"more":"\xc0\xaf"'),
    "UTF-16 surrogate in UTF-8": with_member(b'"more":"\xed\xa0\x80"'),
    "byte order mark": b"\xef\xbb\xbf" + documented_event(),
    "control character in a string": with_member(b'"more":"\x01"'),
    "NaN": with_member('"more":NaN'),
    "trailing comma": documented_event()[:-1] + b",}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed(start_webhook, body):
    hook = start_webhook()
    assert_answer(hook.send(body), 400, BAD_REQUEST)
    judged(hook, "malformed", cache="", topic="")
    assert hook.published() == []
    assert "momento: webhook is malformed: " in hook.error_log()
    requests, numbers = hook.counts()
    assert (requests["malformed"], numbers["dead_reasons"]) == (1, {"malformed": 1})


def test_malformed_if_too_large_for_the_batch(start_webhook):
    hook = start_webhook(settings="batch size=64k;")
    assert_answer(hook.send(documented_event(text="x" * 65_536)), 400, BAD_REQUEST)
    judged(hook, "malformed")
    assert hook.send(documented_event(text="x" * 60_000)).status == 200
    assert len(hook.events()) == 1


def test_who_has_no_secret_learns_nothing_about_the_body(start_webhook):
    hook = start_webhook()
    bodies = [b"", b"[]", documented_event()[:-1], documented_event(),
              documented_event(age_ms=3_600_000), documented_event(cache="c" * 200)]
    for body in bodies:
        assert_answer(hook.send(body, secret="wrong"), 403, UNAUTHORIZED)
    for request in hook.judged(len(bodies)):
        assert request["verdict"] == "forged"
        assert {name: request[name] for name in EMPTY} == EMPTY


# 405


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])
def test_other_methods(start_webhook, method):
    hook = start_webhook()
    body = documented_event()
    answer = hook.request(method, PATH, body, signed(body))
    assert_answer(answer, 405, b'{"message":"Method Not Allowed"}', allow="POST")
    judged(hook, "", **EMPTY)


def test_head(start_webhook):
    hook = start_webhook()
    answer = hook.request("HEAD", PATH)
    assert (answer.status, answer.headers["allow"], answer.body) == (405, "POST", b"")
    assert answer.headers["content-type"] == "application/json"


# 413


@pytest.mark.parametrize("location, size", [
    ("", 256 * 1024),
    ("momento_webhook_max_body 2k;", 2048),
    ("client_max_body_size 3k;", 3072),
])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_may_be_as_large_as_allowed(start_webhook, location, size, chunked):
    hook = start_webhook(location=location, settings="batch size=900k;")
    for too_much in (1, 0):
        body = documented_event(text="x" * (size + too_much - len(documented_event(text=""))))
        assert len(body) == size + too_much
        with hook.connect() as connection:
            content = iter([body]) if chunked else body
            answer = connection.request("POST", PATH, content, signed(body), chunked)
        assert answer.status == (413 if too_much else 200)
        assert answer.headers["content-type"] == (
            "text/html" if too_much else "application/json")
    assert hook.verdicts(2) == ["", "accepted"]
    assert len(hook.events()) == 1


# 503


def test_overloaded_while_the_disk_fails(start_webhook, disk):
    hook = start_webhook(disk=disk)
    disk.fails()
    assert_answer(hook.send(), 503, UNAVAILABLE, retry_after="1")
    judged(hook, "overloaded", cache="chat", topic="room-281")
    disk.works()
    eventually(lambda: hook.send().status == 200, "an accepted event")


def test_overloaded_while_the_spool_cannot_be_entered(start_webhook):
    hook = start_webhook()
    hook.allow_faults()
    hook.allow(r"may hold orphans and is left alone: cannot open directory")
    spool = hook.path("spool")
    mode = spool.stat().st_mode
    spool.chmod(0)
    assert_answer(hook.send(), 503, UNAVAILABLE, retry_after="1")
    assert hook.verdicts(1) == ["overloaded"]
    hook.wait_for_log(r'momento: nothing can be stored for "bus": .*/spool": Permission denied')
    spool.chmod(mode)
    eventually(lambda: hook.send().status == 200, "an accepted event")


def test_overloaded_when_the_log_is_full_until_it_is_not(start_webhook, standin):
    standin.unreachable()
    hook = start_webhook(standin, spool="momento_spool %%DIR%%/spool size=4m segment=1m;")
    body = documented_event(text="x" * 100_000)
    answers = []
    while not answers or answers[-1].status == 200:
        answers.append(hook.send(body))
        assert len(answers) < 50
    assert len(answers) > 10
    assert_answer(answers[-1], 503, UNAVAILABLE, retry_after="1")
    assert hook.verdicts(len(answers))[-1] == "overloaded"
    used = sum(info.st_size for _, info in below(hook.path("spool"))
               if stat.S_ISREG(info.st_mode))
    assert used <= 4 * 1024 * 1024 + 16 * 1024  # segments; and the cursor
    standin.open()
    standin.wait_for_entries(len(answers) - 1)
    assert set(standin.details()) == {body.decode()}


# What holds for all answers


def cases():
    """Requests with every answer the module itself gives: method, body, headers, status."""
    good, stale = documented_event(), documented_event(age_ms=3_600_000)
    return [
        ("POST", good, signed(good), 200),
        ("POST", good, {}, 403),
        ("POST", good, signed(good, "wrong"), 403),
        ("POST", stale, signed(stale), 403),
        ("POST", b"[]", signed(b"[]"), 400),
        ("GET", None, {}, 405),
        ("PUT", good, signed(good), 405),
    ]


@pytest.mark.smoke
@pytest.mark.parametrize("tls", [False, True])
def test_connections_survive_refusals(start_webhook, tls):
    hook = start_webhook()
    with hook.connect(tls) as connection:
        connection.request("GET", PATH)
        first = connection.http.sock
        for method, body, headers, status in cases() * 3:
            answer = connection.request(method, PATH, body, headers)
            assert (answer.status, answer.headers["connection"]) == (status, "keep-alive")
        assert connection.http.sock is first


def test_connections_survive_an_overload(start_webhook, disk):
    hook = start_webhook(disk=disk)
    disk.fails()
    body = documented_event()
    with hook.connect() as connection:
        for _ in range(3):
            answer = connection.post(PATH, body, signed(body))
            assert (answer.status, answer.headers["connection"]) == (503, "keep-alive")


@pytest.mark.smoke
def test_answers_on_http_2(start_webhook):
    hook = start_webhook()
    for method, body, headers, status in cases():
        answer = hook.curl(PATH, body, headers, ["--request", method])
        assert (answer.version, answer.status) == ("2", status)
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["message"]
    assert hook.verdicts(7) == ["accepted", "unsigned", "forged", "stale", "malformed", "", ""]


def test_error_pages_leave_answers_alone(start_webhook, disk):
    hook = start_webhook(disk=disk, server="""
        error_page 400 403 405 500 503 =200 /page;
        location = /page { return 200 "a page"; }
        location = /other { return 403; }""")
    assert hook.get("/other").body == b"a page"
    disk.fails()
    assert_answer(hook.send(), 503, UNAVAILABLE, retry_after="1")
    disk.works()
    eventually(lambda: hook.send().status == 200, "an accepted event")
    for method, body, headers, status in cases():
        answer = hook.request(method, PATH, body, headers)
        assert answer.status == status
        assert answer.json()["message"]


def test_verdicts_survive_an_error_page(start_webhook):
    hook = start_webhook(location="momento_webhook_max_body 1k; error_page 413 = /page;",
                         server="location = /page { return 200 page; }")
    assert hook.send(documented_event(text="x" * 2000)).status == 200
    assert hook.verdicts(1) == [""]
    assert hook.published() == []


def test_added_headers_come_with_answers(start_webhook):
    hook = start_webhook(location="add_header X-Always yes always; add_header X-Good yes;")
    assert hook.send().headers["x-good"] == "yes"
    refused = hook.post(PATH, b"{}")
    assert (refused.headers["x-always"], refused.headers.get("x-good")) == ("yes", None)


# Dry run


def test_dry_run_refuses_and_queues_nothing(start_webhook):
    hook = start_webhook(location="momento_webhook_dry_run on;",
                         server=webhook(path="= /real"))
    for _, body, headers, _ in cases()[:5]:
        assert_answer(hook.post(PATH, body, headers), 200, b'{"message":"Dry run"}')
    assert hook.verdicts(5) == ["accepted", "unsigned", "forged", "stale", "malformed"]
    assert hook.send(path="/real").status == 200
    assert len(hook.events()) == 1


def test_dry_run_refuses_neither_method_nor_size(start_webhook):
    hook = start_webhook(
        location="momento_webhook_dry_run on; momento_webhook_max_body 1k; add_header X-Ours 1;")
    large = documented_event(text="x" * 20_000)
    answers = [hook.get("/momento"), hook.request("PUT", "/momento", large), hook.send(large)]
    with hook.connect() as connection:
        answers.append(connection.request("POST", "/momento", iter([large]), signed(large),
                                          chunked=True))
        answers.append(connection.post("/momento", documented_event(), signed(b"other")))
    assert {answer.status for answer in answers} == {200}
    assert {answer.body for answer in answers} == {b'{"message":"Dry run"}'}
    assert hook.verdicts(5) == ["", "", "", "", "forged"]
    assert hook.status()["webhooks"][0]["requests"]["dry_run"] == 5
    log = hook.error_log()
    assert log.count("dry run: webhook is not judged: it is not a POST") == 2
    assert log.count("is not judged: it is larger than momento_webhook_max_body") == 2


def test_dry_run_needs_no_disk(start_webhook, disk):
    hook = start_webhook(location="momento_webhook_dry_run on;", disk=disk)
    disk.fails()
    assert_answer(hook.send(), 200, b'{"message":"Dry run"}')
    assert hook.verdicts(1) == ["accepted"]
    assert list(hook.path("spool").iterdir()) == []


# Secrets


def test_any_of_several_secrets_verifies(start_webhook):
    hook = start_webhook(secret="old", location="momento_webhook_secret new;")
    for secret, status in (("old", 200), ("new", 200), ("other", 403)):
        assert hook.send(secret=secret).status == status


SOURCES = {
    "plain": ("s3cret", "s3cret"),
    "plain in quotes": ('"s3 cret;"', "s3 cret;"),
    "not ASCII": ("sécret", "sécret"),
    "file": ("file:%%DIR%%/plain", "from a file"),
    "file with CRLF": ("file:%%DIR%%/crlf", "from a file"),
    "file with two newlines": ("file:%%DIR%%/newlines", "from a file\n"),
    "JSON file": ("file:%%DIR%%/json", "member"),
    "JSON file, other member": ("file:%%DIR%%/json#chat", "other"),
    "JSON": ("""'{"momentoSecret":"member"}'""", "member"),
    "variable": ("env:HOOK_SECRET", "from the environment"),
    "JSON variable": ("env:HOOK_JSON#chat", "other"),
}
FILES = {"plain": "from a file\n", "crlf": "from a file\r\n", "newlines": "from a file\n\n",
         "json": '{"momentoSecret":"member","chat":"other"}\n'}
ENVIRONMENT = {"HOOK_SECRET": "from the environment", "HOOK_JSON": '{"chat":"other"}'}


@pytest.mark.parametrize("source, secret", SOURCES.values(), ids=SOURCES)
def test_sources_of_secrets(start_webhook, source, secret):
    hook = start_webhook(secret=source, files=FILES, env=ENVIRONMENT)
    assert hook.send(secret=secret).status == 200
    assert hook.send(secret=source).status == (200 if source == secret else 403)


def test_the_file_of_a_secret_is_the_masters_alone(start_webhook):
    hook = start_webhook(secret="file:%%DIR%%/secret", files={"secret": "private"})
    hook.path("secret").chmod(0o600)
    hook.reload()
    assert hook.send(secret="private").status == 200


def test_bound_secrets_verify_their_events_only(start_webhook):
    hook = start_webhook(secret=None, location="""
        momento_webhook_secret of-chat cache=chat;
        momento_webhook_secret of-room cache=chat topic=room-1;
        momento_webhook_secret of-news topic=news;
        momento_webhook_secret of-all;""")
    for cache, topic, secret, status in [
            ("chat", "room-1", "of-chat", 200),
            ("chat", "room-2", "of-chat", 200),
            ("other", "room-1", "of-chat", 403),
            ("chat", "room-1", "of-room", 200),
            ("chat", "room-2", "of-room", 403),
            ("other", "room-1", "of-room", 403),
            ("other", "news", "of-news", 200),
            ("other", "old", "of-news", 403),
            ("any", "any", "of-all", 200)]:
        answer = hook.send(documented_event(cache=cache, topic=topic), secret=secret)
        assert answer.status == status, (cache, topic, secret)


def test_a_bound_secret_verifies_no_body_that_cannot_be_read(start_webhook):
    hook = start_webhook(secret=None, location="momento_webhook_secret of-chat cache=chat;")
    for body in (b"[]", b"", documented_event(cache=None)):
        assert_answer(hook.send(body, secret="of-chat"), 403, UNAUTHORIZED)
    assert hook.verdicts(3) == ["forged"] * 3
    # Ambiguous names are not believed either way.
    body = documented_event(cache="other")[:-1] + b',"cache":"chat"}'
    assert hook.send(body, secret="of-chat").status == 403


def test_names_with_blanks_and_quotes_reach_the_variables(start_webhook):
    hook = start_webhook()
    event = fields(cache="a cache", topic='a "topic"\\', token_id="id:é")
    assert hook.send(compact(event)).status == 200
    judged(hook, "accepted", cache="a cache", topic='a "topic"\\', token_id="id:é")


def test_no_secret_and_no_signature_in_the_logs(start_webhook, standin):
    secret = "nobody-may-see-this"
    hook = start_webhook(standin, secret=secret, main="error_log %%DIR%%/debug.log debug;")
    bodies = [documented_event(), documented_event(age_ms=3_600_000), b"[]"]
    for body in bodies:
        hook.send(body, secret=secret)
        hook.send(body, secret="other")
    standin.wait_for_entries(1)
    said = hook.error_log() + "".join(
        # nginx itself logs every header of a request when told to debug.
        line for line in hook.read("debug.log").splitlines(True) if "http header:" not in line)
    for private in (secret, aws.SECRET_ACCESS_KEY, *(sign(body, secret) for body in bodies)):
        assert private not in said
