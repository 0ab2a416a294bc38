"""HTTP/2 frames by hand (RFC 9113, RFC 7541): as right or as wrong as a test wants them."""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, \
    CONTINUATION = range(10)

ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20

MAX_FRAME = 16_384  # bytes of payload, unless the other side allows more

# RFC 7541, appendix A: the entries of the static table that a whole ":status" field is.
STATUSES = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """`length`: what the frame claims to have, if not what it has."""
    length = len(payload) if length is None else length
    return struct.pack(">I", length)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def integer(value, bits, first=0):
    """An HPACK integer with a prefix of `bits` bits, in a byte that begins as `first`."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    out = bytearray([first | limit])
    value -= limit
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    return bytes([*out, value])


def string(text):
    text = text.encode() if isinstance(text, str) else text
    return integer(len(text), 7) + text


def field(name, value):
    """A literal that no table remembers."""
    return b"\0" + string(name) + string(value)


def block(fields):
    return b"".join(field(name, value) for name, value in fields)


def headers(stream, fields, flags=END_HEADERS):
    """`fields`: pairs, or a header block."""
    return frame(HEADERS, flags, stream, fields if isinstance(fields, bytes) else block(fields))


def data(stream, body, end=True):
    pieces = [body[at:at + MAX_FRAME] for at in range(0, len(body), MAX_FRAME)] or [b""]
    return b"".join(
        frame(DATA, END_STREAM if end and at == len(pieces) - 1 else 0, stream, piece)
        for at, piece in enumerate(pieces))


def settings(*pairs):
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def rst_stream(stream, error=8):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", error))


class Reader:
    """Takes a server's bytes apart. `statuses`: stream -> status; `ended`: streams that are
    over; `pings`: payloads that were acknowledged."""

    def __init__(self):
        self.buffer = b""
        self.statuses = {}
        self.ended = set()
        self.pings = set()

    def feed(self, received):
        self.buffer += received
        while len(self.buffer) >= 9:
            length = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + length:
                return
            kind, flags, stream = struct.unpack(">BBI", self.buffer[3:9])
            self._take(kind, flags, stream, self.buffer[9:9 + length])
            self.buffer = self.buffer[9 + length:]

    def _take(self, kind, flags, stream, payload):
        if kind == HEADERS:
            self.statuses.setdefault(stream, _status(payload))
        if kind == RST_STREAM or kind in (HEADERS, DATA) and flags & END_STREAM:
            self.ended.add(stream)
        if kind == PING and flags & ACK:
            self.pings.add(payload)


def _status(block_):
    """The first field of a response, as nginx writes it: from the table, or plain digits."""
    at = 0
    while block_[at] & 0xE0 == 0x20:  # the size of the dynamic table
        at += 1
    if block_[at] & 0x80:
        return STATUSES[block_[at] & 0x7F]
    return int(block_[at + 2:at + 5])
