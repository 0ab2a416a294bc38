"""What becomes of slots when processes, users and formats change between starts."""

import os
import pathlib
import pwd
import re
import signal
import struct

import pytest

from harness.events import documented_event
from harness.nginx import worker_user
from harness.waiting import eventually
from harness.webhook import UNAVAILABLE

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")


def texts(standin):
    return sorted(entry["Detail"].partition('"text":"')[2].rstrip('"}')
                  for entry in standin.accepted)


def send_all(hook, names):
    for name in names:
        assert hook.send(documented_event(text=name)).status == 200


# Another user


@root_only
def test_a_spool_of_another_user_is_refused_with_a_remedy(start_webhook, standin):
    standin.unreachable()
    hook = start_webhook(standin)
    send_all(hook, ["kept"])
    hook.stop()
    other = pwd.getpwnam("nobody")
    configuration = hook.path("nginx.conf")
    text = configuration.read_text()
    configuration.write_text(text.replace(f"user {worker_user()} ", "user nobody "))
    hook.start_again()

    standin.open()
    answer = hook.send()
    assert (answer.status, answer.body) == (503, UNAVAILABLE)
    assert answer.headers["retry-after"] == "1"
    line = hook.wait_for_log(r'\[alert\].*nothing can be stored for "bus".*')[0]
    assert str(hook.path("spool/bus")) in line
    assert "Permission denied" in line
    assert "chown -R" in line
    hook.allow("nothing can be stored")
    workers = hook.workers()

    # The remedy, while it runs.
    for path in [hook.path("spool"), *hook.path("spool").rglob("*")]:
        os.chown(path, other.pw_uid, other.pw_gid)
    eventually(lambda: hook.send(documented_event(text="new")).status == 200, "an answer")
    standin.wait_for(lambda it: {"kept", "new"} <= set(texts(it)), "both events")
    assert hook.workers() == workers  # nobody crashed


# A single process


ALONE = "master_process off;"


def single(start_webhook, standin):
    return start_webhook(standin, main=ALONE)


def test_a_single_process_starts_stops_and_starts(start_webhook, standin):
    hook = single(start_webhook, standin)
    send_all(hook, ["one"])
    standin.wait_for_entries(1)
    standin.unreachable()
    send_all(hook, ["two"])
    hook.stop()
    standin.open()
    hook.start_again()
    standin.wait_for_entries(2)
    assert texts(standin) == ["one", "two"]
    assert hook.numbers()["recovered"] == 1
    hook.terminate()
    hook.start_again()
    send_all(hook, ["three"])
    standin.wait_for_entries(3)


def test_a_single_process_recovers_from_a_crash(start_webhook, standin):
    standin.unreachable()
    hook = single(start_webhook, standin)
    send_all(hook, ["one", "two"])
    hook.kill()
    standin.open()
    hook.start_again()
    standin.wait_for_entries(2)
    assert texts(standin) == ["one", "two"]
    send_all(hook, ["three"])
    standin.wait_for_entries(3)


def test_a_single_process_that_reloads_loses_nothing(start_webhook, standin):
    # What it answers until it is restarted nginx itself spoils.
    hook = single(start_webhook, standin)
    standin.unreachable()
    send_all(hook, ["before"])
    hook.process.send_signal(signal.SIGHUP)
    hook.wait_for_log("reconfiguring")
    hook.kill()
    standin.open()
    hook.start_again()
    standin.wait_for(lambda it: "before" in texts(it), "the event from before")


# Fewer workers


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_fewer_workers_adopt_the_slots_of_more(start_webhook, standin, end):
    standin.unreachable()
    hook = start_webhook(standin, workers=4)
    slots = hook.path("spool/bus")
    sent = 0

    def several_have_some():
        nonlocal sent
        send_all(hook, [str(sent)])
        sent += 1
        return len(list(slots.iterdir())) >= 3

    eventually(several_have_some, "events in several slots")
    getattr(hook, end)()
    hook.parts.update(workers=1)
    hook._configure()
    hook.start_again()
    standin.open()
    standin.wait_for_entries(sent)
    eventually(lambda: hook.numbers()["pending"] == 0, "empty slots")
    assert len(standin.accepted) == sent
    assert len(hook.workers()) == 1


def test_fewer_workers_after_a_reload_adopt_what_others_left(start_webhook, standin):
    standin.unreachable()
    hook = start_webhook(standin, workers=4)
    send_all(hook, map(str, range(40)))
    hook.reload(workers=1)
    standin.open()
    standin.wait_for_entries(40)
    eventually(lambda: hook.numbers()["pending"] == 0, "empty slots")


def test_a_worker_that_is_shutting_down_adopts_nothing(start_webhook, standin):
    standin.unreachable()
    hook = start_webhook(standin, server="location /slow { limit_rate 1; "
                         "alias %%DIR%%/; }", files={"page": "x" * 1_000})
    hook.allow(r"\[alert\].*worker process \d+ exited on signal 9")
    with hook.connect_raw() as slow:
        slow.send(b"GET /slow/page HTTP/1.1\r\nHost: h\r\n\r\n")
        eventually(lambda: slow.socket.recv(1), "the beginning of a slow answer")
        hook.reload()
        old, = hook.exiting_workers()
        for number in range(4):
            send_all(hook, [str(number)])
            adopted = hook.error_log().count("adopting slot")
            hook.kill_worker()
            eventually(lambda seen=adopted: hook.error_log().count("adopting slot") > seen,
                       "an adoption")
        assert hook.exiting_workers() == [old]
        lines = [line for line in hook.error_log().splitlines() if "adopting slot" in line]
        assert not [line for line in lines if f" {old}#" in line]
    standin.open()
    standin.wait_for_entries(4)


# Other formats


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def set_format_version(segment, version):
    """See core/spool/segment.h."""
    header = bytearray(segment.read_bytes()[:512])
    struct.pack_into("<H", header, 8, version)
    struct.pack_into("<I", header, 508, crc32c(header[:508]))
    with segment.open("r+b") as file:
        file.write(header)


def test_a_slot_in_an_unknown_format_is_left_alone(start_webhook, standin, momentoctl):
    standin.unreachable()
    hook = start_webhook(standin)
    send_all(hook, ["of the future"])
    hook.stop()
    slot, = pathlib.Path(hook.path("spool/bus")).iterdir()
    segment, = slot.glob("*1.segment")
    set_format_version(segment, 9)
    before = {path.name: path.read_bytes() for path in slot.iterdir()}

    standin.open()
    hook.start_again()
    send_all(hook, ["new"])
    standin.wait_for_entries(1)
    line = hook.wait_for_log(r"\[alert\].*is left alone: .*")[0]
    assert str(slot) in line
    assert "another format version" in line
    hook.allow("another format version")
    listed = momentoctl("spool", "ls", hook.path("spool")).stdout.decode()
    assert re.search(rf"{slot.name} +unknown format", listed), listed

    # Not repaired, not delivered, not counted.
    eventually(lambda: hook.numbers()["pending"] == 0, "what was delivered to be noted")
    hook.kill_worker(number=signal.SIGKILL)
    send_all(hook, ["another"])
    standin.wait_for_entries(2)
    assert texts(standin) == ["another", "new"]
    assert {path.name: path.read_bytes() for path in slot.iterdir()} == before
    eventually(lambda: hook.numbers()["pending"] == 0, "no pending event")

    # The version that wrote it takes it up.
    hook.stop()
    set_format_version(segment, 1)
    hook.start_again()
    standin.wait_for_entries(3)
    assert texts(standin) == ["another", "new", "of the future"]
