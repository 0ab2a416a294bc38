"""An application behind nginx: keeps what reaches it, and answers as told."""

import http.server
import threading
from dataclasses import dataclass

from .waiting import PATIENCE, eventually


@dataclass
class Arrived:
    method: str
    path: str
    headers: dict  # names in lower case
    body: bytes


class Backend:
    """Runs from the constructor to close(). `status`: what it answers; hold() and let_go():
    whether it answers yet."""

    def __init__(self):
        self.requests = []
        self.status = 200
        self._go = threading.Event()
        self._go.set()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                backend.requests.append(
                    Arrived(self.command, self.path, headers, self.rfile.read(length)))
                backend._go.wait(PATIENCE)
                content = b'{"from":"backend"}'
                self.send_response(backend.status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def hold(self):
        self._go.clear()

    def let_go(self):
        self._go.set()

    def wait_for(self, count):
        eventually(lambda: len(self.requests) >= count, f"{count} requests at the backend")
        return self.requests

    def close(self):
        self.let_go()
        self._server.shutdown()
        self._server.server_close()
