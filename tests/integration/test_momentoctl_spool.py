"""momentoctl beside a running gateway, and on what one left behind."""

import concurrent.futures
import json
import os
import pwd
import shutil

import pytest

from harness.events import documented_event, signed
from harness.files import below
from harness.nginx import worker_user
from harness.standin import partial
from harness.waiting import eventually

REFUSED = "MalformedDetail"  # an error code of an entry that is nobody's fault but its own


@pytest.fixture
def ctl(momentoctl):
    """ctl(hook, "dead", "ls", ...): on the spool of `hook`. JSON lines come back parsed."""
    def run(hook, *arguments, status=0):
        done = momentoctl(*arguments, hook.path("spool"))
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        if "--json" in arguments:
            return [json.loads(line) for line in done.stdout.splitlines()]
        return done.stdout.decode()
    return run


def pending(ctl, hook):
    return sum(slot["pending"] for slot in ctl(hook, "spool", "ls", "--json"))


def owners(directory):
    return {pwd.getpwuid(info.st_uid).pw_name for _, info in below(directory)}


def refuse_one(hook, standin, ctl, body):
    """Sends an event that is refused for good, and waits for its dead letter."""
    standin.answer(partial({0: REFUSED}))
    assert hook.send(body).status == 200
    return eventually(lambda: ctl(hook, "dead", "ls", "--json"), "a dead letter")


def test_spool_shows_what_is_pending_beside_a_running_gateway(start_webhook, standin, ctl):
    standin.unreachable()
    hook = start_webhook(standin)
    bodies = [documented_event(topic_sequence_number=number) for number in range(20)]
    for body in bodies:
        assert hook.send(body).status == 200
    assert pending(ctl, hook) == 20
    events = ctl(hook, "spool", "cat", "--json")
    assert [event["body"].encode() for event in events] == bodies
    assert {(event["destination"], event["cache"], event["topic"]) for event in events} == {
        ("bus", "chat", "room-281")}
    assert ctl(hook, "spool", "verify").endswith("20 records whole\n")
    assert ctl(hook, "drain", "--timeout", "0", status=1) == (
        'still pending: 20 ("bus": 20)\n')

    standin.open()
    standin.wait_for_entries(20)
    ctl(hook, "drain", "--timeout", "50s")
    assert pending(ctl, hook) == 0


def test_spool_can_be_read_while_segments_are_used_again(start_webhook, standin, ctl):
    hook = start_webhook(standin)
    bodies = [documented_event(text="x" * 3000, topic_sequence_number=number)
              for number in range(1000)]  # some three of the smallest segments

    def send_all():
        with hook.connect() as connection:
            for body in bodies:
                assert connection.post("/momento", body, signed(body)).status == 200

    with concurrent.futures.ThreadPoolExecutor() as pool:
        sent = pool.submit(send_all)
        while not sent.done():
            ctl(hook, "spool", "verify")
            for event in ctl(hook, "spool", "cat", "--json"):
                assert event["body"].encode() in bodies
        sent.result()
    standin.wait_for_entries(len(bodies))
    ctl(hook, "drain", "--timeout", "50s")


def test_dead_letters_are_redriven_beside_a_running_gateway(start_webhook, standin, ctl):
    hook = start_webhook(standin)
    body = documented_event(text="poison")
    letter, = refuse_one(hook, standin, ctl, body)
    assert letter["reason"] == REFUSED
    assert letter["destination"] == "bus"
    assert letter["attempts"] == 1
    assert letter["body"].encode() == body

    assert ctl(hook, "dead", "redrive", "--dry-run") == 'would redrive 1 to "bus"\n'
    assert standin.accepted == []
    assert ctl(hook, "dead", "redrive") == 'redriven: 1 to "bus"\n'
    entry, = standin.wait_for_entries(1)
    assert entry["Detail"].encode() == body
    assert ctl(hook, "dead", "ls", "--json") == []
    assert ctl(hook, "dead", "redrive") == "no dead letter matches\n"
    assert owners(hook.path("spool")) == {worker_user()}
    ctl(hook, "drain", "--timeout", "50s")
    assert len(standin.accepted) == 1


