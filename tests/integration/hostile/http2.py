"""HTTP/2: frames that break the rules, and rules that are kept too well."""

import struct

from harness.events import sign
from harness.http2 import (CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS,
                           PADDED, PING, PREFACE, PRIORITY, PRIORITY_FLAG, PUSH_PROMISE,
                           RST_STREAM, SETTINGS, WINDOW_UPDATE, block, data, field, frame, headers,
                           rst_stream, settings, string, window_update)
from harness.webhook import PATH

from .exchange import Exchange, hostile

START = PREFACE + settings()
FORBIDDEN = {403}


def fields(body, signature, *more, method="POST", path=PATH, scheme="https", length=None):
    signed = [("momento-signature", signature)] if signature is not None else []
    return [(":method", method), (":path", path), (":scheme", scheme), (":authority", "localhost"),
            ("content-length", str(len(body) if length is None else length)), *signed, *more]


def request(stream, body, signature, *more, **line):
    return headers(stream, fields(body, signature, *more, **line)) + data(stream, body)


def exchange(*frames, streams=(1,), end="wait"):
    return Exchange([START + b"".join(frames)], end=end, http2=True, streams=streams)


def honest(v, stream):
    """A request that is accepted: the connection must still work."""
    body = v.event()
    return request(stream, body, v.accepted(body))


@hostile("h2: rapid reset")
def rapid_reset(v):
    frames = []
    for stream in range(1, 201, 2):
        body = v.event()
        whole = v.random.random() < 0.3
        signature = v.tolerated(body) if whole else v.forged(body)
        frames.append(request(stream, body, signature) if whole
                      else headers(stream, fields(body, signature)))
        frames.append(rst_stream(stream))
    return exchange(*frames, streams=())


@hostile("h2: window updates")
def window_updates(v):
    body = v.event()
    bad = v.pick(window_update(0, 0), window_update(1, 0), window_update(0, 2**31 - 1) * 2,
                 window_update(1, 2**31 - 1) * 2, window_update(9, 1), window_update(2, 1),
                 frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"), window_update(0, 2**31),
                 window_update(0, 1) * 500)
    return exchange(headers(1, fields(body, v.tolerated(body))), bad, data(1, body))


@hostile("h2: headers without an end")
def endless_continuation(v):
    body = v.event()
    piece = v.pick(b"", field("x", "y"), field("x" * 100, "y" * 1000), b"\x82")
    frames = [headers(1, fields(body, sign(body)), flags=END_STREAM)]
    frames += [frame(CONTINUATION, 0, 1, piece)] * v.random.randrange(1, 200)
    return exchange(*frames, streams=(), end=v.random.choice(["wait", "shutdown", "reset"]))


@hostile("h2: something between headers and their continuation")
def interrupted_continuation(v):
    body = v.event()
    between = v.pick(frame(PING, 0, 0, bytes(8)), data(1, body), settings(), rst_stream(1),
                     frame(CONTINUATION, END_HEADERS, 3, b""), headers(3, fields(body, sign(body))),
                     frame(99), window_update(0, 1))
    first = block(fields(body, sign(body)))
    cut = v.cut(first)
    return exchange(headers(1, first[:cut], flags=0), between,
                    frame(CONTINUATION, END_HEADERS, 1, first[cut:]), data(1, body))


@hostile("h2: headers cut anywhere", answered=True)
def cut_headers(v):
    body = v.event()
    whole = block(fields(body, v.accepted(body)))
    cuts = sorted(v.random.sample(range(1, len(whole)), 3))  # nginx wants a first part
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)])]
    frames = [headers(1, pieces[0], flags=0)]
    frames += [frame(CONTINUATION, END_HEADERS if piece is pieces[-1] else 0, 1, piece)
               for piece in pieces[1:]]
    return exchange(*frames, data(1, body))


@hostile("h2: pseudo headers")
def pseudo_headers(v):
    body = v.event()
    right = fields(body, sign(body))
    method, path, scheme = right[:3]
    wrong = v.pick(
        [method, *right], [*right[:2], path, *right[2:]], [scheme, *right], right[1:],
        [method, *right[2:]], [method, path, *right[3:]], [*right, (":path", "/elsewhere")],
        [right[4], *right[:4], right[5]], [(":method", ""), *right[1:]],
        [method, (":path", ""), *right[2:]], [(":status", "200"), *right],
        [(":protocol", "x"), *right], [(":", "x"), *right],
        [method, path, (":scheme", ""), *right[3:]],
        [*right[:3], (":authority", ""), *right[4:]], [(":Method", "POST"), *right[1:]])
    v.may.append(body)  # no authority, say, may be forgiven
    return exchange(headers(1, wrong), data(1, body))


