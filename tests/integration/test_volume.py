"""Ten thousand events: every one arrives once the bus is up, in full batches."""

import collections
import json
import threading

import pytest

from harness.clients import RawConnection
from harness.events import documented_event, signed
from harness.waiting import eventually
from harness.webhook import PATH

pytestmark = pytest.mark.volume

EVENTS = 10_000
CONNECTIONS = 20
PIPELINED = 25
KEPT = "keepalive_requests 100000;"


def send(port, numbers, statuses):
    """Sends events on one connection, some at a time, and counts the answers' statuses."""
    with RawConnection(port) as connection:
        while numbers:
            now, numbers = numbers[:PIPELINED], numbers[PIPELINED:]
            requests = []
            for number in now:
                body = documented_event(topic_sequence_number=number, text=f"text {number}")
                headers = {"Host": "h", "Content-Length": len(body), **signed(body)}
                head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                requests.append(f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body)
            connection.send(b"".join(requests))
            statuses.update(connection.response().status for _ in now)


@pytest.mark.parametrize("workers", [1, 4])
def test_every_event_of_a_backlog_arrives_once(start_webhook, start_standin, workers):
    standin = start_standin(check=0.02)
    standin.unreachable()
    hook = start_webhook(standin, workers=workers, http=KEPT)
    statuses = collections.Counter()
    counts = [collections.Counter() for _ in range(CONNECTIONS)]
    threads = [
        threading.Thread(target=send, args=(
            hook.port, range(first, EVENTS, CONNECTIONS), counts[first]))
        for first in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for count in counts:
        statuses += count
    assert statuses == {200: EVENTS}
    assert standin.accepted == []

    standin.open()
    entries = standin.wait_for_entries(EVENTS, patience=180)
    arrived = collections.Counter(
        json.loads(entry["Detail"])["topic_sequence_number"] for entry in entries)
    assert sorted(arrived) == list(range(EVENTS))
    assert set(arrived.values()) == {1}
    assert len(standin.requests) < 1100
    assert set(hook.verdicts(EVENTS)) == {"accepted"}
    requests, numbers = hook.counts()
    assert requests["accepted"] == sum(requests.values()) == EVENTS
    assert (numbers["appended"], numbers["dead"]) == (EVENTS, 0)
    eventually(lambda: hook.counts()[1]["delivered"] == EVENTS, "every event's release")


def test_every_event_of_a_stream_arrives_once(start_webhook, start_standin):
    standin = start_standin(check=0.02)
    hook = start_webhook(standin, workers=2, http=KEPT)
    counts = collections.Counter()
    send(hook.port, range(2000), counts)
    assert counts == {200: 2000}
    entries = standin.wait_for_entries(2000)
    numbers = [json.loads(entry["Detail"])["topic_sequence_number"] for entry in entries]
    assert sorted(numbers) == list(range(2000))
