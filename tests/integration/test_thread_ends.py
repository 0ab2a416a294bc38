"""A thread that ends by an exception never ends alone, and ends nothing else."""

from harness.endings import DELIVERY, ENDS_ITS_READER, ENDS_ITS_WRITER, WRITER
from harness.events import documented_event
from harness.waiting import eventually

ENDED = r"\[alert\].*momento: (a thread ended: |slot .* is set aside until nginx is reloaded)"
SECOND = r"\[alert\].*momento: a second thread on this machine ended"
DOWNLOAD = "location /slow/ { limit_rate 40k; alias %%DIR%%/; }"
SIZE = 120_000


def texts(standin):
    return {entry["Detail"].partition('"text":"')[2].rstrip('"}') for entry in standin.accepted}


def send_until_accepted(hook, text):
    eventually(lambda: hook.send(documented_event(text=text)).status == 200, "an answer")


def begun_anew(hook):
    return hook.error_log().count("all has begun anew")


def end_thread(hook, endings, name, text):
    """Has a thread end that an event wakes."""
    endings.end(name)
    hook.send(documented_event(text=text))
    eventually(endings.has_ended, "the end of a thread")


def rest_of(connection):
    received = bytearray()
    while piece := connection.socket.recv(65536):
        received += piece
    return received


def test_a_record_that_ends_its_reader_ends_nothing_else(start_webhook, standin, endings):
    hook = start_webhook(standin, workers=4, server=DOWNLOAD, env=endings.environment(),
                         files={"page": "x" * SIZE})
    hook.allow(ENDED)
    workers = set(hook.workers())
    downloads = [hook.connect_raw() for _ in range(8)]
    for download in downloads:
        download.send(b"GET /slow/page HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert hook.send(documented_event(text=ENDS_ITS_READER)).status == 200
    eventually(lambda: begun_anew(hook) == 1, "a gateway that is built anew")

    for number in range(12):
        send_until_accepted(hook, str(number))
    standin.wait_for(lambda it: {str(number) for number in range(12)} <= texts(it), "the others")
    for download in downloads:
        with download:
            assert rest_of(download).endswith(b"x" * SIZE)
    assert set(hook.workers()) == workers
    assert ENDS_ITS_READER not in texts(standin)
    eventually(lambda: hook.numbers()["pending"] == 1, "nothing pending but that record")
    assert begun_anew(hook) == 1
    assert hook.error_log().count("is set aside until nginx is reloaded") == 1


def test_a_writer_that_ends_is_replaced(start_webhook, standin, endings):
    hook = start_webhook(standin, env=endings.environment())
    hook.allow(ENDED)
    workers = hook.workers()
    assert hook.send(documented_event(text="before")).status == 200
    standin.wait_for_entries(1)
    hook.send(documented_event(text=ENDS_ITS_WRITER))
    eventually(lambda: begun_anew(hook) == 1, "a gateway that is built anew")
    send_until_accepted(hook, "after")
    standin.wait_for(lambda it: "after" in texts(it), "what came later")
    assert hook.workers() == workers


def test_the_writer_of_an_adopted_slot_that_ends_is_replaced(start_webhook, standin, endings):
    standin.unreachable()
    hook = start_webhook(standin, env=endings.environment())
    hook.allow(ENDED)
    assert hook.send(documented_event(text="left behind")).status == 200
    worker, = hook.workers()
    hook.halt_worker(worker)  # whose own writer is not to end
    endings.end(WRITER)
    hook.kill_worker(worker)
    eventually(lambda: begun_anew(hook) == 1, "a gateway that is built anew")
    standin.open()
    send_until_accepted(hook, "after")
    standin.wait_for(lambda it: "after" in texts(it), "what came later")
    assert "left behind" not in texts(standin)
    assert hook.numbers()["pending"] >= 1

    # A reload gives the slot another chance.
    hook.reload()
    standin.wait_for(lambda it: "left behind" in texts(it), "what waited in the slot")


def test_a_second_end_within_a_minute_ends_nothing(start_webhook, standin, endings):
    hook = start_webhook(standin, env=endings.environment(),
                         server=DOWNLOAD + "location = /health { momento_status health; }",
                         files={"page": "x" * 10})
    hook.allow(f"{ENDED}|{SECOND}")
    workers = hook.workers()
    end_thread(hook, endings, DELIVERY, "first")
    eventually(lambda: begun_anew(hook) == 1, "a gateway that is built anew")
    send_until_accepted(hook, "between")
    standin.wait_for(lambda it: "between" in texts(it), "what came between")

    end_thread(hook, endings, DELIVERY, "second")
    line = hook.wait_for_log(f"{SECOND}.*").group()
    assert '"bus"' in line
    answer = hook.send(documented_event(text="third"))
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert hook.get("/slow/page").status == 200
    assert "thread_ended" in hook.get("/health").body.decode()
    assert hook.workers() == workers
    assert begun_anew(hook) == 1


def test_a_single_process_begins_anew(start_webhook, standin, endings):
    hook = start_webhook(standin, main="master_process off;", env=endings.environment())
    hook.allow(ENDED)
    end_thread(hook, endings, DELIVERY, "first")
    eventually(lambda: begun_anew(hook) == 1, "a gateway that is built anew")
    send_until_accepted(hook, "after")
    standin.wait_for(lambda it: "after" in texts(it), "what came later")
