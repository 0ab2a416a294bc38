"""Where one request ends and the next begins."""

from harness.events import sign

from .exchange import Exchange, chunks, head, hostile, keep_alive, post, post_chunked


def hidden(v):
    """A whole authentic request. Whoever takes it for one has lost count of the bytes."""
    body = v.event()
    return post(body, sign(body))


@hostile("Content-Length and Transfer-Encoding", answers={400})
def length_and_chunked(v):
    inside = hidden(v)
    both = [f"Content-Length: {len(inside) + 5}", "Transfer-Encoding: chunked",
            f"Momento-Signature: {sign(inside)}"]
    v.random.shuffle(both)
    return keep_alive(head(*both)) + b"0\r\n\r\n" + inside


@hostile("Transfer-Encoding in disguise")
def disguised_chunked(v):
    body = v.event()
    coding = v.pick(
        "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked", "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding : chunked", "Transfer-Encoding: chunked\t",
        "Transfer-Encoding:\x0bchunked", "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "X: x\nTransfer-Encoding: chunked", " Transfer-Encoding: chunked",
        "Transfer_Encoding: chunked", "Transfer-Encoding: cHuNkEd", "TE: chunked",
        "Transfer-Encoding:\r\n chunked", "Transfer-Encoding: chunked;q=1", "Transfer-Encoding:")
    length = f"Content-Length: {len(chunks(body))}" if v.random.random() < 0.5 else "X-Nothing: 1"
    return keep_alive(head(f"Momento-Signature: {v.tolerated(body)}", length, coding)) + (
        chunks(body) + hidden(v)[:v.random.randrange(5)])


@hostile("two Content-Lengths", answers={400})
def two_lengths(v):
    body = v.event()
    lengths = [len(body), v.pick(len(body), 0, len(body) - 1, len(body) + 1, -1, "", "x")]
    v.random.shuffle(lengths)
    return head(f"Momento-Signature: {sign(body)}",
                *(f"Content-Length: {length}" for length in lengths)) + body + hidden(v)


@hostile("Content-Length that is no number", answers={400, 413})
def odd_lengths(v):
    body = v.event()
    n = len(body)
    length = v.pick(f"+{n}", f"-{n}", hex(n), f"{n}e0", f"{n},{n}", f"{n};", f"{n} {n}", "",
                    f"{n}.0", str(2**64 + n), str(2**63), str(2**31), f"{n}L", "NaN", f"{n}\x0c",
                    f"'{n}'", f"{n}\t{n}", "½")
    return head(f"Momento-Signature: {sign(body)}", f"Content-Length: {length}") + body


@hostile("Content-Length too small", answers={400, 403})
def short_length(v):
    body = v.event()
    short = v.random.randrange(len(body))
    request = head(f"Momento-Signature: {sign(body)}", f"Content-Length: {short}") + body
    # What is left over is taken for the next request.
    return keep_alive(request) if v.random.random() < 0.5 else request


@hostile("Content-Length too large")
def long_length(v):
    body = v.event()
    more = v.pick(1, 2, 100, 10_000)
    request = head(f"Momento-Signature: {sign(body)}",
                   f"Content-Length: {len(body) + more}") + body
    return Exchange([request], end=v.pick("wait", "shutdown", "reset"))


@hostile("body that ends early")
def truncated_body(v):
    body = v.event()
    request = v.pick(post, post_chunked)(body, sign(body))
    first = request.index(b"\r\n\r\n") + 4
    cut = v.random.randrange(first, len(request) - len(b"}\r\n0\r\n\r\n"))
    return Exchange([request[:cut]], end=v.pick("shutdown", "reset", "wait"))


@hostile("chunk size that is no number", answers={400, 413})
def odd_chunk_sizes(v):
    body = v.event()
    size = b"%x" % len(body)
    size = v.pick(b"g", b"-1", b"0x" + size, b"f" * 17, b"7" + b"f" * 15, b"", b"+" + size,
                  b"8" + b"0" * 15, b"1" + b"0" * 16, b"\xff", b"\0" + size, b"," + size)
    return post_chunked(body, sign(body), sent=size + b"\r\n" + body + b"\r\n0\r\n\r\n")


@hostile("chunk extensions", answered=True)
def chunk_extensions(v):
    body = v.event()
    extension = v.pick(b";a", b";a=b", b';a="b c"', b';a="\\"0"', b"; " + b"x" * 2000, b";;;;",
                       b";=", b';a="', b";0", b" ;a", b";\xff\xfe", b";a=b;" * 100)
    return post_chunked(body, v.accepted(body), sent=chunks(body, v.pick(1, 7, 1000), extension))


