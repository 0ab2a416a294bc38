"""A webhook that is played again has no effect."""

import os
import pathlib
import re
import resource
import time

import pytest

from harness import standin as answers
from harness.events import documented_event, signed
from harness.nginx import check_config
from harness.parked import Parked
from harness.waiting import eventually
from harness.webhook import BAD_REQUEST, SPOOL, SUCCESS, UNAVAILABLE, file_destination

ZONE = "momento_replay_zone signatures 1m;"
REPLAY = "momento_webhook_replay signatures;"


@pytest.fixture
def start_remembering(start_webhook):
    """As start_webhook, with a replay zone."""
    def start(standin=None, location="", http="", zone=ZONE, **parts):
        return start_webhook(standin, location=f"{REPLAY} {location}", http=zone + http, **parts)

    return start


def texts(hook):
    return [event["detail"]["text"] for event in hook.events(0)]


def await_last_verdict(hook, verdict):
    """For when it is not known how many requests there were."""
    eventually(lambda: hook.judged()[-1]["verdict"] == verdict, f"the verdict {verdict}")


def accept(hook, body):
    """Sends it until it is taken: a copy of what is not settled yet is refused."""
    eventually(lambda: hook.send(body).status == 200, "an answer of 200")


def replay_numbers(hook):
    return hook.status()["replay_zones"][0]


# Once settled


@pytest.mark.smoke
def test_a_second_copy_is_answered_as_the_first_and_published_once(start_remembering):
    hook = start_remembering()
    body = documented_event(text="once")
    for _ in range(3):
        answer = hook.send(body)
        assert (answer.status, answer.body) == (200, SUCCESS)
    assert hook.verdicts(3) == ["accepted", "duplicate", "duplicate"]
    assert hook.published() == ["once"]
    requests, numbers = hook.counts()
    assert (requests["accepted"], requests["duplicate"]) == (2, 2)
    assert numbers["appended"] == 2
    assert replay_numbers(hook)["entries"] == 2


def test_any_other_event_is_not_a_copy(start_remembering):
    hook = start_remembering()
    same_moment = documented_event(text="a")
    assert hook.send(same_moment).status == 200
    assert hook.send(same_moment.replace(b'"a"', b'"b"')).status == 200
    assert hook.verdicts(2) == ["accepted", "accepted"]
    assert hook.published() == ["a", "b"]


def test_a_copy_that_is_stale_or_forged_is_just_that(start_remembering):
    hook = start_remembering(location="momento_webhook_max_age 5s;")
    body = documented_event()
    assert hook.send(body).status == 200
    assert hook.send(body, headers=signed(body, "wrong")).status == 403
    assert hook.verdicts(2) == ["accepted", "forged"]
    eventually(lambda: hook.send(body).status == 403, "the end of its window")
    await_last_verdict(hook, "stale")


def test_without_a_zone_a_copy_is_an_event(start_webhook):
    hook = start_webhook(http=ZONE)
    body = documented_event(text="twice")
    assert [hook.send(body).status for _ in range(2)] == [200, 200]
    assert hook.published() == ["twice", "twice"]


def test_locations_share_a_zone_or_have_their_own(start_webhook):
    def location(path, zone):
        return (f"location = {path} {{ momento_webhook bus; momento_webhook_secret 1234567890;"
                f" momento_webhook_replay {zone}; }}")

    hook = start_webhook(
        http=ZONE + "momento_replay_zone others 1m;",
        server=location("/a", "signatures") + location("/b", "signatures")
        + location("/c", "others") + location("/d", "off"))
    body = documented_event()
    for path in ("/a", "/b", "/c", "/d"):
        assert hook.send(body, path=path).status == 200
    assert hook.verdicts(4) == ["accepted", "duplicate", "accepted", "accepted"]


def test_a_malformed_event_becomes_one_dead_letter(start_remembering):
    hook = start_remembering()
    body = documented_event(topic=None)
    for _ in range(2):
        answer = hook.send(body)
        assert (answer.status, answer.body) == (400, BAD_REQUEST)
    assert hook.verdicts(2) == ["malformed", "duplicate"]
    assert hook.counts()[1]["dead"] == 1


def test_a_dry_run_remembers_nothing_and_says_what_would_be(start_webhook):
    dry = ("location = /dry { momento_webhook bus; momento_webhook_secret 1234567890;"
           f" {REPLAY} momento_webhook_dry_run on; }}")
    hook = start_webhook(location=REPLAY, http=ZONE, server=dry)
    body = documented_event()
    assert [hook.send(body, path="/dry").status for _ in range(2)] == [200, 200]
    assert hook.send(body).status == 200
    assert hook.send(body, path="/dry").status == 200
    assert hook.verdicts(4) == ["accepted", "accepted", "accepted", "duplicate"]
    assert len(hook.events(1)) == 1


