"""Request lines: methods, targets, versions; and what is no request at all."""

import struct

from harness import http2
from harness.events import sign
from harness.webhook import PATH

from .exchange import Exchange, head, hostile, post, post_chunked


@hostile("HTTP/0.9")
def http_0_9(v):
    body = v.event()
    return Exchange([v.pick(
        f"GET {PATH}\r\n".encode(), f"POST {PATH}\r\n".encode() + body, b"GET /\r\n",
        f"GET {PATH}\n".encode(), b"\r\n\r\nGET /elsewhere\r\n",
        f"POST {PATH}\r\nMomento-Signature: {sign(body)}\r\nContent-Length: {len(body)}"
        "\r\n\r\n".encode() + body)], end="shutdown")


@hostile("HTTP/1.0", answered=True)
def http_1_0(v):
    body = v.event()
    host = v.pick("localhost", None)
    return v.pick(
        lambda: post(body, v.accepted(body), version="HTTP/1.0", host=host),
        lambda: post(body, v.forged(body), version="HTTP/1.0", host=host),
        lambda: post_chunked(body, sign(body), version="HTTP/1.0", host=host),
        lambda: head(f"Momento-Signature: {sign(b'')}", version="HTTP/1.0", host=host) + body,
    )()


@hostile("versions there are not")
def odd_versions(v):
    body = v.event()
    version = v.pick("HTTP/2.0", "HTTP/3", "HTTP/0.9", "HTTP/11", "HTTP/1.1.1", "http/1.1",
                     "HTTP/1.", "HTTP/", "HTTP/1,1", "HTTP/1.1 ", "HTTP/1.1\t", "HTTP/01.1",
                     "HTTP/1.10", "HTTPS/1.1", "HTTP/-1.1", "HTTP/1.1 HTTP/1.1", "HTTP/9" * 99)
    return post(body, v.tolerated(body), version=version)


@hostile("other methods with a body", {405})
def other_methods(v):
    body = v.event()
    method = v.pick("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "MKCOL",
                    "COPY", "MOVE", "LOCK", "UNLOCK", "PROPPATCH")
    return v.random.choice([post, post_chunked])(body, sign(body), method=method)


@hostile("methods overridden", {405})
def overridden(v):
    body = v.event()
    name = v.pick("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method")
    return post(body, sign(body), f"{name}: POST", method=v.random.choice(["GET", "PUT", "HEAD"]),
                path=v.random.choice([PATH, PATH + "?_method=POST"]))


@hostile("methods there are not", {400, 405})
def odd_methods(v):
    body = v.event()
    method = v.pick("post", "Post", "POSTS", "POS", "P", "POST-", "_POST", "P\0ST", "PO ST", "",
                    "POST\t", "\x7fPOST", "TRACE", "CONNECT", "\xff", "X" * 300, "POST,POST")
    return post(body, sign(body), method=method)


@hostile("paths that are almost right")
def path_tricks(v):
    body = v.event()
    return post(body, v.tolerated(body), path=v.pick(
        "//momento", "/momento/", "/./momento", "/x/../momento", "/%6domento", "/momento%2f",
        "/momento..;/", "/momento%00", "/momento;x", "/momento%20", "/MOMENTO", "/%2fmomento",
        "/..%2fmomento", "/%c0%afmomento", "/momento%", "/momento%g0", "/momento?%00", "momento",
        "/momento#", "/momento\\", "\\momento", "/x/..\\momento", "/../../momento", "/momento/.",
        "/momento/..;/momento", "/%252e/momento", "/./././/momento", "/momento\0", "/mom\0ento",
        "/momento?/../x", "/momento\x7f", "/\xefomento", "/x/%2e%2e/momento", "/momento%0d%0a"))


@hostile("paths that are too long")
def long_paths(v):
    body = v.event()
    length = v.pick(1_000, 8_000, 9_000, 40_000)
    return post(body, v.tolerated(body), path=v.random.choice(
        [PATH + "?" + "x" * length, "/" + "../" * (length // 3) + "momento",
         "/" + "%2e" * (length // 3), "/./" * (length // 3) + "momento"]))


@hostile("whole URIs")
def whole_uris(v):
    body = v.event()
    return post(body, v.tolerated(body), path=v.pick(
        "http://localhost/momento", "https://localhost/momento", "HTTP://LOCALHOST/momento",
        "http://other/momento", "http://user:pass@localhost/momento", "http:///momento",
        "http://localhost:99999/momento", "http://[::1]/momento", "http://[::1/momento",
        "http://localhost\\momento", "ftp://localhost/momento", "http:/momento", "//localhost",
        "http://localhost?/momento", "http://a b/momento", "javascript:alert(1)"),
        host=v.random.choice(["localhost", "other"]))


@hostile("targets that are no path")
def other_targets(v):
    body = v.event()
    method, target = v.pick(("OPTIONS", "*"), ("CONNECT", "localhost:443"), ("POST", "*"),
                            ("POST", "localhost:443"), ("POST", "?"), ("POST", ""),
                            ("GET", "\x01"), ("POST", "urn:momento"))
    return post(body, sign(body), method=method, path=target)


@hostile("Host")
def hosts(v):
    body = v.event()
    host = v.pick("", "a b", "localhost:99999", "[::1", "..", "a\0b", "a/b", "a..b", "-", "\xff",
                  "localhost\r\nHost: other", "x" * 5000, "127.0.0.1:80", ".", "a@b", "a:b:c",
                  None, "localhost.", "[::1]:80", "%00")
    return post(body, v.tolerated(body), host=host)


@hostile("requests that end in the head")
def cut_heads(v):
    body = v.event()
    request = post(body, sign(body))
    cut = v.random.randrange(1, request.index(b"\r\n\r\n") + 3)
    return Exchange([request[:cut]], end=v.pick("reset", "shutdown", "wait"))


@hostile("bytes that are no request")
def garbage(v):
    random = bytes(v.random.randrange(256) for _ in range(v.random.randrange(1, 3000)))
    hello = b"\x16\x03\x01" + struct.pack(">H", 200) + b"\x01" + random[:150]
    return Exchange([v.pick(
        random, b"\0" * 500, b"\r\n" * 500, hello, b"\x80\x2e\x01\x00\x02" + random[:40],
        http2.PREFACE + http2.settings(), b"SSH-2.0-x\r\n", b"\xff" * 9000, b" " * 9000,
        b"*1\r\n$4\r\nPING\r\n", b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n" + post(b"{}", None))],
        end="shutdown", tls=False)


@hostile("HTTP to the TLS port and broken handshakes")
def to_the_tls_port(v):
    body = v.event()
    junk = bytes(v.random.randrange(256) for _ in range(300))
    return Exchange([v.pick(
        post(body, sign(body)),
        b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03" + junk[:v.random.randrange(245)],
        b"\x16\x03\x03\xff\xff" + junk, b"\x15\x03\x03\x00\x02\x02\x28", junk,
        b"\x17\x03\x03\x00\x20" + junk[:32])], end="shutdown", tls="plain bytes")


@hostile("upgrades", answered=True)
def upgrades(v):
    body = v.event()
    return post(body, v.accepted(body), *v.pick(
        ["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"], ["Upgrade: websocket"],
        ["Upgrade: TLS/1.0", "Sec-WebSocket-Key: x"], ["Upgrade: HTTP/2.0, SHTTP/1.3"]))
