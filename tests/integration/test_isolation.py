"""What is unrelated to webhooks answers while disk, resolver or bus do not: there is one worker,
and as many webhooks wait in it as may. Whatever is held is let go only after the answers."""

import time

from harness.parked import Parked
from harness.standin import silence, succeed
from harness.waiting import eventually

PARKED = 200
LONG = f"momento_webhook_parked {PARKED}; momento_webhook_timeout 1h;"
OTHER = "location = /other { return 200 other; }"


def park(hook):
    """As many as may wait: the next one is refused."""
    parked = Parked(hook, PARKED)
    eventually(lambda: hook.status()["parked"] == PARKED, "parked webhooks")
    assert hook.send().status == 503
    return parked


def others_answer(hook, at_least):
    """Asks for something else again and again: 50 times at least, and for so many seconds."""
    started = time.monotonic()
    asked = 0
    while asked < 50 or time.monotonic() - started < at_least:
        assert hook.get("/other").body == b"other"
        asked += 1


def test_while_the_disk_is_held(start_webhook, disk):
    hook = start_webhook(location=LONG, disk=disk, server=OTHER)
    assert hook.send().status == 200
    disk.hangs()
    parked = park(hook)
    others_answer(hook, at_least=2.0)
    parked.still_wait()
    disk.works()
    assert {answer.status for answer in parked.answers()} == {200}


def test_while_the_resolver_never_answers(start_webhook, standin, resolver):
    resolver.hangs()
    hook = start_webhook(
        standin, LONG + "momento_webhook_ack delivered;", server=OTHER,
        destinations="momento_destination bus { eventbridge default; "
                     f"endpoint http://bus.example:{standin.port}; "
                     "timeout connect=60s total=10m; }",
        env=resolver.environment())
    parked = park(hook)
    others_answer(hook, at_least=2.0)
    parked.still_wait()
    assert standin.requests == []
    resolver.answers()
    assert {answer.status for answer in parked.answers()} == {200}


def test_while_the_bus_says_nothing(start_webhook, standin):
    standin.always(silence())
    hook = start_webhook(standin, LONG + "momento_webhook_ack delivered;", server=OTHER,
                         settings="timeout total=5s;")
    parked = park(hook)
    standin.wait_for_requests(1)
    others_answer(hook, at_least=2.0)
    parked.still_wait()
    assert standin.accepted == []
    standin.always(succeed)
    assert {answer.status for answer in parked.answers()} == {200}
