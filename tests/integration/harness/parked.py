"""Webhooks that are not answered at once."""

import pytest

from .clients import TIMEOUT
from .events import documented_event, signed
from .webhook import PATH


def request(body, path=PATH):
    """A signed POST, as bytes."""
    headers = {"Host": "h", "Content-Length": len(body), **signed(body)}
    return f"POST {path} HTTP/1.1\r\n".encode() + "".join(
        f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n" + body


class Parked:
    """Requests on connections of their own, sent and not yet answered. `body`: copies of it,
    instead of events that differ."""

    def __init__(self, hook, count=1, path=PATH, body=None):
        self.connections = [hook.connect_raw() for _ in range(count)]
        for number, connection in enumerate(self.connections):
            connection.send(request(
                documented_event(topic_sequence_number=number) if body is None else body, path))

    def answers(self):
        return [connection.response() for connection in self.connections]

    def still_wait(self):
        for connection in self.connections:
            connection.socket.setblocking(False)
            with pytest.raises(BlockingIOError):
                connection.socket.recv(1)
            connection.socket.settimeout(TIMEOUT)

    def leave(self):
        """Waits for no answer."""
        for connection in self.connections:
            connection.close()
