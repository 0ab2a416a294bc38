"""A proxy that tunnels (CONNECT), on 127.0.0.1."""

import asyncio
import base64
import threading

from .tls import certificate
from .waiting import PATIENCE


class Proxy:
    """`tls`: is spoken to by TLS itself. `user`: "name:password", or nobody gets through."""

    def __init__(self, tls=False, user=None):
        self.tunnels = []  # "host:port", as asked for
        self.refused = 0
        self._expected = user and "Basic " + base64.b64encode(user.encode()).decode()
        self._tasks = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=certificate().server_context() if tls else None))
        self.port = self._server.sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http{'s' if tls else ''}://{self.address}"

    def close(self):
        async def finish():
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._run(finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        try:
            await self._tunnel(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(asyncio.current_task())
            writer.close()

    async def _tunnel(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        assert method == "CONNECT", head
        if self._expected and f"Proxy-Authorization: {self._expected}\r\n" not in head:
            self.refused += 1
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                         b'Proxy-Authenticate: Basic realm="proxy"\r\nContent-Length: 0\r\n\r\n')
            await writer.drain()
            return
        self.tunnels.append(target)
        host, _, port = target.rpartition(":")
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(self._pass_on(reader, there_writer),
                                 self._pass_on(there_reader, writer))
        finally:
            there_writer.close()

    @staticmethod
    async def _pass_on(source, target):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        target.close()
