"""Headers that are not about the signature and not about framing."""

import gzip

from harness.events import sign

from .exchange import head, hostile, post


@hostile("headers that are too large")
def oversized(v):
    body = v.event()
    size = v.pick(1_000, 7_000, 9_000, 33_000, 70_000)
    line = v.random.choice([f"X: {'y' * size}", f"{'X' * size}: y",
                            f"Cookie: {'a=b;' * (size // 4)}",
                            f"Momento-Signature: {'0' * size}"])
    return post(body, v.tolerated(body), line)


@hostile("hundreds of headers")
def many(v):
    body = v.event()
    name = v.pick("X-{}", "X", "Momento-Signatur-{}", "A{}")
    count = v.random.choice([500, 900, 1000, 3000])
    return post(body, v.tolerated(body), *(name.format(n) + f": {n}" for n in range(count)))


@hostile("header lines that are none")
def malformed(v):
    body = v.event()
    line = v.pick("no colon", ":", ": x", " : x", "a b: c", "a\0b: c", "\x7f: x", "\xff\xfe: x",
                  "X:\0", "X: \x01\x02", "X" * 300, "(a): b", "a,b: c", "\x1b[31m: x", '"X": y')
    return post(body, v.tolerated(body), line)


@hostile("headers proxies and servers believe", answered=True)
def believed(v):
    body = v.event()
    lines = v.pick(
        ["X-Accel-Redirect: /status"], ["X-Original-URL: /elsewhere"],
        ["X-Rewrite-URL: /elsewhere"], ["X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1"],
        ["X-Forwarded-Host: other"], ["Forwarded: for=127.0.0.1;host=other"],
        ["X-Amzn-Trace-Id: Root=1-" + "x" * 600], ["X-Amzn-Trace-Id: \"},{\"Source\":\"x"],
        ["X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793"] * 2, ["Via: " + "x, " * 99],
        ["Max-Forwards: 0"], ["Proxy-Connection: close"], ["Connection: Content-Length"],
        ["Keep-Alive: timeout=99999999999"], ["X-Sendfile: /etc/passwd"])
    if v.random.random() < 0.5:
        return post(body, v.forged(body), *lines)
    return post(body, v.accepted(body), *lines)


@hostile("conditions, ranges and codings", answered=True)
def conditions(v):
    body = v.event()
    lines = v.pick(["Range: bytes=0-"], ["Range: bytes=" + "0-," * 500], ["If-Match: *"],
                   ["If-None-Match: *"], ["If-Modified-Since: x"], ["If-Range: x"],
                   ["Content-Range: bytes 0-1/2"],
                   ["Content-Type: multipart/form-data; boundary=x"],
                   ["Content-Type: " + "x" * 3000], ["Accept-Encoding: gzip;q=9"],
                   ["Content-Encoding: br"], ["Accept: text/plain"], ["TE: trailers, deflate"])
    return post(body, v.accepted(body), *lines)


@hostile("bodies that are compressed", {400, 403})
def compressed(v):
    body = v.event()
    packed = gzip.compress(body)
    # Raw bytes are what is signed: authentic, and no JSON.
    signature = v.pick(sign(packed), sign(body))
    return head("Content-Encoding: gzip", f"Content-Length: {len(packed)}",
                f"Momento-Signature: {signature}") + packed
