"""Plays an Exchange against a gateway and tells how it was answered."""

import contextlib
import re
import time

from harness import http2
from harness.clients import RawConnection
from harness.tls import certificate

PATIENCE = 40.0  # seconds until a connection that nobody closes counts as hanging

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5]\d\d) ")


class Hanging(Exception):
    pass


class Client:
    """One for all threads: making a context costs more than using it."""

    def __init__(self, port, tls_port):
        self.port = port
        self.tls_port = tls_port
        self.tls = certificate().client_context()
        self.http2 = certificate().client_context()
        self.http2.set_alpn_protocols(["h2"])

    def play(self, exchange, tls):
        """The statuses of all answers, in order."""
        with self._connect(exchange, tls) as connection:
            with contextlib.suppress(OSError):  # the other side may have had enough
                for step in exchange.steps:
                    if isinstance(step, bytes):
                        connection.socket.sendall(step)
                    else:
                        time.sleep(step)
            if exchange.end == "reset":
                connection.reset()
                return []
            if exchange.end == "shutdown":
                with contextlib.suppress(OSError):
                    connection.shutdown()
            if exchange.http2:
                return self._statuses_of_streams(connection, set(exchange.streams))
            return [int(status) for status in STATUS_LINE.findall(self._rest(connection))]

    def _connect(self, exchange, tls):
        if exchange.http2:
            return RawConnection(self.tls_port, self.http2)
        if tls == "plain bytes":
            return RawConnection(self.tls_port)
        return RawConnection(self.tls_port, self.tls) if tls else RawConnection(self.port)

    def _rest(self, connection):
        received = b""
        for piece in self._pieces(connection):
            received += piece
        return received

    def _statuses_of_streams(self, connection, streams):
        """Reads until the streams are over, or all is: then a ping tells that nothing more
        of what was sent is under way."""
        reader = http2.Reader()
        token = b"the end!"
        with contextlib.suppress(OSError):
            connection.socket.sendall(http2.frame(http2.PING, 0, 0, token))
        for piece in self._pieces(connection):
            reader.feed(piece)
            if token in reader.pings and streams <= reader.ended:
                break
        return list(reader.statuses.values())

    @staticmethod
    def _pieces(connection):
        deadline = time.monotonic() + PATIENCE
        while True:
            connection.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                piece = connection.socket.recv(65_536)
            except TimeoutError:
                raise Hanging("nobody closed the connection") from None
            except OSError:
                return
            if not piece:
                return
            yield piece