def test_redriven_events_are_counted_as_such(start_webhook, standin, ctl):
    hook = start_webhook(standin)
    refuse_one(hook, standin, ctl, documented_event(text="poison"))
    ctl(hook, "dead", "redrive")
    standin.wait_for_entries(1)

    def settled():
        bus = hook.numbers()
        return bus["delivered"] == 1 and not bus["pending"] and bus

    bus = eventually(settled, "the count")
    assert {name: bus[name] for name in ("appended", "recovered", "redriven", "dead",
                                         "damaged", "pending") if name in bus} == {
        "appended": 1, "recovered": 0, "redriven": 1, "dead": 1, "pending": 0}


def test_dead_letters_of_a_stopped_gateway_are_delivered_by_the_next(start_webhook, standin,
                                                                    ctl):
    hook = start_webhook(standin)
    body = documented_event(text="poison")
    refuse_one(hook, standin, ctl, body)
    hook.stop()
    assert REFUSED in ctl(hook, "dead", "cat")
    assert body.decode() in ctl(hook, "dead", "cat")
    assert ctl(hook, "dead", "redrive", "--reason", REFUSED) == 'redriven: 1 to "bus"\n'
    assert pending(ctl, hook) == 1
    hook.start_again()
    assert standin.wait_for_entries(1)[0]["Detail"].encode() == body
    assert ctl(hook, "dead", "ls", "--json") == []


def test_removed_letters_stay_removed_after_a_restart(start_webhook, standin, ctl):
    hook = start_webhook(standin)
    refuse_one(hook, standin, ctl, documented_event(text="poison"))
    assert ctl(hook, "dead", "rm", "--older-than", "1h") == "removed: 0\n"
    assert len(ctl(hook, "dead", "ls", "--json")) == 1
    assert ctl(hook, "dead", "rm", "--older-than", "0s") == "removed: 1\n"
    assert ctl(hook, "dead", "ls", "--json") == []
    hook.stop()
    hook.start_again()
    assert ctl(hook, "dead", "ls", "--json") == []
    assert hook.send().status == 200
    standin.wait_for_entries(1)


def test_a_malformed_letter_makes_no_event(start_webhook, standin, ctl):
    hook = start_webhook(standin)
    assert hook.send(b'["no", "event"]').status == 400
    letter, = eventually(lambda: ctl(hook, "dead", "ls", "--json"), "a dead letter")
    assert letter["reason"] == "malformed"
    assert letter["body"] == '["no", "event"]'
    left = ctl(hook, "dead", "redrive", status=1)
    assert left == "left: 1 of which no event can be made; dead cat shows them\n"
    assert len(ctl(hook, "dead", "ls", "--json")) == 1


def test_orphans_are_moved_to_a_destination_that_is_configured(start_webhook, standin,
                                                             momentoctl, ctl):
    standin.unreachable()
    hook = start_webhook(standin)
    body = documented_event(text="orphan")
    assert hook.send(body).status == 200
    old, new = hook.path("spool/bus"), hook.path("spool/hub")

    unknown = momentoctl("spool", "move", old, new)
    assert unknown.returncode == 2
    assert b'"hub" is not in the spool' in unknown.stderr
    in_use = momentoctl("spool", "move", old, new, "--force")
    assert in_use.returncode == 1
    assert b"take \"bus\" out of the configuration" in in_use.stdout
    assert pending(ctl, hook) == 1

    hook.allow("orphan|no longer")  # an alert, as it should be
    hook.reload(http=hook.parts["http"].replace("momento_destination bus",
                                                "momento_destination hub"),
                server=hook.parts["server"].replace("momento_webhook bus",
                                                    "momento_webhook hub"))
    # An old worker sends what it can until it ends.
    eventually(lambda: not hook.exiting_workers(), "the end of the old worker")
    standin.open()
    moved = momentoctl("spool", "move", old, new, "--force")  # nothing has arrived there yet
    assert (moved.returncode, moved.stdout) == (0, b'moved: 1 to "hub"\n'), moved.stderr
    assert standin.wait_for_entries(1)[0]["Detail"].encode() == body
    assert owners(hook.path("spool")) == {worker_user()}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_spool_is_only_written_as_its_owner(start_webhook, standin, ctl, momentoctl):
    hook = start_webhook(standin)
    refuse_one(hook, standin, ctl, documented_event(text="poison"))
    hook.stop()
    # A directory that the owner cannot write to: root could, its owner may not.
    copy = hook.path("copy")
    shutil.copytree(hook.path("spool"), copy)
    os.chown(copy, pwd.getpwnam("nobody").pw_uid, -1)
    done = momentoctl("dead", "redrive", copy)
    assert done.returncode == 2
    assert b"Permission denied" in done.stderr
