"""What reloads and restarts cost the spool: nothing that stays."""

import pytest

from harness import settings
from harness.events import documented_event
from harness.waiting import eventually
from harness.webhook import file_destination, webhook

TIMES = 15 if settings.SANITIZED else 50
SEGMENT = 16 << 20
SMALL = "momento_spool %%DIR%%/spool size=64m;"  # four segments
ZONE = "momento_replay_zone signatures 1m;"
REMEMBERING = "momento_webhook_replay signatures;"
REST = 5.0  # seconds
SLACK = 2 << 20  # events, segments' headers, cursors


def bytes_of(hook, destination="bus"):
    """What all slots of a destination hold on the disk."""
    total = 0
    for path in hook.path(f"spool/{destination}").rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # it was given back meanwhile
            pass
    return total


def await_rest(hook, workers, more=0):
    """Five seconds after the last old worker is gone."""
    eventually(lambda: not hook.exiting_workers(), "the end of the old workers")
    most = 2 * workers * SEGMENT + SLACK + more
    eventually(lambda: bytes_of(hook) <= most, f"at most {most} bytes in the spool", REST)


def send(hook, number):
    answer = hook.send(documented_event(text=str(number)))
    assert answer.status == 200, f"event {number}: {answer.status}"


@pytest.mark.parametrize("workers", [1, 2])
def test_reloads_while_the_destination_is_away_cost_what_is_pending(
        start_webhook, standin, workers):
    standin.unreachable()
    hook = start_webhook(standin, http=ZONE, location=REMEMBERING, spool=SMALL,
                         workers=workers)
    for number in range(TIMES):
        send(hook, number)
        hook.reload()
    # Each slot that holds a pending event may have begun with a small segment.
    slots = len(list(hook.path("spool/bus").iterdir()))
    await_rest(hook, workers, more=slots << 20)
    send(hook, TIMES)
    standin.open()
    standin.wait_for_entries(TIMES + 1)
    eventually(lambda: hook.numbers()["pending"] == 0, "an empty spool")
    await_rest(hook, workers, more=slots << 20)  # the replay zone keeps them
    numbers = hook.numbers()
    assert numbers["delivered"] == TIMES + 1
    assert numbers["spool_damaged"] == 0


def test_reloads_cost_what_replay_zones_keep(start_webhook, standin):
    hook = start_webhook(standin, http=ZONE, location=REMEMBERING, spool=SMALL, workers=1)
    for number in range(TIMES):
        send(hook, number)
        hook.reload()
    standin.wait_for_entries(TIMES)
    await_rest(hook, 1)
    assert hook.numbers()["spool_limit_bytes"] <= 64 << 20


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_restarts_while_the_destination_is_away_cost_what_is_pending(
        start_webhook, standin, end):
    standin.unreachable()
    hook = start_webhook(standin, http=ZONE, location=REMEMBERING, spool=SMALL, workers=1)
    for number in range(TIMES):
        send(hook, number)
        getattr(hook, end)()
        hook.start_again()
    send(hook, TIMES)
    await_rest(hook, 1, more=2 << 20)
    # A first event may come just when what is pending in the one slot is taken over.
    assert len(list(hook.path("spool/bus").iterdir())) <= 2
    standin.open()
    standin.wait_for_entries(TIMES + 1)


def test_slots_of_workers_that_are_gone_give_back_their_files(start_webhook, standin):
    hook = start_webhook(standin, spool=SMALL, workers=4,
                         server="location /slow { limit_rate 1; alias %%DIR%%/; }",
                         files={"page": "x" * 1_000})
    sent = 0
    with hook.connect_raw() as slow:
        slow.send(b"GET /slow/page HTTP/1.1\r\nHost: h\r\n\r\n")
        eventually(lambda: slow.socket.recv(1), "the beginning of a slow answer")
        for _ in range(3):
            for _ in range(20):
                send(hook, sent)
                sent += 1
            hook.reload(workers=1)
        assert hook.exiting_workers()
    standin.wait_for_entries(sent)
    await_rest(hook, 1)
    eventually(lambda: hook.numbers()["spool_limit_bytes"] <= 64 << 20, "one log's bound")
    slots = list(hook.path("spool/bus").iterdir())
    assert len(slots) > 1
    empty = [slot for slot in slots
             if {path.name for path in slot.iterdir()} == {"cursor", "lock"}]
    assert len(empty) >= len(slots) - 1


def test_only_destinations_of_a_webhook_with_a_zone_keep_what_was_delivered(start_webhook):
    hook = start_webhook(
        http=ZONE, location=REMEMBERING, spool=SMALL, workers=1,
        destinations=file_destination() + file_destination("other"),
        server=webhook(destination="other", path="= /other"))
    send(hook, 1)
    assert hook.send(documented_event(text="2"), path="/other").status == 200
    hook.events(1)
    hook.events(1, "other")
    hook.stop()
    hook.start_again()

    def segments(destination):
        return list(hook.path(f"spool/{destination}").glob("*/*.segment"))

    eventually(lambda: not segments("other"), "the segments' end")
    assert segments("bus")
