"""The formats on disk, as core/README.md ("The formats on disk") tells another program. This is
one: nothing but the standard library and that text, and it finds in a spool what momentoctl
finds."""

import base64
import datetime
import hashlib
import json
import re
import struct

import pytest

from harness.events import documented_event, signed
from harness.standin import partial
from harness.waiting import eventually

SEGMENT_HEADER = 4096
RECORD_MAGIC = b"\xf5MR\xff"
RECORD_HEADER = 112
CURSOR_BLOCK = 4096
WINDOW = 16384


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def number_at(data, offset, size=8):
    return int.from_bytes(data[offset:offset + size], "little")


class Foreign(Exception):
    """Written in a version that is not in the text."""


def is_known_version(data):
    return number_at(data, 8, 2) == 1 and number_at(data, 10, 2) == 0x0102


class Segment:
    """A file of the log with a valid header."""

    def __init__(self, data):
        self.data = data
        self.salt = data[16:32]
        self.number = number_at(data, 32)
        self.first = number_at(data, 40)
        self.predecessor = number_at(data, 48)
        self.predecessor_end = number_at(data, 56)
        self.slot = data[80:96].rstrip(b"\0").decode()
        self.destination = data[98:98 + number_at(data, 96, 2)].decode()
        self.predecessor_salt = data[224:240]
        self.end = None     # as its successor says
        self.before = None  # no record of that sequence or a later one counts

    @staticmethod
    def read(path):
        """None if there is no valid header."""
        data = path.read_bytes()
        head = data[:512]
        if len(head) < 512 or head[:8] != b"MSEGMENT" or (
                number_at(head, 508, 4) != crc32c(head[:508])):
            return None
        if not is_known_version(head):
            raise Foreign
        if number_at(head, 12, 4) != SEGMENT_HEADER or number_at(head, 96, 2) > 126:
            return None
        segment = Segment(data)
        return segment if path.name == f"{segment.number:016x}.segment" else None

    def record(self, offset, end):
        """The whole record there, or None."""
        data = self.data[offset:end]
        if data[:4] != RECORD_MAGIC or len(data) < RECORD_HEADER:
            return None
        length = number_at(data, 4, 4)
        body = number_at(data, 68, 4)
        sizes = struct.unpack_from("<6H", data, 96)
        if (data[12] not in (1, 2) or data[13] not in (0, 1) or max(sizes) > 2048
                or RECORD_HEADER + body + sum(sizes) != length or length > len(data)):
            return None
        data = data[:length]
        if number_at(data, 8, 4) != crc32c(self.salt + data[:8] + bytes(4) + data[12:]):
            return None
        return Record(data, body, sizes)

    def find(self, start, end, sequence):
        """The next whole record behind a bad place: its offset, or None."""
        offset = self.data.find(RECORD_MAGIC, start, end)
        while offset >= 0:
            record = self.record(offset, end)
            if record and record.durable <= offset and (
                    sequence <= record.sequence
                    <= sequence + (offset - start) // RECORD_HEADER):
                return offset
            offset = self.data.find(RECORD_MAGIC, offset + 1, end)
        return None

    def was_synced(self, place, sequence):
        """Whether a whole record behind that place says so."""
        offset = self.find(place, len(self.data), sequence)
        while offset is not None:
            record = self.record(offset, len(self.data))
            if record.durable > place:
                return True
            offset = self.find(offset + 1, len(self.data), sequence)
        return False

    def records(self):
        """All of its whole records, in order."""
        offset, sequence = SEGMENT_HEADER, self.first
        end = self.end or len(self.data)
        gap = False
        while offset < end:
            record = self.record(offset, end)
            if record and self.before and record.sequence >= self.before:
                return
            if record and (record.sequence == sequence or gap and record.sequence > sequence):
                yield record
                offset, sequence, gap = offset + record.length, record.sequence + 1, False
                continue
            if self.end is None and not self.was_synced(offset, sequence):
                return
            offset, gap = self.find(offset, end, sequence), True
            if offset is None:
                return


class Record:
    def __init__(self, data, body, sizes):
        self.length = len(data)
        self.is_letter = data[12] == 2
        self.is_redriven = data[13] == 1
        self.sequence = number_at(data, 16)
        self.durable = number_at(data, 24)
        self.accepted, self.published = struct.unpack_from("<2q", data, 32)
        self.replay_id = data[48:64]
        self.attempts = number_at(data, 64, 4)
        self.first_attempt, self.last_attempt, self.held = struct.unpack_from("<3q", data, 72)
        self.replay_zone = number_at(data, 108, 4)
        at = RECORD_HEADER + body
        self.body = data[RECORD_HEADER:at]
        fields = []
        for size in sizes:
            fields.append(data[at:at + size].decode())
            at += size
        (self.cache, self.topic, self.trace_header, self.destination, self.reason,
         self.message) = fields


class Cursor:
    """What is released. Without data: nothing."""

    def __init__(self, data=None):
        self.base, self.last, self.bits = None, 0, bytes(2048)
        self.segment = self.own_from = 0
        self.delivered = self.dead = self.requeued = self.damaged = 0
        if data is None:
            return
        self.generation, self.base, self.segment = struct.unpack_from("<3Q", data, 16)
        self.own_from = number_at(data, 48)
        self.delivered, self.dead, self.requeued, self.damaged = struct.unpack_from("<4Q", data,
                                                                                    56)
        self.last = number_at(data, 96)
        self.bits = data[128:128 + 2048]

    @staticmethod
    def read(path):
        data = path.read_bytes() if path.exists() else b""
        whole = []
        for block in (data[:CURSOR_BLOCK], data[CURSOR_BLOCK:]):
            if len(block) < CURSOR_BLOCK or block[:8] != b"MCURSOR1" or (
                    number_at(block, 4092, 4) != crc32c(block[:4092])):
                continue
            if not is_known_version(block):
                raise Foreign
            if number_at(block, 12, 4) == 2048:
                whole.append(Cursor(block))
        return max(whole, key=lambda cursor: cursor.generation, default=Cursor())

    def is_released(self, sequence):
        bit = sequence - self.base
        return bit < 0 or bit < WINDOW and bool(self.bits[bit // 8] >> bit % 8 & 1)


def read_marks(path):
    """Sequence -> "redriven" or "removed"."""
    data = path.read_bytes() if path.exists() else b""
    head = data[:64]
    if len(head) < 64 or head[:8] != b"MMARKS01" or number_at(head, 60, 4) != crc32c(head[:60]):
        return {}
    if not is_known_version(head):
        raise Foreign
    marks = {}
    for at in range(64, len(data) - 31, 32):
        mark = data[at:at + 32]
        if number_at(mark, 28, 4) == crc32c(mark[:28]) and number_at(mark, 0):
            marks[number_at(mark, 0)] = {1: "redriven", 2: "removed"}[mark[16]]
    return marks


class Slot:
    def __init__(self, path):
        self.path = path
        self.destination, self.name = path.parts[-2:]
        self.cursor = Cursor.read(path / "cursor")
        self.marks = read_marks(path / "marks")
        self.segments = self._chain()
        if self.cursor.base is None and self.segments:
            first = self.segments[0]
            self.cursor.base = 1 if first.predecessor == 1 else first.first

    def _chain(self):
        """The log's segments, oldest first."""
        found, names = {}, set()
        for path in self.path.glob("*.segment"):
            if re.fullmatch("[0-9a-f]{16}", path.stem):
                names.add(int(path.stem, 16))
                segment = Segment.read(path)
                if segment:
                    found[segment.number] = segment
        if not found:
            return []
        newest = max((number for number, segment in found.items()
                      if segment.slot == self.name), default=max(found))
        chain = [found[newest]]
        while chain[-1].predecessor:
            later = chain[-1]
            before = found.get(later.predecessor)
            if before and before.number < later.number and before.first <= later.first and (
                    before.salt == later.predecessor_salt if any(later.predecessor_salt)
                    else before.slot == later.slot):
                before.end = later.predecessor_end
            elif later.first <= (self.cursor.base or 1) and (
                    later.predecessor not in names - set(found)):
                break  # it was released, and removed
            else:
                lower = [number for number, segment in found.items()
                         if number < min(later.predecessor, later.number)
                         and segment.slot == later.slot and segment.first <= later.first]
                if not lower:
                    break
                before = found[max(lower)]
                before.before = later.first
            chain.append(before)
        newest = chain[0]
        if newest.number < self.cursor.segment:
            newest.before = self.cursor.base
        if newest.slot != self.name and self.cursor.own_from:
            newest.before = self.cursor.own_from
        return chain[::-1]

    def pending(self):
        seen = 0
        for segment in self.segments:
            for record in segment.records():
                if record.sequence > seen:
                    seen = record.sequence
                    if not self.cursor.is_released(seen) and seen not in self.marks:
                        yield record


def slots(spool, destination="[A-Za-z0-9_-]*"):
    return [Slot(path) for path in sorted(spool.glob(f"{destination}/*"))
            if re.fullmatch("[0-9a-f]{16}", path.name)]


def time_text(ms):
    if not ms:
        return None
    moment = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def described(slot, record):
    """As momentoctl says it."""
    told = {"id": f"{slot.name}:{record.sequence}",
            "destination": record.destination if record.is_letter else slot.destination,
            "accepted": time_text(record.accepted), "publish_timestamp": record.published,
            "origin": "redrive" if record.is_redriven else "webhook",
            "attempts": record.attempts, "first_attempt": time_text(record.first_attempt),
            "last_attempt": time_text(record.last_attempt),
            "cache": record.cache or None, "topic": record.topic or None}
    if record.is_letter:
        told.update(reason=record.reason, message=record.message)
    try:
        told["body"] = record.body.decode()
    except UnicodeDecodeError:
        told["body_base64"] = base64.b64encode(record.body).decode()
    return {name: value for name, value in told.items() if value is not None}


def read_here(spool, destination="[A-Za-z0-9_-]*"):
    return [described(slot, record) for slot in slots(spool, destination)
            for record in slot.pending()]


@pytest.fixture
def told(momentoctl):
    """told(spool, "spool", "cat"): what momentoctl says, parsed."""
    def ask(spool, *command):
        done = momentoctl(*command, "--json", spool)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]
    return ask


def agrees(spool, told):
    """Whether it is the same in every respect; returns events and letters."""
    events, letters = read_here(spool), read_here(spool, ".dead")
    assert events == told(spool, "spool", "cat")
    assert letters == told(spool, "dead", "ls")
    listed = {slot["slot"]: slot for slot in told(spool, "spool", "ls")}
    found = slots(spool)
    assert set(listed) == {slot.name for slot in found}
    for slot in found:
        said, cursor = listed[slot.name], slot.cursor
        assert said["known_format"]
        assert ((said["destination"], said["pending"], said["delivered"], said["dead"])
                == (slot.destination, len(list(slot.pending())), cursor.delivered, cursor.dead))
        assert said["bytes"] == sum(path.stat().st_size for path in slot.path.iterdir())
    return events, letters


REFUSED = "MalformedDetail"
ZONE = "momento_replay_zone signatures 1m;"


def answer(entry):
    """What becomes of an entry by its text: it is refused, fails for now, or is taken."""
    text = json.loads(entry["Detail"])["text"]
    return {"refuse": REFUSED, "fail": "InternalFailure"}.get(text.split()[0])


def partly_delivered(start_webhook, standin, told):
    """An nginx whose spool has something of everything, in several segments."""
    standin.always(partial(answer))
    hook = start_webhook(standin, "momento_webhook_replay signatures;", http=ZONE)
    spool = hook.path("spool")
    texts = ["take 1", "fail 1", "refuse 1", "take 2", "refuse 2", "fail 2", "take 3"]
    for number, text in enumerate(texts):
        body = documented_event(text=f"{text} {'x' * 200_000}", topic_sequence_number=number)
        assert hook.send(body, {"X-Amzn-Trace-Id": "Root=1-67891233-abcdef012345678912345678"}
                         ).status == 200
    assert hook.send(b"\xff\x00 no event").status == 400

    def is_settled():
        numbers = hook.numbers()
        return numbers["delivered"] == 3 and numbers["dead"] == 3 and numbers["pending"] == 2

    eventually(is_settled, "an event that fails for now before some that do not")
    eventually(lambda: len(told(spool, "dead", "ls")) == 3, "letters")
    return hook


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_spool_is_read_as_momentoctl_reads_it(start_webhook, standin, told, momentoctl, end):
    hook = partly_delivered(start_webhook, standin, told)
    spool = hook.path("spool")
    refused = next(letter for letter in told(spool, "dead", "ls")
                   if letter["reason"] == REFUSED)
    assert momentoctl("dead", "rm", refused["id"], spool).returncode == 0
    getattr(hook, end)()

    events, letters = agrees(spool, told)
    assert sorted(json.loads(event["body"])["text"][:6] for event in events) == ["fail 1",
                                                                                 "fail 2"]
    assert sorted(letter["reason"] for letter in letters) == sorted([REFUSED, "malformed"])
    slot, = slots(spool)
    assert len(slot.segments) > 1
    ahead = range(slot.cursor.base, slot.cursor.last + 1)
    assert slot.cursor.requeued or any(slot.cursor.is_released(number) for number in ahead)
    letters_slot, = slots(spool, ".dead")
    assert letters_slot.marks == {int(refused["id"].split(":")[1]): "removed"}

    # What momentoctl does not tell.
    for record in slot.pending():
        mac = bytes.fromhex(signed(record.body)["Momento-Signature"])
        assert record.replay_id == hashlib.sha256(mac).digest()[:16]
        assert record.replay_zone == crc32c(b"signatures")
        assert record.trace_header == "Root=1-67891233-abcdef012345678912345678"
        assert not record.is_letter and not record.destination
    assert all(segment.destination == "bus" for segment in slot.segments)

    # A dead letter that is redriven stands in a slot of its own.
    assert momentoctl("dead", "redrive", "--reason", REFUSED, spool).returncode == 0
    events, letters = agrees(spool, told)
    assert sorted(event["origin"] for event in events) == ["redrive", "webhook", "webhook"]
    assert [letter["reason"] for letter in letters] == ["malformed"]
    assert sorted(slots(spool, ".dead")[0].marks.values()) == ["redriven", "removed"]


def test_without_a_cursor_all_that_is_left_is_pending(start_webhook, standin, told):
    hook = partly_delivered(start_webhook, standin, told)
    hook.stop()
    slot, = slots(hook.path("spool"))
    (slot.path / "cursor").unlink()
    events, _ = agrees(hook.path("spool"), told)
    assert len({event["body"] for event in events}) == 7


def find_record(slot, sequence):
    """The file and the offset where it stands."""
    for segment in slot.segments:
        for record in segment.records():
            if record.sequence == sequence:
                path = slot.path / f"{segment.number:016x}.segment"
                return path, segment.data.index(record.body) - RECORD_HEADER, record
    raise AssertionError(f"no record {sequence}")


def overwrite(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def forged(sequence):
    """A record in a body: whole, but for the salt that its author does not know."""
    body = b'{"cache":"x"}'
    head = bytearray(RECORD_HEADER)
    head[:4] = RECORD_MAGIC
    struct.pack_into("<I", head, 4, RECORD_HEADER + len(body))
    head[12] = 1
    struct.pack_into("<2Q", head, 16, sequence, SEGMENT_HEADER)
    struct.pack_into("<I", head, 68, len(body))
    struct.pack_into("<I", head, 8, crc32c(bytes(16) + head + body))
    return bytes(head) + body


def test_damage_costs_what_is_damaged_and_a_body_is_not_believed(start_webhook, standin, told):
    standin.unreachable()
    hook = start_webhook(standin)
    spool = hook.path("spool")
    for number in range(5):
        assert hook.send(documented_event(text=str(number))).status == 200
    for number in range(1, 4):  # letters, with a record in their bodies
        assert hook.send(forged(number + 1)).status == 400
    hook.kill()
    events, letters = agrees(spool, told)
    assert (len(events), len(letters)) == (5, 3)

    slot, = slots(spool)
    path, offset, _ = find_record(slot, 2)
    overwrite(path, offset + RECORD_HEADER + 5, b"?")
    letters_slot, = slots(spool, ".dead")
    path, offset, _ = find_record(letters_slot, 1)
    overwrite(path, offset, bytes(4))
    events, letters = agrees(spool, told)
    assert [event["id"].split(":")[1] for event in events] == ["1", "3", "4", "5"]
    assert [letter["id"].split(":")[1] for letter in letters] == ["2", "3"]

    # Behind the last one nothing was synced: whatever stands there was never acknowledged.
    path, offset, last = find_record(slots(spool)[0], 5)
    overwrite(path, offset + 20, b"\x07")
    overwrite(path, offset + last.length, b"\xf5MR\xff and what else was torn")
    events, _ = agrees(spool, told)
    assert [event["id"].split(":")[1] for event in events] == ["1", "3", "4"]


def test_a_segment_that_is_gone_costs_what_stood_in_it(start_webhook, standin, told):
    standin.unreachable()
    hook = start_webhook(standin)
    for number in range(12):
        assert hook.send(documented_event(text="x" * 200_000,
                                          topic_sequence_number=number)).status == 200
    hook.kill()
    slot, = slots(hook.path("spool"))
    first, gone, *others = slot.segments
    assert others
    (slot.path / f"{gone.number:016x}.segment").unlink()
    events, _ = agrees(hook.path("spool"), told)
    assert [int(event["id"].split(":")[1]) for event in events] == [
        *range(first.first, gone.first), *range(others[0].first, 13)]


def test_another_version_is_left_alone(start_webhook, standin, told):
    standin.unreachable()
    hook = start_webhook(standin)
    assert hook.send().status == 200
    hook.stop()
    slot, = slots(hook.path("spool"))
    path, = slot.path.glob("*.segment")
    head = bytearray(path.read_bytes()[:512])
    struct.pack_into("<H", head, 8, 999)
    struct.pack_into("<I", head, 508, crc32c(head[:508]))
    overwrite(path, 0, bytes(head))
    with pytest.raises(Foreign):
        slots(hook.path("spool"))
    said, = told(hook.path("spool"), "spool", "ls")
    assert not said["known_format"]


def test_the_checksum_is_the_one_that_the_text_names():
    assert crc32c(b"123456789") == 0xE3069283
