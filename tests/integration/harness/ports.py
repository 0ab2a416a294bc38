"""Ports of one's own, for as long as a test needs them."""

import socket


class Port:
    """A port of 127.0.0.1 that the kernel gives to nobody else until close(), neither to listen
    on nor to connect from: it is bound here, without listening. Who sets SO_REUSEADDR, as
    servers do, can listen on it, stop, and listen again."""

    def __init__(self):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number = self._socket.getsockname()[1]

    def close(self):
        self._socket.close()
