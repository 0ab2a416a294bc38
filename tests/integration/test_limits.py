"""What bounds the work: nginx's own limits come first, then ours."""

import time

import pytest

from harness.clients import RawConnection
from harness.events import documented_event
from harness.parked import Parked, request
from harness.waiting import eventually
from harness.webhook import SUCCESS, UNAVAILABLE, webhook


# nginx's limits


@pytest.mark.smoke
@pytest.mark.parametrize("status", [503, 429])
@pytest.mark.parametrize("with_body", [True, False])
def test_a_flood_is_answered_before_any_signature_is_computed(start_webhook, status, with_body):
    hook = start_webhook(
        location=f"limit_req zone=hooks burst=4 nodelay; limit_req_status {status};",
        http="limit_req_zone $binary_remote_addr zone=hooks:1m rate=1r/m;")
    answers = []
    for _ in range(100):
        body = documented_event()
        if with_body:
            answers.append(hook.send(body).status)
            continue
        with hook.connect_raw() as connection:  # a body that never comes is not waited for
            connection.send(request(body)[:-len(body)] + (body if len(answers) < 5 else b""))
            answers.append(connection.response().status)
    assert answers == [200] * 5 + [status] * 95
    log = hook.judged(100)
    passed = [each for each in log if each["limit_req_status"] == "PASSED"]
    refused = [each for each in log if each["limit_req_status"] == "REJECTED"]
    assert (len(passed), len(refused)) == (5, 95)
    assert {each["verdict"] for each in passed} == {"accepted"}
    # Nobody looked at these: neither judged, nor believed.
    assert {(each["verdict"], each["cache"], each["age"]) for each in refused} == {("", "", "")}
    requests, _ = hook.counts()
    assert requests["accepted"] == sum(requests.values()) == 5
    assert len(hook.events(5)) == 5


def test_access_control_comes_first(start_webhook):
    hook = start_webhook(location="deny all;")
    assert hook.send().headers["content-type"] == "text/html"
    assert hook.verdicts(1) == [""]


def test_delayed_requests_are_judged_when_their_turn_comes(start_webhook):
    hook = start_webhook(
        location="limit_req zone=hooks burst=10;",
        http="limit_req_zone $binary_remote_addr zone=hooks:1m rate=20r/s;")
    parked = Parked(hook, 5)
    assert [answer.body for answer in parked.answers()] == [SUCCESS] * 5
    assert hook.verdicts(5) == ["accepted"] * 5


# Ours


def test_a_worker_parks_no_more_requests_than_allowed(start_webhook, disk):
    hook = start_webhook(location="momento_webhook_parked 3;", disk=disk)
    assert hook.send().status == 200
    disk.hangs()
    parked = Parked(hook, 3)
    one_too_many = hook.send()
    assert (one_too_many.status, one_too_many.body) == (503, UNAVAILABLE)
    assert one_too_many.headers["retry-after"] == "1"
    parked.still_wait()
    disk.works()
    assert [answer.body for answer in parked.answers()] == [SUCCESS] * 3
    assert hook.send().status == 200
    assert hook.verdicts(6).count("overloaded") == 1
    assert len(hook.events(5)) == 5


def test_parked_requests_are_a_quarter_of_the_connections_by_default(start_webhook, disk):
    hook = start_webhook(disk=disk)
    disk.hangs()
    parked = Parked(hook, 256)
    assert hook.get("/").status == 404
    assert hook.send().status == 503
    parked.still_wait()
    disk.works()
    assert {answer.status for answer in parked.answers()} == {200}


def test_a_disk_that_hangs_slows_no_other_location(start_webhook, disk):
    hook = start_webhook(disk=disk, server="location /other { return 200 other; }")
    disk.hangs()
    parked = Parked(hook, 2)
    for _ in range(20):
        assert hook.get("/other").body == b"other"
        assert hook.send(secret="wrong").status == 403
    parked.still_wait()
    disk.works()
    assert [answer.status for answer in parked.answers()] == [200] * 2


def test_no_answer_comes_later_than_the_timeout(start_webhook, disk):
    hook = start_webhook(location="momento_webhook_timeout 300ms;", disk=disk)
    disk.hangs()
    start = time.monotonic()
    answer = hook.send(documented_event(text="late"))
    assert time.monotonic() - start >= 0.3
    assert (answer.status, answer.body) == (503, UNAVAILABLE)
    assert hook.verdicts(1) == ["overloaded"]
    # What was on its way to the disk may still arrive: nobody was told that it would not.
    disk.works()
    eventually(lambda: hook.send(documented_event(text="next")).status == 200, "an answer")
    eventually(lambda: "next" in [event["detail"]["text"] for event in hook.events(0)],
               "the next event")


