"""Secrets that change while they are used: none refused that should pass, none let through
that should not."""

import contextlib
import os
import re
import threading
import time

import pytest

from harness import standin as aws
from harness.events import documented_event, sign
from harness.vault import ARN, Vault
from harness.waiting import eventually
from harness.webhook import PATH, SUCCESS, UNAUTHORIZED, UNAVAILABLE

STORED = "secretsmanager:hooks"
HEALTH = "location = /health { momento_status health; }"
NO_VALUE = r"\[alert\].*nothing can be verified with it until it is there"


@pytest.fixture(name="vault")
def start_vault():
    vault = Vault()
    vault.put("hooks", "old")
    yield vault
    vault.close()
    assert not vault.complaints


@pytest.fixture(name="start")
def start_hook(vault, start_webhook):  # the vault is there until nginx has ended
    def start(secret=STORED, env=None, server="", **parts):
        return start_webhook(secret=secret, env={**vault.environment(), **(env or {})},
                             server=HEALTH + server, **parts)

    return start


class Sending:
    """One request on a thread of its own: for those that are held back."""

    def __init__(self, hook, **what):
        self.answer = None
        self.thread = threading.Thread(target=self._send, args=(hook,), kwargs=what)
        self.thread.start()

    def _send(self, hook, **what):
        self.answer = hook.send(**what)

    def wait(self):
        self.thread.join()
        return self.answer


@contextlib.contextmanager
def sent(hook):
    """A connection with a request that is held back."""
    body = documented_event()
    with hook.connect_raw() as connection:
        connection.send(f"POST {PATH} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n"
                        f"Momento-Signature: {sign(body, 'old')}\r\n\r\n")
        connection.send(body)
        eventually(lambda: parked(hook) == 1, "a request held back")
        yield connection


def parked(hook):
    return hook.status()["parked"]


@pytest.mark.smoke
def test_a_secret_is_fetched_at_the_start(start, vault):
    hook = start()
    answer = hook.send(secret="old")
    assert (answer.status, answer.body) == (200, SUCCESS)
    assert hook.send(secret="forged").status == 403
    assert hook.verdicts(2) == ["accepted", "forged"]
    assert "old" not in hook.error_log().split("momento:", 1)[-1]


@pytest.mark.parametrize("source", [f"{STORED}#chat", f"secretsmanager:{ARN}hooks#chat"])
def test_a_member_of_a_secret_counts(start, vault, source):
    vault.put("hooks", '{"chat":"the member","momentoSecret":"another"}')
    hook = start(source, env={"AWS_REGION": ""} if ARN in source else None)
    assert hook.send(secret="the member").status == 200
    assert hook.send(secret="another").status == 403


def test_requests_wait_for_a_store_that_is_slow(start, vault):
    gate = threading.Event()
    vault.always(aws.held(gate, vault.tell))
    hook = start()
    sending = [Sending(hook, secret=secret) for secret in ("old", "forged", "old")]
    eventually(lambda: parked(hook) == 3, "three requests held back")
    assert hook.get("/health").status == 503
    gate.set()
    assert sorted(each.wait().status for each in sending) == [200, 200, 403]
    assert hook.get("/health").status == 200
    assert parked(hook) == 0


def test_a_secret_and_the_end_of_a_request_s_time_come_at_once(start, vault, event_loop):
    """nginx looks at timers before it comes to what the secret has woken."""
    gate = threading.Event()
    vault.always(aws.held(gate, vault.tell))
    hook = start(env=event_loop.environment(), location="momento_webhook_timeout 2s;")
    sending = Sending(hook, secret="old")
    eventually(lambda: parked(hook) == 1, "a request held back")
    its_end = time.monotonic() + 2.1
    event_loop.hold()
    with hook.connect_raw():
        eventually(event_loop.is_holding, "a round that does not begin")
    gate.set()
    eventually(lambda: time.monotonic() > its_end, "the end of its time")
    event_loop.let_go()
    assert sending.wait().status == 503
    assert hook.send(secret="old").status == 200
    assert parked(hook) == 0


def test_without_a_secret_a_request_is_unavailable_until_the_store_recovers(start, vault):
    vault.always(aws.plain(503))
    hook = start(location="momento_webhook_timeout 300ms;")
    hook.allow(NO_VALUE)
    hook.wait_for_log(NO_VALUE)
    answer = hook.send(secret="old")
    assert (answer.status, answer.body) == (503, UNAVAILABLE)
    assert answer.headers["retry-after"] == "1"
    assert hook.verdicts(1) == ["unavailable"]
    assert hook.get("/health").status == 503
    vault.always(vault.tell)
    eventually(lambda: hook.get("/health").status == 200, "a secret")
    assert hook.send(secret="old").status == 200


