"""One event that its bus does not permit, or many that wait, among good ones."""

import json
import threading
import time

import pytest

from harness.events import documented_event
from harness.standin import error, partial, plain, succeed
from harness.waiting import eventually


def of(topic, **changes):
    return documented_event(topic=topic, **changes)


def forbids(test, answer):
    """Answers any request with an entry for which `test` is true; takes all others."""
    return lambda request: answer if any(map(test, request.entries)) else succeed(request)


def send_all(hook, bodies, threads=8):
    """Every event is accepted; order between them does not matter."""
    left, statuses = list(bodies), []

    def work():
        while True:
            try:
                body = left.pop()
            except IndexError:
                return
            statuses.append(hook.send(body).status)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert statuses == [200] * len(bodies)


def good_on_the_bus(standin):
    return sum("good" in detail for detail in standin.details())


REFUSALS = {
    "AccessDenied": error("AccessDeniedException", 400),
    "AFiltersPage": plain(403, b"<html>Request blocked.</html>"),
}


@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS.keys())
@pytest.mark.parametrize("bad,good", [(1, 8), (10, 30)])
def test_what_is_not_permitted_does_not_hold_the_others(start_webhook, standin, answer, bad,
                                                        good):
    standin.always(forbids(lambda entry: "bad" in entry["Detail"], answer))
    hook = start_webhook(standin, settings="connections 1;")
    send_all(hook, [of("secret", text=f"bad {i}") for i in range(bad)] +
             [of("open", text=f"good {i}") for i in range(good)])
    eventually(lambda: good_on_the_bus(standin) == good, "the good ones on the bus", 20)
    assert hook.numbers()["pending"] >= bad
    assert hook.numbers()["dead"] == 0
    standin.always(succeed)  # the policy is mended
    eventually(lambda: hook.numbers()["pending"] == 0, "everything on the bus", 40)
    assert len(standin.details()) == bad + good


def test_what_failed_alone_is_tried_at_most_once_a_second(start_webhook, standin):
    standin.always(forbids(lambda entry: "bad" in entry["Detail"], REFUSALS["AccessDenied"]))
    hook = start_webhook(standin)
    send_all(hook, [of("secret", text=f"bad {i}") for i in range(3)] + [of("open", text="good")])
    eventually(lambda: good_on_the_bus(standin) == 1, "the good one on the bus", 20)
    before, begun = len(standin.requests), time.monotonic()
    time.sleep(5)  # counts what is sent meanwhile
    assert 1 <= len(standin.requests) - before <= time.monotonic() - begun + 1


def test_1500_that_fail_do_not_keep_50_good_ones(start_webhook, standin):
    standin.always(partial(lambda entry: "InternalFailure" if "bad" in entry["Detail"] else None))
    hook = start_webhook(standin)
    send_all(hook, [documented_event(text=f"bad {i}") for i in range(1500)])
    send_all(hook, [documented_event(text=f"good {i}") for i in range(50)])
    eventually(lambda: good_on_the_bus(standin) == 50, "the good ones on the bus", 30)
    eventually(lambda: hook.numbers()["pending"] == 1500, "nothing left but bad ones")


def test_3000_without_room_for_their_letters_do_not_keep_50_good_ones(start_webhook, standin):
    standin.always(partial(lambda entry: "MalformedDetail" if "bad" in entry["Detail"] else None))
    hook = start_webhook(standin, settings="dead_letter file size=4m;",
                         spool="momento_spool %%DIR%%/spool size=64m segment=1m;")
    hook.allow(r"\[alert\].*momento: .*(refused for good|dead letters cannot be stored)")
    filler = "x" * 4000
    send_all(hook, [documented_event(text=f"bad {i} {filler}") for i in range(3000)])
    eventually(lambda: hook.numbers()["held"] > 1280, "letters without room", 30)
    send_all(hook, [documented_event(text=f"good {i}") for i in range(50)])
    eventually(lambda: good_on_the_bus(standin) == 50, "the good ones on the bus", 10)

    def only_bad_ones_are_left():  # what is on the bus is pending until the log hears of it
        numbers = hook.numbers()
        return numbers["pending"] > 1280 and numbers["pending"] + numbers["dead"] == 3000

    eventually(only_bad_ones_are_left, "nothing left but bad ones")
