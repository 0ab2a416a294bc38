"""The file destination: lines in the shape in which EventBridge delivers events."""

import datetime
import json
import signal
import time
import uuid

import pytest

from harness.events import documented_event
from harness.waiting import eventually
from harness.webhook import eventbridge, file_destination, webhook


@pytest.mark.smoke
def test_a_line(start_webhook):
    hook = start_webhook()
    body = documented_event(unknown={"kept": [1.0, "é"]})
    before = int(time.time())
    assert hook.send(body).status == 200
    event, = hook.events()
    line, = hook.lines("bus.json")
    assert uuid.UUID(event["id"]).version == 4
    accepted = datetime.datetime.strptime(event["time"], "%Y-%m-%dT%H:%M:%S%z").timestamp()
    assert before <= accepted <= time.time()
    assert line == (
        f'{{"version":"0","id":"{event["id"]}","detail-type":"chat#room-281",'
        f'"source":"Momento","account":"000000000000","time":"{event["time"]}",'
        f'"region":"local","resources":[],"detail":{body.decode()}}}')


def test_source_and_region_are_the_settings(start_webhook):
    hook = start_webhook(settings='source "my \\"own\\"";')
    assert hook.send().status == 200
    assert hook.events()[0]["source"] == 'my "own"'


def test_names_are_escaped(start_webhook):
    hook = start_webhook()
    assert hook.send(documented_event(cache='a"b\\', topic="\n\u0001é")).status == 200
    assert hook.events()[0]["detail-type"] == 'a"b\\#\n\u0001é'


def test_line_breaks_in_a_body_become_blanks(start_webhook):
    hook = start_webhook()
    body = json.dumps(json.loads(documented_event()), indent=1).replace("\n", "\r\n").encode()
    assert hook.send(body).status == 200
    assert hook.send().status == 200
    hook.events(2)
    assert body.replace(b"\r", b" ").replace(b"\n", b" ").decode() in hook.lines("bus.json")[0]


def test_events_keep_their_order(start_webhook):
    hook = start_webhook(settings="batch entries=3;")
    for number in range(30):
        assert hook.send(documented_event(text=f"{number}")).status == 200
    texts = [event["detail"]["text"] for event in hook.events(30)]
    assert texts == [str(number) for number in range(30)]


@pytest.mark.smoke
def test_workers_share_the_file(start_webhook):
    hook = start_webhook(workers=4)
    for number in range(100):
        assert hook.send(documented_event(text=f"{number}" + "x" * 5000)).status == 200
    assert len({event["id"] for event in hook.events(100)}) == 100


def test_usr1_opens_the_file_again(start_webhook):
    hook = start_webhook(workers=2)
    for number in range(20):
        assert hook.send(documented_event(text=f"{number}")).status == 200
    hook.events(20)
    hook.path("bus.json").rename(hook.path("old.json"))
    hook.process.send_signal(signal.SIGUSR1)
    eventually(lambda: hook.path("bus.json").exists(), "the new file")

    sent = 20

    def a_new_event():
        nonlocal sent
        assert hook.send(documented_event(text="new")).status == 200
        sent += 1
        return hook.lines("bus.json")

    eventually(a_new_event, "a line in the new file")
    eventually(lambda: len(hook.lines("bus.json") + hook.lines("old.json")) == sent,
               "every event in one of the files")


def test_the_master_opens_the_file(start_webhook):
    # The directory is the master's: workers could not make a file there.
    hook = start_webhook()
    assert hook.send().status == 200
    hook.events()
    assert hook.path("bus.json").exists()
    hook.reload()
    assert hook.send().status == 200
    assert len(hook.events(2)) == 2


def test_a_file_that_takes_nothing_keeps_the_events(start_webhook):
    # A full device, until somebody frees it.
    hook = start_webhook(destinations="momento_destination bus { file /dev/full; "
                                      "retry max_delay=1s; }")
    assert hook.send(documented_event(text="kept")).status == 200
    hook.wait_for_log(r"momento.*\bbus\b")
    hook.reload(http=hook.parts["http"].replace("/dev/full", "%%DIR%%/bus.json"))
    event, = hook.events()
    assert event["detail"]["text"] == "kept"


def test_a_line_that_a_crash_tore_does_not_swallow_the_next(start_webhook):
    hook = start_webhook(workers=2)
    assert hook.send(documented_event(text="before")).status == 200
    hook.events(1)
    eventually(lambda: hook.numbers()["pending"] == 0, "the release of what was delivered")
    hook.kill()
    with hook.path("bus.json").open("a") as file:
        file.write('{"version":"0","id":"torn')
    hook.start_again()
    for number in range(5):
        assert hook.send(documented_event(text=str(number))).status == 200
    lines = eventually(lambda: len(hook.lines("bus.json")) >= 7 and hook.lines("bus.json"),
                       "all lines")
    torn = [line for line in lines if line.endswith('"torn')]
    assert len(torn) == 1
    texts = {json.loads(line)["detail"]["text"] for line in lines if line not in torn}
    assert texts == {"before", *map(str, range(5))}


def test_both_kinds_side_by_side(start_webhook, standin):
    hook = start_webhook(
        destinations=file_destination() + eventbridge(standin, "aws"),
        server=webhook(destination="aws", path="= /aws"), env=standin.environment())
    assert hook.send(documented_event(text="to the file")).status == 200
    assert hook.send(documented_event(text="to the bus"), path="/aws").status == 200
    assert hook.events()[0]["detail"]["text"] == "to the file"
    entry, = standin.wait_for_entries(1)
    assert json.loads(entry["Detail"])["text"] == "to the bus"