def test_an_outage_later_leaves_the_last_secret_in_use(start, vault):
    hook = start(location="momento_webhook_timeout 500ms;")
    assert hook.send(secret="old").status == 200
    vault.unreachable()
    vault.put("hooks", "new")
    assert hook.send(secret="new").status == 403
    hook.wait_for_log(r"\[error\].*the last value is used on")
    assert hook.send(secret="old").status == 200
    assert hook.get("/health").status == 200
    vault.open()
    eventually(lambda: hook.send(secret="new").status == 200, "the new secret")


def test_a_refresh_that_fails_is_tried_again_before_a_request_is_refused(start, vault):
    hook = start()
    assert hook.send(secret="old").status == 200
    vault.put("hooks", "new")
    vault.answer(aws.throttled())
    assert hook.send(secret="new").status == 200


def test_a_rotation_is_noticed_by_the_first_webhook_it_signs(start, vault):
    hook = start()
    for old, new in (("old", "new"), ("new", "newer")):
        assert hook.send(secret=old).status == 200
        vault.put("hooks", new)
        assert hook.send(secret=new).status == 200
        assert hook.send(secret=old).status == 200
        # Or the next wish would have to wait: at most one every five seconds.
        hook.reload()
    assert hook.send(secret="old").status == 403, "two rotations ago"
    hook.wait_for_log("was rotated, its current version is 00000002")


def test_a_previous_version_counts_as_long_as_it_is_told_to(start, vault):
    vault.put("hooks", "new")
    hook = start(f"{STORED} previous=10s")
    assert hook.send(secret="old").status == 200
    eventually(lambda: hook.send(secret="old").status == 403, "the old one's end")
    assert hook.send(secret="new").status == 200
    hook.reload()
    assert hook.send(secret="old").status == 403
    secrets = {each["version"]: each for each in hook.status()["secrets"]}
    assert secrets["previous"]["matches"] >= 1 and "age_seconds" not in secrets["previous"]


def test_status_says_which_version_matched(start, vault):
    vault.put("hooks", "new", made_ago=60)
    hook = start(server="location = /metrics { momento_status prometheus; }")
    for secret in ("old", "new", "new", "forged"):
        hook.send(secret=secret)
    current, previous = hook.status()["secrets"]
    assert (current["name"], current["version"], current["matches"]) == (STORED, "current", 2)
    assert 60 <= current["age_seconds"] < 120
    assert (previous["version"], previous["matches"]) == ("previous", 1)
    metrics = hook.get("/metrics").body.decode()
    assert f'momento_secret_matches_total{{secret="{STORED}",version="previous"}} 1' in metrics
    assert f'momento_secret_age_seconds{{secret="{STORED}",version="current"}} ' in metrics
    for value in ("old", "new"):
        assert f'"{value}"' not in hook.get("/status").body.decode()


def test_a_source_that_several_locations_name_is_fetched_once(start, vault):
    hook = start(server=f"""
        location /a {{ momento_webhook bus; momento_webhook_secret {STORED}; }}
        location /b {{ momento_webhook bus; momento_webhook_secret {STORED} cache=chat; }}""")
    for path in (PATH, "/a", "/b"):
        assert hook.send(secret="old", path=path).status == 200
    assert len(vault.asked("hooks")) == 1


def test_forged_requests_do_not_drive_the_store(start, vault):
    hook = start()
    body = documented_event()
    end = time.monotonic() + 6
    refused = 0
    with hook.connect() as connection:
        while time.monotonic() < end:
            answer = connection.post(PATH, body, {"Momento-Signature": sign(body, "forged")})
            assert (answer.status, answer.body) == (403, UNAUTHORIZED)
            refused += 1
    assert refused > 20
    at = vault.asked("hooks")[1:]  # less the one at the start
    assert 1 <= len(at) <= 2
    assert all(later - earlier > 4.5 for earlier, later in zip(at, at[1:]))


def test_requests_that_match_nothing_leave_places_to_those_that_do(start, vault):
    hook = start(location="momento_webhook_parked 4;")
    assert hook.send(secret="old").status == 200
    gate = threading.Event()
    vault.always(aws.held(gate, vault.tell))
    held = [Sending(hook, secret="forged") for _ in range(2)]
    eventually(lambda: parked(hook) == 2, "two requests held back")
    assert hook.send(secret="forged").status == 403
    assert hook.send(secret="old").status == 200
    gate.set()
    assert [each.wait().status for each in held] == [403, 403]


