"""Many webhooks, each played several times over several protocols, while workers come and go.

REPLAYS: how many events; default 2000."""

import asyncio
import collections
import os
import random
import ssl

import pytest

from harness import http2
from harness.events import documented_event, signed
from harness.parked import request
from harness.tls import certificate
from harness.waiting import eventually
from harness.webhook import PATH

EVENTS = int(os.environ.get("REPLAYS", "2000"))
COPIES = 3
PATIENCE = 40.0  # seconds for one answer

pytestmark = pytest.mark.volume


class Http1:
    def __init__(self, port, tls=None):
        self.port, self.tls = port, tls
        self.reader = self.writer = None

    async def send(self, body):
        """The status, or None if the connection broke."""
        try:
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection(
                    "127.0.0.1", self.port, ssl=self.tls)
            self.writer.write(request(body))
            return await asyncio.wait_for(self.answer(), PATIENCE)
        except (OSError, EOFError, asyncio.TimeoutError):
            self.close()
            return None

    async def answer(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        await self.reader.readexactly(length)
        status = int(head.split()[1])
        if "connection: close" in head:
            self.close()
        return status

    def close(self):
        if self.writer is not None:
            self.writer.transport.abort()
        self.writer = None


class Http2:
    """One request at a time, each a stream of the same connection."""

    STREAMS = 500  # nginx ends a connection after so many; it is left before

    def __init__(self, port, tls):
        self.port, self.tls = port, tls
        self.writer = None

    async def send(self, body):
        try:
            if self.writer is None:
                await self.connect()
            fields = [(":method", "POST"), (":path", PATH), (":scheme", "https"),
                      (":authority", "h"),
                      *((name.lower(), value) for name, value in signed(body).items())]
            stream, self.stream = self.stream, self.stream + 2
            self.writer.write(http2.headers(stream, fields) + http2.data(stream, body))
            status = await asyncio.wait_for(self.answer(stream), PATIENCE)
            if stream > 2 * self.STREAMS:
                self.close()
            return status
        except (OSError, EOFError, asyncio.TimeoutError):
            self.close()
            return None

    async def connect(self):
        self.input, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.tls)
        self.frames = http2.Reader()
        self.stream = 1
        self.writer.write(http2.PREFACE + http2.settings())

    async def answer(self, stream):
        while stream not in self.frames.statuses or stream not in self.frames.ended:
            received = await self.input.read(65_536)
            if not received:
                raise EOFError
            self.frames.feed(received)
        return self.frames.statuses[stream]

    def close(self):
        if self.writer is not None:
            self.writer.transport.abort()
        self.writer = None


def tls_context(protocol):
    context = certificate().client_context(ssl.TLSVersion.TLSv1_3)
    context.set_alpn_protocols([protocol])
    return context


class Replayer:
    """Plays `COPIES` of every event, copies of one close together, until each was taken."""

    def __init__(self, hook):
        self.statuses = collections.defaultdict(list)
        clients = [lambda: Http1(hook.port), lambda: Http1(hook.tls_port, tls_context("http/1.1")),
                   lambda: Http2(hook.tls_port, tls_context("h2"))]
        self.clients = [make() for make in clients for _ in range(6)]
        chance = random.Random(7)
        order = sorted((number + chance.random() * 40, number)
                       for number in range(EVENTS) for _ in range(COPIES))
        self.todo = collections.deque(number for _, number in order)
        self.bodies = {}

    def body(self, number):
        if number not in self.bodies:
            self.bodies[number] = documented_event(text=str(number))
        return self.bodies[number]

    async def play(self, client):
        while self.todo:
            number = self.todo.popleft()
            status = await client.send(self.body(number))
            self.statuses[number].append(status)
            if status in (None, 503):
                self.todo.append(number)
                await asyncio.sleep(0.01)
        client.close()

    async def run(self, disturb):
        disturbing = asyncio.create_task(disturb(self))
        await asyncio.gather(*(self.play(client) for client in self.clients))
        await disturbing

    def is_beyond(self, share):
        return len(self.statuses) >= share * EVENTS


def test_every_event_is_published_once_however_often_it_is_played(start_webhook):
    hook = start_webhook(
        location="momento_webhook_replay signatures; momento_webhook_max_age 1h;",
        spool="momento_spool %%DIR%%/spool size=1g segment=4m;",
        http="momento_replay_zone signatures 32m;", workers=4)
    hook.allow(r"\[alert\].*worker process \d+ exited on signal 9")
    replayer = Replayer(hook)

    async def disturb(replayer_):
        async def until(share):
            while replayer_.todo and not replayer_.is_beyond(share):
                await asyncio.sleep(0.01)

        loop = asyncio.get_running_loop()
        await until(0.3)
        await loop.run_in_executor(None, hook.reload)
        await until(0.6)
        await loop.run_in_executor(None, hook.kill_worker)

    asyncio.run(replayer.run(disturb))

    everything = {str(number) for number in range(EVENTS)}
    arrived = collections.Counter()

    def complete():
        arrived.clear()
        arrived.update(event["detail"]["text"] for event in hook.events(0))
        return set(arrived) == everything

    eventually(complete, "the arrival of all events", 180)
    eventually(lambda: hook.counts()[1]["pending"] == 0, "the release of all events")
    requests, numbers = hook.counts()
    statuses = collections.Counter(
        status for each in replayer.statuses.values() for status in each)
    print({"events": EVENTS, "requests": sum(statuses.values()), "statuses": dict(statuses),
           "verdicts": requests, "appended": numbers["appended"],
           "delivered twice": sum(count - 1 for count in arrived.values())})
    assert set(statuses) <= {200, 503, None}
    assert all(200 in each for each in replayer.statuses.values())
    assert numbers["appended"] == EVENTS
    assert requests["duplicate"] >= EVENTS * (COPIES - 1) - statuses[None]
    # What was on its way to the bus when its worker was killed may come twice, nothing else.
    assert sum(count - 1 for count in arrived.values()) <= 64 * 10