def test_what_became_durable_in_time_is_accepted_though_the_event_loop_was_held(
        start_webhook, disk, event_loop):
    """nginx looks at timers once it has heard of what became ready."""
    hook = start_webhook(location="momento_webhook_timeout 2s;", disk=disk,
                         env=event_loop.environment())
    disk.hangs()
    parked = Parked(hook, 2)
    eventually(lambda: hook.status()["parked"] == 2, "two webhooks that wait for the disk")
    their_end = time.monotonic() + 2.1
    event_loop.hold()
    with hook.connect_raw():
        eventually(event_loop.is_holding, "a round that does not begin")
    disk.works()
    hook.events(2)  # delivered, so they are durable
    eventually(lambda: time.monotonic() > their_end, "the end of their time")
    event_loop.let_go()
    assert [answer.status for answer in parked.answers()] == [200, 200]


def test_a_log_gets_its_thread_as_soon_as_the_system_has_one(start_webhook, threads):
    hook = start_webhook(location="momento_webhook_timeout 300ms; momento_webhook_parked 2;",
                         env=threads.environment())
    hook.allow(r"\[alert\].*momento: cannot start a thread")
    threads.refuse()
    texts = ["first", "second", "refused"]
    assert [hook.send(documented_event(text=text)).status for text in texts] == [503] * 3
    threads.are_given()  # though no webhook gets as far as to ask for one
    eventually(lambda: hook.send(documented_event(text="last")).status == 200, "a log")
    # What was on its way is stored, though it was answered 503.
    assert {event["detail"]["text"] for event in hook.events(3)} >= {"first", "second", "last"}
    assert hook.error_log().count("cannot start a thread") <= 10


def test_the_timeout_runs_from_the_first_byte(start_webhook, disk):
    hook = start_webhook(location="momento_webhook_timeout 1s;", disk=disk)
    disk.hangs()

    def answered_early():
        """Whether the answer comes in less than the timeout from the last byte. It may come
        later by chance, but not earlier."""
        text = request(documented_event())
        with hook.connect_raw() as connection:
            connection.send(text[:-1])
            assert hook.get("/").status == 404  # the first bytes have arrived
            time.sleep(0.7)
            sent = time.monotonic()
            connection.send(text[-1:])
            assert connection.response().status == 503
            return time.monotonic() - sent < 1.0

    eventually(answered_early, "an early answer")
    disk.works()


def test_a_timeout_frees_the_place_of_the_request(start_webhook, disk):
    hook = start_webhook(
        location="momento_webhook_parked 1; momento_webhook_timeout 200ms;",
        disk=disk)
    disk.hangs()
    for _ in range(3):
        assert hook.send().status == 503
    disk.works()
    eventually(lambda: hook.send().status == 200, "an accepted event")


def test_what_a_worker_parks_counts_for_all_its_locations(start_webhook, disk):
    hook = start_webhook(location="momento_webhook_parked 2;", disk=disk,
                         server=webhook("momento_webhook_parked 5;", path="= /other"))
    disk.hangs()
    other = Parked(hook, 3, "/other")
    assert hook.get("/").status == 404
    assert hook.send().status == 503
    more = Parked(hook, 2, "/other")
    disk.works()
    assert [answer.status for answer in other.answers() + more.answers()] == [200] * 5


def test_a_reload_answers_those_who_wait(start_webhook, disk):
    hook = start_webhook(disk=disk)
    disk.hangs()
    parked = Parked(hook, 3)
    assert hook.get("/").status == 404
    hook.reload()
    parked.still_wait()
    disk.works()
    assert [answer.status for answer in parked.answers()] == [200] * 3
    assert len(hook.events(3)) == 3


def test_an_end_answers_those_who_wait(start_webhook, disk):
    hook = start_webhook(disk=disk)
    disk.hangs()
    parked = Parked(hook, 3)
    assert hook.get("/").status == 404
    assert isinstance(parked.connections[0], RawConnection)
    disk.works()
    hook.stop()
    assert [answer.status for answer in parked.answers()] == [200] * 3
