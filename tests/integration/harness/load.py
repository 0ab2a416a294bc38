"""A sender that never stops: events on many connections, and what became of each."""

import asyncio
import collections
import contextlib
import itertools
import threading

from .events import SECRET, documented_event, signed
from .webhook import PATH

ANSWER_PATIENCE = 40.0  # seconds; longer than the harness lets a webhook take


class Load:
    """Sends from the constructor to stop(). Each event's text is its number. `secrets` sign in
    turn; a test may replace them meanwhile.

    `outcomes`: number -> status, or None if no answer came (the connection broke: nobody
    knows what happened).
    """

    def __init__(self, port, connections=100, pause=0.0, secrets=(SECRET,)):
        self.port = port
        self.secrets = secrets
        self.signed_by = {}  # number -> secret
        self.pause = pause  # seconds between an answer and the connection's next event
        self.outcomes = {}
        self.in_flight = 0
        self._numbers = itertools.count()
        self._stopping = False
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(connections),))
        self._thread.start()

    def stop(self):
        """Waits for the answers that are under way. Returns the outcomes."""
        self._stopping = True
        self._thread.join()
        return self.outcomes

    def count(self, *statuses):
        return sum(status in statuses for status in list(self.outcomes.values()))

    def acknowledged(self):
        return {number for number, status in self.outcomes.items() if status == 200}

    async def _run(self, connections):
        await asyncio.gather(*(self._connection() for _ in range(connections)))

    async def _connection(self):
        while not self._stopping:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    await self._use(reader, writer)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.01)

    async def _use(self, reader, writer):
        while not self._stopping and not reader.at_eof():
            number = next(self._numbers)
            # First: another thread must not find it sent and not noted.
            self.outcomes[number] = None
            writer.write(self._request(number))
            self.in_flight += 1
            try:
                status = await asyncio.wait_for(self._answer(reader), ANSWER_PATIENCE)
            except (OSError, EOFError, asyncio.TimeoutError):
                return
            finally:
                self.in_flight -= 1
            self.outcomes[number] = status
            await asyncio.sleep(self.pause)

    def _request(self, number):
        body = documented_event(topic_sequence_number=number, text=str(number))
        secrets = self.secrets
        secret = self.signed_by[number] = secrets[number % len(secrets)]
        headers = {"Host": "h", "Content-Length": len(body), **signed(body, secret)}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body

    @staticmethod
    async def _answer(reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        await reader.readexactly(length)
        return int(head.split()[1])


class Conservation:
    """What a load sent, held against what a stand-in got."""

    def __init__(self, load, standin):
        self.load = load
        self.standin = standin

    def arrived(self):
        return collections.Counter(
            int(_text(detail)) for detail in self.standin.details())

    def wait(self, patience, but_for=frozenset()):
        """Until everything that was acknowledged is on the bus, but for some."""
        wanted = self.load.acknowledged() - but_for
        seen = set()
        read = 0

        def complete(standin):
            nonlocal read
            for entry in standin.accepted[read:]:
                seen.add(int(_text(entry["Detail"])))
            read = len(standin.accepted)
            return wanted <= seen

        self.standin.wait_for(complete, "the arrival of all acknowledged events", patience)

    def table(self):
        arrived = self.arrived()
        outcomes = self.load.outcomes
        acknowledged = self.load.acknowledged()
        return {
            "sent": len(outcomes),
            "acknowledged": len(acknowledged),
            "refused": sum(status not in (200, None) for status in outcomes.values()),
            "unanswered": sum(status is None for status in outcomes.values()),
            "delivered": len(arrived),
            "duplicates": sum(arrived.values()) - len(arrived),
            "late": sum(number in arrived for number, status in outcomes.items()
                        if status not in (200, None)),
            "lost": len(acknowledged - set(arrived)),
            "invented": len(set(arrived) - set(outcomes)),
        }


def _text(detail):
    # Fast: json.loads() of every event costs more than everything else here.
    return detail.rpartition('"text":"')[2].rstrip('"}')