# While the first copy is not settled


def test_copies_of_a_webhook_under_way_are_refused(start_remembering, disk):
    hook = start_remembering(disk=disk, workers=4)
    hook.send()  # makes the log
    assert hook.verdicts(1) == ["accepted"]
    body = documented_event(text="once")
    disk.hangs()
    parked = Parked(hook, 8, body=body)
    refused = hook.judged(8)[1:]
    assert {(each["status"], each["verdict"]) for each in refused} == {("503", "overloaded")}
    disk.works()
    assert sorted(answer.status for answer in parked.answers()) == [200] + [503] * 7
    assert hook.send(body).status == 200
    # Workers write their lines in any order.
    assert sorted(hook.verdicts(10)) == ["accepted"] * 2 + ["duplicate"] + ["overloaded"] * 7
    eventually(lambda: "once" in texts(hook), "the event")
    assert texts(hook).count("once") == 1


def test_a_copy_may_succeed_when_the_first_failed(start_remembering, disk):
    hook = start_remembering(disk=disk)
    hook.allow(r"\[alert\].*momento: ")
    hook.send()
    body = documented_event(text="at last")
    disk.fails()
    answer = hook.send(body)
    assert (answer.status, answer.body) == (503, UNAVAILABLE)
    disk.works()
    accept(hook, body)
    await_last_verdict(hook, "accepted")
    eventually(lambda: "at last" in texts(hook), "the event")
    assert texts(hook).count("at last") == 1


def test_a_copy_of_what_became_durable_late_is_a_duplicate(start_remembering, disk):
    hook = start_remembering(disk=disk, location="momento_webhook_timeout 300ms;")
    hook.send()
    body = documented_event(text="late")
    disk.hangs()
    assert hook.send(body).status == 503
    disk.works()
    eventually(lambda: "late" in texts(hook), "the late event")
    accept(hook, body)
    await_last_verdict(hook, "duplicate")
    assert texts(hook).count("late") == 1


def test_a_client_that_left_does_not_open_the_door(start_remembering, disk):
    hook = start_remembering(disk=disk)
    hook.send()
    body = documented_event(text="once")
    disk.hangs()
    parked = Parked(hook, body=body)
    eventually(lambda: hook.status()["parked"] == 1, "a parked request")
    parked.leave()
    disk.works()
    eventually(lambda: "once" in texts(hook), "the event")
    accept(hook, body)
    await_last_verdict(hook, "duplicate")
    assert texts(hook).count("once") == 1


# Across processes


def test_a_reload_forgets_nothing(start_remembering):
    hook = start_remembering(workers=2)
    bodies = [documented_event(text=str(i)) for i in range(20)]
    assert {hook.send(body).status for body in bodies} == {200}
    assert hook.verdicts(20) == ["accepted"] * 20
    hook.reload()
    assert {hook.send(body).status for body in bodies} == {200}
    assert hook.verdicts(40)[20:] == ["duplicate"] * 20


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_restart_reads_the_spool_before_it_accepts(start_remembering, end):
    hook = start_remembering(workers=2)
    bodies = [documented_event(text=str(i)) for i in range(100)]
    assert {hook.send(body).status for body in bodies} == {200}
    malformed = documented_event(cache=None)
    assert hook.send(malformed).status == 400
    everything = {str(i) for i in range(100)}
    eventually(lambda: set(texts(hook)) == everything, "the delivery of all")
    assert len(hook.verdicts(101)) == 101
    getattr(hook, end)()
    hook.start_again()
    assert {hook.send(body).status for body in bodies} == {200}
    assert hook.send(malformed).status == 400
    assert hook.verdicts(202)[101:] == ["duplicate"] * 101


def test_a_zone_of_another_size_is_filled_from_the_spool(start_remembering):
    hook = start_remembering()
    body = documented_event()
    assert hook.send(body).status == 200
    hook.reload(http=hook.parts["http"].replace(ZONE, "momento_replay_zone signatures 2m;"))
    eventually(lambda: not hook.exiting_workers(), "the end of old workers")
    assert hook.send(body).status == 200
    assert hook.verdicts(2)[-1] == "duplicate"


