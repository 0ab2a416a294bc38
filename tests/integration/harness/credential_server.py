"""What hands out credentials inside AWS, on 127.0.0.1: a container's endpoint, an instance's
metadata service (version 2), and STS for web identities."""

import datetime
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .tls import certificate

CONTAINER_PATH = "/v1/credentials"
TOKEN_PATH = "/latest/api/token"
METADATA_PATH = "/latest/meta-data/"
ROLE_PATH = METADATA_PATH + "iam/security-credentials/"
ROLE = "gateway"
SESSION_TOKEN = "a-session-token-of-the-metadata-service"


class CredentialServer:
    """Hands out `sets`, one after the other; the last one for ever."""

    def __init__(self, *sets, container_token=None, tls=False):
        self.sets = list(sets)
        self.container_token = container_token
        self.web_tokens = []  # as STS received them
        self.handed_out = 0
        self.metadata = {}   # what else the instance tells: "placement/region" -> "us-west-2"
        self.asked = []      # paths
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.answer_get(self)

            def do_PUT(self):
                ttl = int(self.headers["X-Aws-Ec2-Metadata-Token-Ttl-Seconds"])
                known = self.path == TOKEN_PATH and 1 <= ttl <= 21600
                outer.reply(self, 200 if known else 400, SESSION_TOKEN if known else "")

            def do_POST(self):
                outer.answer_sts(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = certificate().server_context().wrap_socket(
                self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def next_set(self):
        with self._lock:
            self.handed_out += 1
            return self.sets.pop(0) if len(self.sets) > 1 else self.sets[0]

    def document(self):
        given = self.next_set()
        return {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": given["AccessKeyId"],
                "SecretAccessKey": given["SecretAccessKey"], "Token": given["SessionToken"],
                "Expiration": in_an_hour()}

    def answer_get(self, request):
        self.asked.append(request.path)
        if request.path == CONTAINER_PATH:
            if request.headers["Authorization"] != self.container_token:
                return self.reply(request, 403, '{"code":"AccessDenied"}')
            document = self.document()
            del document["Code"]
            return self.reply(request, 200, json.dumps(document))
        if request.headers["X-Aws-Ec2-Metadata-Token"] != SESSION_TOKEN:
            return self.reply(request, 401, "")
        value = self.metadata.get(request.path.removeprefix(METADATA_PATH))
        if value:
            return self.reply(request, 200, value)
        if request.path == ROLE_PATH:
            return self.reply(request, 200, ROLE + "\n")
        if request.path == ROLE_PATH + ROLE:
            return self.reply(request, 200, json.dumps(self.document()))
        return self.reply(request, 404, "")

    def answer_sts(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in urllib.parse.parse_qs(body).items()}
        operation = form["Action"]
        if operation != "AssumeRoleWithWebIdentity" or request.headers["Authorization"]:
            return self.reply(request, 400, "")
        self.web_tokens.append(form["WebIdentityToken"])
        given = self.next_set()
        leaves = "".join(
            f"<{name}>{value}</{name}>" for name, value in (
                ("AccessKeyId", given["AccessKeyId"]),
                ("SecretAccessKey", given["SecretAccessKey"]),
                ("SessionToken", given["SessionToken"]), ("Expiration", in_an_hour())))
        return self.reply(request, 200, (
            f'<{operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            f"<{operation}Result><Credentials>{leaves}</Credentials></{operation}Result>"
            f"</{operation}Response>"))

    @staticmethod
    def reply(request, status, body):
        request.send_response(status)
        request.send_header("Content-Length", str(len(body.encode())))
        request.end_headers()
        request.wfile.write(body.encode())


def in_an_hour():
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    return end.strftime("%Y-%m-%dT%H:%M:%SZ")
