"""Segments and files that are blank, gone, wrong or cannot be read: they cost what stood in
them, all else is delivered, and the numbers say how much it was."""

import json
import os
import re
import shutil

import pytest

from harness.events import documented_event
from harness.load import Load
from harness.waiting import eventually

EVENTS = 300
SIZE = 9_100  # of a text, so that a segment holds 112 at most: a small one, made in haste, less
SPOOL = "momento_spool %%DIR%%/spool size=64m segment=1m;"

EMPTY, BLANK, GONE, COPY, STRANGE = "empty", "blank", "gone", "copy", "strange"


@pytest.fixture
def backlog(start_webhook, standin, pages):
    """An nginx that was killed with 300 events in its spool."""
    standin.unreachable()
    hook = start_webhook(standin, workers=1, spool=SPOOL, env=pages.environment())
    hook.allow(r"momento: .*(damaged|are lost|can(not)? be read|left alone)")
    for number in range(EVENTS):
        assert hook.send(documented_event(text=f"event-{number:03}-" + "x" * SIZE)).status == 200
    eventually(lambda: hook.numbers()["pending"] == EVENTS, "all of them")
    # The cursor notes once a second how many there are.
    slot, = hook.path("spool/bus").iterdir()
    eventually(lambda: EVENTS in noted(slot), "what the cursor knows")
    hook.kill()
    return hook


def noted(slot):
    """The last sequences that the cursor's two slots know of (cursor.h)."""
    data = (slot / "cursor").read_bytes() if (slot / "cursor").exists() else b""
    return {int.from_bytes(data[at + 96:at + 104], "little") for at in (0, 4096)}


def slot_of(hook):
    slot, = hook.path("spool/bus").iterdir()
    return slot


def segments(hook):
    """The log's segments, oldest first, each with the events in it."""
    found = []
    for path in sorted(slot_of(hook).glob("*.segment")):
        texts = set(re.findall(rb"event-\d{3}-", path.read_bytes()))
        found.append((path, {text.decode() for text in texts}))
    return found


def harm(kind, path, hook):
    if kind == EMPTY:
        path.write_bytes(b"")
    elif kind == BLANK:
        path.write_bytes(bytes(path.stat().st_size))
    elif kind == GONE:
        path.unlink()
    elif kind == COPY:
        other = next(each for each, _ in segments(hook) if each != path)
        shutil.copyfile(other, path)
    elif kind == STRANGE:
        # As a segment of another slot would stand here: whole, with that number.
        data = bytearray(path.read_bytes())
        data[80:96] = b"00000000deadbeef"
        data[16] ^= 1
        data[508:512] = crc32c(data[:508]).to_bytes(4, "little")
        path.write_bytes(data)
    if path.exists():
        os.chown(path, slot_of(hook).stat().st_uid, slot_of(hook).stat().st_gid)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def arrived(standin):
    return sorted(json.loads(entry["Detail"])["text"][:len("event-000-")]
                  for entry in standin.accepted)


def numbers_once(hook, **wanted):
    """The destination's numbers once they are these. An nginx that has just started has found
    nothing yet, and so has nothing pending."""
    numbers = {}

    def are_there():
        numbers.update(hook.numbers())
        return wanted.items() <= numbers.items()

    try:
        eventually(are_there, f"{wanted}")
    except AssertionError as problem:
        raise AssertionError(f"{problem}: {numbers}") from None
    return numbers


@pytest.mark.parametrize("kind", [EMPTY, BLANK, GONE, COPY, STRANGE])
@pytest.mark.parametrize("which", [(1,), (0,), (-1,), (0, 1)],
                         ids=["middle", "first", "last", "two"])
def test_a_bad_segment_costs_what_stood_in_it(backlog, standin, kind, which):
    if kind == COPY and len(which) > 1:
        pytest.skip("one copy is enough")
    hook = backlog
    before = segments(hook)
    assert len(before) >= 3
    lost = set()
    for index in which:
        path, texts = before[index]
        lost |= texts
        harm(kind, path, hook)
    whole = sorted(set().union(*(texts for _, texts in before)) - lost)
    assert len(whole) + len(lost) == EVENTS

    standin.open()
    hook.start_again()
    numbers_once(hook, recovered=EVENTS, delivered=len(whole), spool_damaged=len(lost),
                 pending=0, unreadable=0)
    assert arrived(standin) == whole

    kept = list(slot_of(hook).glob("damaged-*"))
    assert len(kept) == (0 if kind == GONE else len(which))
    for path in kept:
        hook.wait_for_log(f'what is left of it is kept in "{path.name}"')

    def told():
        return sum(int(count) for count in re.findall(
            r"(\d+) records before offset .* are lost", hook.error_log()))

    eventually(lambda: told() == len(lost), f"that {len(lost)} are lost to be told")


def test_a_log_parts_with_a_place_that_cannot_be_read(backlog, standin, pages):
    hook = backlog
    path, _ = segments(hook)[0]
    at = path.read_bytes().index(b"event-050-") + SIZE // 2  # a page that is all its own
    pages.spoil(path, at, at + 1)
    standin.open()
    hook.start_again()
    numbers_once(hook, recovered=EVENTS, delivered=EVENTS - 1, spool_damaged=0, pending=1,
                 unreadable=1)

    # All else goes on, however much it is: the log is released behind the place.
    load = Load(hook.port, connections=20)
    try:
        eventually(lambda: "of their own" in hook.error_log(), "the log to part with it")
    finally:
        outcomes = load.stop()
    stored = sum(status == 200 for status in outcomes.values())
    assert EVENTS + stored >= 4_096
    numbers_once(hook, delivered=EVENTS - 1 + stored, spool_damaged=0, pending=1, unreadable=1)
    assert len(list(hook.path("spool/bus").iterdir())) == 2
    assert "event-050-" not in arrived(standin)

    pages.heal()
    numbers_once(hook, delivered=EVENTS + stored, spool_damaged=0, pending=0, unreadable=0)
    assert arrived(standin).count("event-050-") == 1


@pytest.mark.parametrize("name", ["middle", "newest", "cursor", "spare"])
def test_a_file_that_cannot_be_opened_hides_no_event(backlog, standin, name):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to somebody else")
    hook = backlog
    before = segments(hook)
    spares = sorted(slot_of(hook).glob("*.spare"))
    path = {"middle": before[1][0], "newest": before[-1][0], "cursor": slot_of(hook) / "cursor",
            "spare": spares[0] if spares else slot_of(hook) / "0123456789abcdef.spare"}[name]
    path.touch()
    owner = path.stat()
    os.chown(path, 0, 0)
    path.chmod(0o600)

    standin.open()
    hook.start_again()
    waiting = {"middle": len(before[1][1]), "newest": EVENTS, "cursor": EVENTS, "spare": 0}[name]
    numbers_once(hook, recovered=EVENTS, delivered=EVENTS - waiting, spool_damaged=0,
                 pending=waiting, unreadable=waiting)
    assert len(standin.accepted) == EVENTS - waiting
    hook.wait_for_log(f"{path}.*Permission denied.*chown")

    # It takes new events meanwhile, elsewhere, and tries again without a reload.
    assert hook.send(documented_event(text="event-new-")).status == 200
    os.chown(path, owner.st_uid, owner.st_gid)
    numbers_once(hook, appended=1, recovered=EVENTS, delivered=EVENTS + 1, spool_damaged=0,
                 pending=0, unreadable=0)
    assert len(arrived(standin)) == EVENTS + 1
    assert len(set(arrived(standin))) == EVENTS + 1