def test_a_copy_of_what_died_with_its_worker_is_accepted(start_remembering, disk):
    hook = start_remembering(disk=disk)
    hook.send()
    body = documented_event(text="again")
    disk.hangs()
    parked = Parked(hook, body=body)
    eventually(lambda: hook.status()["parked"] == 1, "a parked request")
    hook.kill_worker()
    parked.leave()
    disk.works()
    accept(hook, body)
    eventually(lambda: "again" in texts(hook), "the event")
    assert hook.send(body).status == 200
    await_last_verdict(hook, "duplicate")
    hook.published()
    assert texts(hook).count("again") == 1


def test_killed_workers_leave_a_zone_that_works(start_remembering):
    hook = start_remembering(workers=2)
    accepted = []
    for i in range(10):
        body = documented_event(text=str(i))
        accepted.append(body)
        assert hook.send(body).status == 200
        assert len(hook.verdicts(len(accepted))) == len(accepted)
        hook.kill_worker()
    assert {hook.send(body).status for body in accepted} == {200}
    assert hook.verdicts(20)[10:] == ["duplicate"] * 10
    everything = {str(i) for i in range(10)}
    eventually(lambda: set(texts(hook)) == everything, "all events")


# Limits


def test_a_full_zone_refuses(start_remembering):
    hook = start_remembering(zone="momento_replay_zone signatures 32k;",
                             location="momento_webhook_max_age 1h;")
    hook.allow(r"\[alert\].*momento: the replay zone \"signatures\" is full")
    capacity = replay_numbers(hook)["capacity"]
    bodies = [documented_event(text=str(i)) for i in range(2 * capacity)]
    started = time.monotonic()
    statuses = [hook.send(body).status for body in bodies]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= capacity * 4 // 5
    numbers = replay_numbers(hook)
    assert numbers["full"] == statuses.count(503)
    assert numbers["entries"] == statuses.count(200)
    # What it holds it does not forget.
    known = bodies[statuses.index(200)]
    assert hook.send(known).status == 200
    assert hook.judged(len(bodies) + 1)[-1]["verdict"] == "duplicate"
    # It says so once a second.
    assert hook.error_log().count("is full") <= 2 + time.monotonic() - started


GIB = 1 << 30
PAGE = os.sysconf("SC_PAGE_SIZE")


def faults_of_a_test(size):
    """Pages that `nginx -t` asks the kernel for, with a replay zone of that size."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    result = check_config(http=f"momento_replay_zone signatures {size};")
    assert result.status == 0, result.output
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - before


def test_a_test_of_the_configuration_takes_no_memory_for_a_zone():
    # nginx itself has 24 bytes for each page of it.
    assert faults_of_a_test("4g") - faults_of_a_test("32k") < 4 * GIB // PAGE // 32


def test_a_zone_takes_memory_as_signatures_come(start_remembering):
    hook = start_remembering(zone="momento_replay_zone signatures 1g;")
    assert hook.send().status == 200
    assert replay_numbers(hook)["capacity"] > GIB // 40
    for pid in (hook.master(), *hook.workers()):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        shared = 1024 * int(re.search(r"^RssShmem:\s+(\d+) kB$", status, re.M).group(1))
        assert shared < GIB // 8


def test_answers_before_delivery_are_repeated(start_remembering, standin):
    hook = start_remembering(standin, location="momento_webhook_ack delivered;"
                                               " momento_webhook_timeout 500ms;")
    body = documented_event()
    assert [hook.send(body).status for _ in range(2)] == [200, 200]
    standin.always(answers.silence())
    waiting = documented_event(text="waits")
    assert hook.send(waiting).status == 202
    assert hook.send(waiting).status == 202


@pytest.mark.parametrize("http, location, message", [
    ("momento_replay_zone;", "", "invalid number of arguments"),
    ("momento_replay_zone a 1k;", "", 'invalid value "1k" in "momento_replay_zone"'),
    ("momento_replay_zone a much;", "", 'invalid value "much" in "momento_replay_zone"'),
    ("momento_replay_zone a 1m; momento_replay_zone a 1m;", "",
     'duplicate "momento_replay_zone" "a"'),
    ("", "momento_webhook_replay nowhere;", 'unknown zone "nowhere"'),
    (ZONE, REPLAY + REPLAY, "is duplicate"),
])
def test_mistakes_are_named(http, location, message):
    checked = check_config(
        http="\n".join((SPOOL, file_destination(), http)),
        server="location / { momento_webhook bus; momento_webhook_secret abc; %s }" % location)
    assert checked.status == 1
    assert message in checked.message