@hostile("chunks that are not closed as they should")
def chunk_ends(v):
    body = v.event()
    half = len(body) // 2
    sent = v.pick(
        b"%x\r\n%s0\r\n\r\n" % (len(body), body),
        b"%x\n%s\n0\n\n" % (len(body), body),
        b"%x\r%s\r0\r\r" % (len(body), body),
        b"%x\r\n%s\r\n0\r\n" % (len(body), body),
        b"%x\r\n%s\r\n" % (len(body), body),
        b"%x\r\n%s\r\n0\r\n\r\n" % (half, body),
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(body) + 2, body),
        b"%x\r\n%s\r\n00000000000000000000\r\n\r\n" % (len(body), body),
        b"%x\r\n%sXX0\r\n\r\n" % (len(body), body))
    return Exchange([post_chunked(body, v.tolerated(body), sent=sent)],
                    end=v.pick("wait", "shutdown"))


@hostile("requests behind a webhook", answered=True)
def pipelined(v):
    requests = []
    for _ in range(v.random.randrange(2, 8)):
        body = v.event()
        requests.append(v.random.choice([
            lambda body=body: post(body, v.accepted(body)),
            lambda body=body: post_chunked(body, v.accepted(body)),
            lambda body=body: post(body, v.forged(body)),
            lambda body=body: post(body, None),
            lambda body=body: head(path="/elsewhere", method="GET"),
            lambda body=body: post(body, sign(body), path="/elsewhere"),
        ])())
    return b"".join([keep_alive(request) for request in requests[:-1]]) + requests[-1]


@hostile("a request in the body of another", answers={400, 403, 404, 405})
def request_in_body(v):
    inside = hidden(v)
    outside = v.pick(
        lambda: post(inside, v.forged(inside)),
        lambda: post_chunked(inside, v.forged(inside)),
        lambda: post(inside, None),
        lambda: post(inside, sign(inside)),  # authentic, and no JSON
        lambda: post(inside, sign(inside), path="/elsewhere"),
        lambda: post(inside, None, method="GET"),
        lambda: post_chunked(inside, None, method="PUT"))()
    return Exchange([keep_alive(outside)], end="shutdown")


@hostile("slow bodies")
def slow_body(v):
    body = v.event()
    request = post(body, v.tolerated(body))
    first = request.index(b"\r\n\r\n") + 4
    cuts = sorted(v.random.sample(range(first, len(request)), 3))
    steps = []
    for start, end in zip([0, *cuts], [*cuts, len(request)]):
        steps += [request[start:end], v.pick(0.02, 0.1, 0.1, 1.4)]
    return Exchange(steps)


@hostile("slow heads")
def slow_head(v):
    body = v.event()
    request = post(body, v.tolerated(body))
    size = v.pick(1, 40, 90)
    end = v.random.choice([request.index(b"\r\n\r\n") + 2, len(request)])
    steps = []
    for at in range(0, min(end, 30 * size), size):
        steps += [request[at:min(at + size, end)], 0.02]
    return Exchange([*steps, request[30 * size:end]], end=v.pick("wait", "reset", "shutdown"))


@hostile("Expect")
def expectations(v):
    body = v.event()
    wanted = v.pick("100-continue", "100-CONTINUE", "200-ok", "100-continue, 100-continue",
                    "", "\x7f", "100-continue\r\nExpect: 100-continue")
    if v.random.random() < 0.3:  # and then nothing
        return Exchange([head(f"Content-Length: {len(body)}", f"Expect: {wanted}",
                              f"Momento-Signature: {sign(body)}")],
                        end=v.random.choice(["wait", "shutdown", "reset"]))
    return post(body, v.tolerated(body), f"Expect: {wanted}")


@hostile("a bare line feed or carriage return")
def bare_line_ends(v):
    body = v.event()
    lines, _, _ = post(body, v.tolerated(body), "X: y").partition(b"\r\n\r\n")
    end = v.pick(b"\n", b"\r", b"\r\r\n", b"\n\r", b"\0\r\n", b"\x0b\n")
    if v.random.random() < 0.5:
        return lines.replace(b"\r\n", end) + end * 2 + body
    return lines.replace(b"X: y", b"X: y" + end + b"Z: z") + b"\r\n\r\n" + body