def test_more_than_can_be_held_back_are_overloaded(start, vault):
    gate = threading.Event()
    vault.always(aws.held(gate, vault.tell))
    hook = start(location="momento_webhook_parked 2;")
    held = [Sending(hook, secret="old") for _ in range(2)]
    eventually(lambda: parked(hook) == 2, "two requests held back")
    assert hook.send(secret="old").status == 503
    gate.set()
    assert [each.wait().status for each in held] == [200, 200]
    verdicts = {each["verdict"] for each in hook.judged(3)}
    assert verdicts - {""} == {"accepted", "overloaded"}


def test_a_worker_that_is_asked_to_quit_answers_those_that_wait(start, vault):
    gate = threading.Event()
    vault.always(aws.held(gate, vault.tell))
    hook = start()
    held = Sending(hook, secret="old")
    eventually(lambda: parked(hook) == 1, "a request held back")
    hook.reload()
    gate.set()
    assert held.wait().status == 200


def test_a_worker_whose_time_to_quit_is_over_lets_go_of_those_that_wait(start, vault):
    vault.always(aws.silence())
    hook = start(main="worker_shutdown_timeout 100ms;", location="momento_webhook_timeout 1h;")
    hook.allow(NO_VALUE)
    with sent(hook) as connection:
        hook.reload()
        assert connection.closed()
    eventually(lambda: not hook.exiting_workers(), "the old worker's end")
    eventually(lambda: parked(hook) == 0, "the place")


def test_a_worker_that_is_told_to_end_does(start, vault):
    vault.always(aws.silence())
    hook = start()
    with sent(hook):
        hook.terminate()
    assert "cannot be fetched" not in hook.error_log()


def test_a_bound_secret_is_waited_for_by_its_own_events_only(start, vault):
    gate = threading.Event()
    vault.always(aws.held(gate, vault.tell))
    hook = start(f"{STORED} cache=chat")
    held = Sending(hook, secret="old")
    eventually(lambda: parked(hook) == 1, "a request held back")
    other = documented_event(cache="other")
    assert hook.send(other, secret="old").status == 403
    gate.set()
    assert held.wait().status == 200


def test_a_dry_run_waits_too_and_refuses_nothing(start, vault):
    vault.always(aws.plain(503))
    hook = start(location="momento_webhook_dry_run on; momento_webhook_timeout 200ms;")
    hook.allow(NO_VALUE)
    assert hook.send(secret="old").body == b'{"message":"Dry run"}'
    hook.wait_for_log("dry run: webhook is unavailable: no secret arrived")


# Files


def test_a_file_that_changes_is_followed_without_a_reload(start_webhook):
    hook = start_webhook(secret="file:%%DIR%%/secret", files={"secret": "first\n"}, workers=2)
    assert hook.send(secret="first").status == 200
    for old, new in (("first", "second"), ("second", "third")):
        hook.write("secret", new)
        assert hook.send(secret=new).status == 200, "at once, on whichever worker"
        eventually(lambda: hook.send(secret=old).status == 403, "the old one's end")


def test_a_file_that_is_emptied_leaves_the_old_secret_in_use(start_webhook):
    hook = start_webhook(secret="file:%%DIR%%/secret", files={"secret": "as configured"})
    hook.write("secret", "first")
    eventually(lambda: hook.send(secret="first").status == 200, "the worker's own look")
    hook.write("secret", "")
    hook.wait_for_log(r"\[error\].*secret.*has changed and is not read again.*is empty")
    assert hook.send(secret="first").status == 200
    assert hook.send(secret="").status == 403
    hook.write("secret", "second")
    hook.wait_for_log("can be read again")
    assert hook.send(secret="second").status == 200
    assert hook.error_log().count("is not read again") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="a master that may read more than its workers")
def test_a_file_that_workers_may_not_read_is_said_once_and_again_when_it_changes(start_webhook):
    hook = start_webhook(secret="file:%%DIR%%/secret", files={"secret": "first"})
    hook.path("secret").chmod(0o600)
    hook.reload()
    worker, = hook.workers()
    hook.wait_for_log(r'\[error\].*secret "file:.*/secret" cannot be followed, a change counts '
                      r"after a reload: cannot open .*Permission denied")
    assert hook.send(secret="first").status == 200
    hook.path("secret").write_text("second")
    hook.wait_for_log(r"\[error\].*secret.* has changed and is not read again")
    assert hook.send(secret="second").status == 403
    assert hook.send(secret="first").status == 200
    said = re.findall(rf" {worker}#.* (cannot be followed|has changed)", hook.error_log())
    assert said == ["cannot be followed", "has changed"]
    hook.reload()
    assert hook.send(secret="second").status == 200