@hostile("h2: content-length that does not match", {400})
def lengths(v):
    body = v.event()
    length = v.pick(0, 1, len(body) - 1, len(body) + 1, len(body) * 2)
    start = headers(1, fields(body, sign(body), length=length))
    if v.random.random() < 0.3 and length:
        start = headers(1, fields(body, sign(body), length=length), END_HEADERS | END_STREAM)
        return exchange(start)
    return exchange(start, data(1, body))


@hostile("h2: content-length that is no number", {400, 413}, answered=False)
def odd_lengths(v):
    body = v.event()
    length = v.pick("", "+1", "-1", "0x10", "1e3", " 1", "1 ", str(2**64 + len(body)), "\0", "1,1")
    return exchange(headers(1, fields(body, sign(body), length=length)), data(1, body))


@hostile("h2: two content-lengths", {400})
def two_lengths(v):
    body = v.event()
    again = ("content-length", str(v.pick(len(body), 0, len(body) + 1)))
    return exchange(headers(1, fields(body, sign(body), again)), data(1, body))


@hostile("h2: priorities in circles")
def priorities(v):
    def depends(stream, other, exclusive=0):
        return frame(PRIORITY, 0, stream, struct.pack(">IB", other | exclusive << 31, 255))
    body = v.event()
    circle = [depends(stream, stream + 2 if stream < 99 else 1, v.random.randrange(2))
              for stream in range(1, 101, 2)]
    bad = v.pick([depends(1, 1)], circle, circle * 20, [depends(0, 1)],
                 [frame(PRIORITY, 0, 3, b"1234")], [depends(2**31 - 1, 2**31 - 1)],
                 [frame(HEADERS, END_HEADERS | PRIORITY_FLAG, 3,
                        struct.pack(">IB", 3, 1) + block(fields(body, sign(body))))])
    return exchange(headers(1, fields(body, v.tolerated(body))), *bad, data(1, body))


@hostile("h2: settings")
def odd_settings(v):
    body = v.event()
    bad = v.pick(settings() * 300, settings((4, 2**31)), settings((5, 1)), settings((5, 2**24)),
                 settings((2, 2)), settings((1, 2**32 - 1)), frame(SETTINGS, 1, 0, b"123456"),
                 frame(SETTINGS, 0, 1), frame(SETTINGS, 0, 0, b"12345"), settings((99, 1)),
                 settings(*[(4, n) for n in range(2000)]), frame(SETTINGS, 1) * 300,
                 settings((4, 0)), settings((3, 0)), settings((6, 0)))
    return exchange(bad, request(1, body, v.tolerated(body)))


@hostile("h2: pings")
def pings(v):
    body = v.event()
    bad = v.pick(frame(PING, 0, 0, b"12345678") * 300, frame(PING, 0, 1, bytes(8)),
                 frame(PING, 0, 0, b"1"), frame(PING, 1, 0, bytes(8)) * 300,
                 frame(PING, 0, 0, bytes(9)))
    return exchange(bad, request(1, body, v.tolerated(body)))


@hostile("h2: data where no stream is open")
def data_on_closed_streams(v):
    body = v.event()
    frames = v.pick(
        [data(1, body)], [data(0, body)], [data(2, body)], [data(2**31 - 1, body)],
        [request(1, body, v.forged(body)), data(1, v.event())],
        [request(1, body, v.forged(body)), headers(1, fields(body, sign(body))), data(1, body)],
        [headers(1, fields(body, sign(body))), rst_stream(1), data(1, body)],
        [headers(1, fields(b"", sign(b"")), END_HEADERS | END_STREAM), data(1, body)],
        [headers(5, fields(body, v.forged(body))), headers(3, fields(body, sign(body))),
         data(3, body)])
    return exchange(*frames, streams=())


@hostile("h2: streams that may not be opened")
def odd_streams(v):
    body = v.event()
    stream = v.pick(0, 2, 2**31, 2**31 + 1, 2**31 - 2)
    if stream == 2**31 + 1:  # the reserved bit is to be ignored
        return exchange(headers(stream, fields(body, v.tolerated(body))), data(stream, body))
    return exchange(headers(stream, fields(body, sign(body))), data(stream, body), streams=())


