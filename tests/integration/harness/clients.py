"""HTTP clients, from polite to rude."""

import http.client
import json
import socket
import ssl
import subprocess
from dataclasses import dataclass, field

from .tls import certificate

TIMEOUT = 60.0  # seconds; longer than anything nginx is asked to do in a test


@dataclass
class Response:
    status: int
    headers: dict = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    version: str = "1.1"

    def json(self):
        return json.loads(self.body)


class Connection:
    """One HTTP/1.1 connection, kept alive between requests."""

    def __init__(self, port, tls=False):
        if tls:
            context = certificate().client_context(ssl.TLSVersion.TLSv1_3)
            self.http = http.client.HTTPSConnection(
                "127.0.0.1", port, timeout=TIMEOUT, context=context)
        else:
            self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)

    def request(self, method, path, body=None, headers=None, chunked=False):
        self.http.request(method, path, body, headers or {}, encode_chunked=chunked)
        answer = self.http.getresponse()
        return Response(answer.status,
                        {name.lower(): value for name, value in answer.getheaders()},
                        answer.read())

    def post(self, path, body=b"", headers=None):
        return self.request("POST", path, body, headers)

    def close(self):
        self.http.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _Stream:
    """What http.client reads a response from. It would take a buffer of its own for each, and
    with it what belongs to the next response of a pipeline."""

    def __init__(self, socket_):
        self.file = socket_.makefile("rb")

    def makefile(self, _):
        return self

    def close(self):
        pass

    def __getattr__(self, name):
        return getattr(self.file, name)


class RawConnection:
    """A socket: sends any bytes at any time, and may leave in the middle. `tls`: whether, or
    the context to use."""

    def __init__(self, port, tls=False):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = certificate().client_context() if tls is True else tls
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.stream = _Stream(self.socket)

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def response(self, method="POST"):
        """Reads one response. `method` is the request's: it decides about a body."""
        answer = http.client.HTTPResponse(self.stream, method=method)
        answer.begin()
        return Response(answer.status,
                        {name.lower(): value for name, value in answer.getheaders()},
                        answer.read())

    def interim(self):
        """Reads one response head without a body, such as 100 Continue."""
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            line = self.stream.readline()
            if not line:
                break
            data += line
        return data

    def rest(self):
        """Everything until the other side closes."""
        data = b""
        while True:
            try:
                piece = self.stream.read1()
            except ConnectionResetError:
                return data
            if not piece:
                return data
            data += piece

    def closed(self):
        """True once the other side has closed and nothing is left to read."""
        return self.rest() == b""

    def shutdown(self):
        """Half-closes: nothing more will be sent."""
        # The TLS socket's own shutdown() would forget the keys: what comes could not be read.
        socket.socket.shutdown(self.socket, socket.SHUT_WR)

    def close(self):
        self.stream.file.close()
        self.socket.close()

    def reset(self):
        """Leaves without a word: RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def curl(port, path, body=None, headers=None, options=()):
    """One request over TLS 1.3 by curl, on HTTP/2 unless `options` say otherwise."""
    command = ["curl", "--silent", "--show-error", "--include", "--ipv4", "--http2", "--tlsv1.3",
               "--cacert", str(certificate().path), "--max-time", str(TIMEOUT),
               *options]
    if body is not None:
        command += ["--data-binary", "@-"]
    for name, value in (headers or {}).items():
        command += ["--header", f"{name}: {value}" if value else f"{name};"]
    command.append(f"https://localhost:{port}{path}")
    done = subprocess.run(command, input=body, capture_output=True, check=False)
    if done.returncode != 0:
        raise OSError(f"curl: exit status {done.returncode}: {done.stderr.decode()}")
    output = done.stdout
    while True:
        head, _, output = output.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        version, status = lines[0].split(" ")[:2]
        if not status.startswith("1"):  # 100 Continue, 101 Switching Protocols
            break
    parsed = (line.split(": ", 1) if ": " in line else (line.rstrip(":"), "")
              for line in lines[1:])
    return Response(int(status), {name.lower(): value for name, value in parsed}, output,
                    version.partition("/")[2])
