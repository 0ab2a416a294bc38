"""What a class of hostile requests is, and what its generators write with.

A generator makes one variant: what a client sends on one connection, and which events may
come of it. All else must not arrive, so a variant that hides an authentic event where no
server should look finds out who looks there.
"""

import random
from dataclasses import dataclass, field

from harness.events import documented_event, sign
from harness.webhook import PATH

TABLE = {}  # name -> Class

# Statuses of nginx and of the gateway for what they do not take. None says that a request
# was received in full and then failed for no fault of its own.
REFUSALS = frozenset({400, 403, 404, 405, 408, 411, 413, 414, 501, 505})


@dataclass
class Class:
    name: str
    generate: object     # Variant -> bytes, steps or Exchange
    answers: frozenset   # statuses besides 200; 200 only for what may be accepted
    answered: bool       # at least one answer is expected


def hostile(name, answers=None, answered=None):
    """Puts a generator into the table. `answers`: the only statuses it may get."""
    def add(generate):
        assert name not in TABLE, name
        TABLE[name] = Class(name, generate, frozenset(answers or REFUSALS),
                            bool(answers) if answered is None else answered)
        return generate
    return add


@dataclass
class Exchange:
    """What a client does on one connection."""

    steps: list            # bytes to send, or seconds to wait
    end: str = "wait"      # for the server to close; or "shutdown" first, or "reset" at once
    tls: object = None     # True, False or None: does not matter
    http2: bool = False
    streams: tuple = ()    # HTTP/2: those an answer is waited for


@dataclass
class Variant:
    """`must`: bodies that are authentic, well-formed and complete; they arrive. `may`: whether
    they arrive is nginx's choice of how much it forgives."""

    name: str
    number: int
    seed: int
    must: list = field(default_factory=list)
    may: list = field(default_factory=list)
    events: int = 0

    def __post_init__(self):
        self.random = random.Random(f"{self.seed} {self.name} {self.number}")

    def pick(self, *choices):
        """Walks through the choices by the variant's number, so that all of them are tried."""
        return choices[self.number % len(choices)]

    def event(self, **changes):
        """A well-formed body that no other variant has."""
        self.events += 1
        text = f"hostile: {self.name} {self.number}.{self.events} {self.random.random()}"
        return documented_event(**{"text": text, **changes})

    def accepted(self, body):
        """Signs a body that must arrive."""
        self.must.append(body)
        return sign(body)

    def tolerated(self, body):
        """Signs a body that may arrive, or, in every other variant, forges."""
        if self.random.random() < 0.5:
            return self.forged(body)
        self.may.append(body)
        return sign(body)

    def forged(self, body):
        return sign(body, secret=f"not the secret {self.random.random()}")

    def printable(self, length, without=""):
        letters = [chr(code) for code in range(33, 127) if chr(code) not in without]
        return "".join(self.random.choices(letters, k=length))

    def cut(self, data, first=1):
        """A place inside of `data`."""
        return self.random.randrange(first, len(data))


def head(*headers, method="POST", path=PATH, version="HTTP/1.1", host="localhost"):
    """The head of a request after which the server closes."""
    lines = [f"{method} {path} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    return ("\r\n".join([*lines, *headers, "Connection: close"]) + "\r\n\r\n").encode("latin-1")


def post(body, signature, *headers, **line):
    """A request with Content-Length. `signature`: None for none."""
    if signature is not None:
        headers = (f"Momento-Signature: {signature}", *headers)
    return head(f"Content-Length: {len(body)}", *headers, **line) + body


def keep_alive(request):
    return request.replace(b"Connection: close\r\n", b"", 1)


def chunks(body, size=100, extension=b"", trailers=b""):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces) + (
        b"0\r\n" + trailers + b"\r\n")


def post_chunked(body, signature, *headers, sent=None, **line):
    """`sent`: what stands for the body, if not the body in chunks."""
    if signature is not None:
        headers = (f"Momento-Signature: {signature}", *headers)
    return head("Transfer-Encoding: chunked", *headers, **line) + (
        chunks(body) if sent is None else sent)