@hostile("h2: signature in the trailers")
def trailers(v):
    body = v.event()
    return exchange(headers(1, fields(body, v.pick(None, "", "0" * 64, v.forged(body)))),
                    data(1, body, end=False),
                    headers(1, [("momento-signature", sign(body))], END_HEADERS | END_STREAM))


@hostile("h2: signature twice", FORBIDDEN)
def signature_twice(v):
    body = v.event()
    other = v.pick(sign(body), v.forged(body), "", sign(body).upper())
    return exchange(request(1, body, sign(body), ("momento-signature", other)))


@hostile("h2: signature that is not 64 digits", {400, 403}, answered=False)
def odd_signatures(v):
    body = v.event()
    right = sign(body)
    wrong = v.pick("", right.upper(), right[:-1], right + "0", " " + right, right + " ",
                   right + "\t", "\0" + right, right[:30] + "\n" + right[30:], right + "\r\nx: y",
                   right[:30] + "\0" + right[31:], right + "," + right, "\xff" * 64)
    return exchange(request(1, body, wrong))


@hostile("h2: header names")
def header_names(v):
    body = v.event()
    name = v.pick("Momento-Signature", "momento_signature", "momento-signature ", "", "x y",
                  "momento-signature:", "\0", "momento\0-signature", "\xff", "x" * 5000)
    return exchange(headers(1, fields(body, None, (name, sign(body)))), data(1, body))


@hostile("h2: headers of a connection")
def connection_headers(v):
    body = v.event()
    more = v.pick(("transfer-encoding", "chunked"), ("connection", "close"), ("te", "gzip"),
                  ("upgrade", "h2c"), ("proxy-connection", "x"), ("keep-alive", "x"),
                  ("expect", "100-continue"), ("host", "other"), ("host", ""))
    sent = body if v.random.random() < 0.7 else b"0\r\n\r\n"
    signature = v.tolerated(body) if sent is body else sign(body)
    return exchange(headers(1, fields(sent, signature, more)), data(1, sent))


@hostile("h2: frames of the wrong size")
def odd_sizes(v):
    body = v.event()
    bad = v.pick(frame(RST_STREAM, 0, 1, b"123"), frame(DATA, PADDED, 1, b"\xff" + body),
                 frame(DATA, PADDED, 1, b""), frame(DATA, 0, 1, b"x", length=2**24 - 1),
                 frame(DATA, 0, 1, bytes(16_385)),
                 frame(HEADERS, PADDED | END_HEADERS, 3, b"\x09x"),
                 frame(GOAWAY, 0, 0, b"1"), frame(PUSH_PROMISE, END_HEADERS, 1, bytes(8)),
                 frame(99, 255, 1, bytes(5000)), frame(HEADERS, PRIORITY_FLAG, 3, b"12"),
                 frame(CONTINUATION, END_HEADERS, 1, b""), frame(RST_STREAM, 0, 0, bytes(4)))
    return exchange(headers(1, fields(body, v.tolerated(body))), bad, data(1, body))


@hostile("h2: padding", answered=True)
def padding(v):
    body = v.event()
    signature = v.accepted(body)
    pad = v.pick(0, 1, 100, 255)
    cut = v.cut(body)
    return exchange(
        headers(1, fields(body, signature)),
        frame(DATA, PADDED, 1, bytes([pad]) + body[:cut] + bytes(pad)),
        frame(DATA, PADDED, 1, bytes([pad]) + bytes(pad)) * v.random.randrange(20),
        frame(DATA, PADDED | END_STREAM, 1, bytes([pad]) + body[cut:] + bytes(pad)))


@hostile("h2: header compression")
def compression(v):
    body = v.event()
    right = block(fields(body, sign(body)))
    bad = v.pick(
        b"\x80", b"\xff\xff\xff\xff\xff\x7f", b"\xff" * 20, b"\x3f\xff\xff\xff\x7f", b"\xbf",
        b"\0\x7f\xff\xff\xff\x7f", b"\0\x81\xff\x01x", b"\0\x85\xff\xff\xff\xff\xff\x01x",
        b"\x40" + string("x") + string("y" * 4000) + b"\xbe" * 300, b"\x20" * 300,
        b"\x3f\xe1\x1f" + b"\x20", b"\x0f\xff\xff\xff\xff\xff\xff", b"\x7e\x01x", b"\0",
        (b"\x40" + string("x") + string("y" * 100)) * 300)
    v.may.append(body)  # some of these are only odd
    fields_ = v.random.choice([right + bad, bad + right, bad])
    return exchange(headers(1, fields_), data(1, body))


@hostile("h2: too many headers")
def many_headers(v):
    body = v.event()
    more = v.pick([("x", "y" * 1000)] * 100, [(f"x-{n}", "") for n in range(1000)],
                  [("x", "y")] * 2000, [("cookie", "a=b")] * 2000, [("x" * 4000, "y" * 4000)] * 3)
    whole = block(fields(body, v.tolerated(body), *more))
    first, *pieces = [whole[at:at + 16_000] for at in range(0, len(whole), 16_000)]
    frames = [headers(1, first, flags=0 if pieces else END_HEADERS)]
    frames += [frame(CONTINUATION, END_HEADERS if at == len(pieces) - 1 else 0, 1, piece)
               for at, piece in enumerate(pieces)]
    return exchange(*frames, data(1, body))


@hostile("h2: broken prefaces")
def prefaces(v):
    body = v.event()
    wrong = v.pick(PREFACE[:10], PREFACE.replace(b"SM", b"SN"), PREFACE * 2 + settings(),
                   settings(), b"PRI * HTTP/2.0\r\n\r\n", PREFACE.lower(), b"\0" * 24,
                   b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return Exchange([wrong + request(1, body, sign(body))], end=v.pick("wait", "shutdown"),
                    http2=True)


@hostile("h2: pushes and goodbyes from a client")
def pushes(v):
    body = v.event()
    bad = v.pick(frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + block(
                     fields(body, sign(body)))),
                 frame(GOAWAY, 0, 0, bytes(8)), frame(GOAWAY, 0, 1, bytes(8)),
                 frame(GOAWAY, 0, 0, bytes(8) + b"x" * 9000))
    return exchange(bad, request(1, body, v.tolerated(body)))


@hostile("h2: empty data")
def empty_data(v):
    body = v.event()
    count = v.pick(1, 100, 1000)
    return exchange(headers(1, fields(body, v.tolerated(body))),
                    frame(DATA, 0, 1) * count, data(1, body, end=False),
                    frame(DATA, 0, 1) * count, frame(DATA, END_STREAM, 1))


@hostile("h2: bodies that stop")
def stopped(v):
    body = v.event()
    cut = v.cut(body)
    return exchange(headers(1, fields(body, sign(body))), data(1, body[:cut], end=False),
                    end=v.pick("wait", "shutdown", "reset"))


@hostile("h2: paths and methods")
def paths(v):
    body = v.event()
    method, path = v.pick(
        ("POST", "momento"), ("POST", "//momento"), ("POST", "/%6domento"), ("POST", "*"),
        ("POST", "https://localhost/momento"), ("POST", "/momento\0"), ("POST", "/momento x"),
        ("POST", "/momento\r\nx: y"), ("GET", PATH), ("post", PATH), ("PO ST", PATH),
        ("POST", "/momento/"), ("CONNECT", "localhost"), ("", PATH), ("POST\n", PATH),
        ("POST", "/x/../momento"), ("HEAD", PATH), ("POST", PATH + "?" + "x" * 9000))
    return exchange(headers(1, fields(body, v.tolerated(body), method=method, path=path)),
                    data(1, body))


@hostile("h2: many streams at once", answered=True)
def many_streams(v):
    bodies = [v.event() for _ in range(v.pick(2, 10, 40))]
    streams = [2 * n + 1 for n in range(len(bodies))]
    frames = []
    for stream, body in zip(streams, bodies):
        right = v.random.random() < 0.5
        signature = v.accepted(body) if right else v.forged(body)
        frames.append(headers(stream, fields(body, signature)))
    ends = [data(stream, body) for stream, body in zip(streams, bodies)]
    v.random.shuffle(ends)
    return exchange(*frames, *ends, streams=tuple(streams))


@hostile("h2: a good request between bad ones", answered=True)
def recovers(v):
    body = v.event()
    bad = v.pick(request(3, body, v.forged(body)),
                 request(3, body, None), request(3, body, sign(body), path="/elsewhere"),
                 headers(3, fields(body, sign(body))) + rst_stream(3))
    return exchange(honest(v, 1), bad, honest(v, 5), streams=(1, 5))
