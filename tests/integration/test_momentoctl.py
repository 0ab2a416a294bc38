"""momentoctl as a person runs it, against a server that keeps what it got."""

import http.server
import json
import os
import socket
import subprocess
import threading
import time

import pytest

from harness import settings
from harness.events import SECRET, now_ms, sign
from harness.tls import certificate


class Recorder:
    """An HTTP/1.1 server that keeps connections and requests, and answers as it is told."""

    def __init__(self, tls=False):
        self.requests = []  # (headers with names in lower case, body), in order
        self.connections = 0
        self.answer = lambda number: (200, b'{"message":"Success"}')
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                recorder.connections += 1
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                recorder.requests.append((headers, body))
                answer = recorder.answer(len(recorder.requests))
                if answer is None:  # leaves without a word
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                status, text = answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = certificate().server_context().wrap_socket(
                self.server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}/momento"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def recorder():
    with Recorder() as server:
        yield server


@pytest.fixture
def send(momentoctl):
    def run(url, *arguments, env=None, **others):
        return momentoctl("send", url, "--secret", "env:HOOK_SECRET", *arguments,
                          env={"HOOK_SECRET": SECRET, **(env or {})}, **others)
    return run


def test_sign_agrees_with_an_independent_implementation(momentoctl):
    body = bytes(range(256)) * 1000
    done = momentoctl("sign", "--secret", "env:HOOK_SECRET", input=body,
                      env={"HOOK_SECRET": SECRET})
    assert (done.returncode, done.stdout) == (0, f"{sign(body)}\n".encode())


def test_sign_reads_a_json_secret_from_a_file(momentoctl, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps({"momentoSecret": SECRET, "chat": "other"}))
    for source, key in ((f"file:{secret}", SECRET), (f"file:{secret}#chat", "other")):
        done = momentoctl("sign", "--secret", source, input=b"body")
        assert done.stdout.decode().strip() == sign(b"body", key)


def test_sign_cannot_read_a_directory():
    directory = os.open("/", os.O_RDONLY)
    done = subprocess.run([settings.MOMENTOCTL, "sign", "--secret", "k"], stdin=directory,
                          capture_output=True, check=False)
    os.close(directory)
    assert (done.returncode, done.stdout) == (2, b"")


def test_send_plays_momento(send, recorder):
    before = now_ms()
    done = send(recorder.url, "--cache", "games", "--topic", "chess", "--text", 'é "e4"',
                "--token-id", "ada", "--count", "3")
    assert (done.returncode, done.stdout) == (0, b"200: 3\n"), done.stderr
    assert recorder.connections == 1, "the connection is kept"
    for number, (headers, body) in enumerate(recorder.requests, start=1):
        event = json.loads(body)
        assert list(event) == ["cache", "topic", "event_timestamp", "publish_timestamp",
                               "topic_sequence_number", "token_id", "text"]
        assert body == json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        assert before <= event["publish_timestamp"] <= now_ms()
        assert event["topic_sequence_number"] == number
        assert (event["cache"], event["topic"], event["token_id"], event["text"]) == (
            "games", "chess", "ada", 'é "e4"')
        assert headers["momento-signature"] == sign(body)
        assert headers["user-agent"] == (
            "Momento/1.0 (Webhooks; +https://docs.momentohq.com/topics/webhooks)")
        assert headers["content-type"] == "application/json"
        assert "expect" not in headers


def test_send_posts_given_bytes_untouched(send, recorder, tmp_path):
    body = b'{ "text" : "as it is" }\n\x00\xff'
    (tmp_path / "body").write_bytes(body)
    assert send(recorder.url, "--body", "-", input=body).returncode == 0
    assert send(recorder.url, "--body", tmp_path / "body", "--count", "2").returncode == 0
    assert [got for _, got in recorder.requests] == [body] * 3
    assert {headers["momento-signature"] for headers, _ in recorder.requests} == {sign(body)}


def test_send_sends_a_large_body_without_asking_first(send, recorder):
    body = b"x" * 3_000_000
    assert send(recorder.url, "--body", "-", input=body).returncode == 0
    (headers, got), = recorder.requests
    assert got == body
    assert "expect" not in headers


def test_send_counts_answers_and_shows_each_refusal_once(send, recorder):
    recorder.answer = lambda number: (
        (200, b"") if number == 1 else (503, b'{"message":"Service Unavailable"}'))
    done = send(recorder.url, "--count", "4")
    assert done.returncode == 1
    assert done.stdout.decode() == (
        '200: 1\n503: 3\n    {"message":"Service Unavailable"}\n')


def test_send_follows_no_redirect(send, recorder):
    recorder.answer = lambda number: (307, b"")
    done = send(recorder.url)
    assert (done.returncode, done.stdout) == (1, b"307: 1\n")
    assert len(recorder.requests) == 1


def test_send_tries_once_even_when_a_kept_connection_breaks(send, recorder):
    recorder.answer = lambda number: (200, b"") if number == 1 else None
    done = send(recorder.url, "--count", "2")
    assert done.returncode == 1
    assert done.stdout.startswith(b"200: 1\nno answer: 1\n    ")
    assert len(recorder.requests) == 2


def test_send_keeps_the_rate(send, recorder):
    start = time.monotonic()
    assert send(recorder.url, "--count", "5", "--rate", "20").returncode == 0
    assert time.monotonic() - start >= 4 / 20
    assert len(recorder.requests) == 5


def test_send_uses_no_proxy_of_the_environment(send, recorder):
    proxy = {"http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}
    assert send(recorder.url, env=proxy).returncode == 0


def test_send_judges_the_certificate_unless_told_otherwise(send):
    with Recorder(tls=True) as server:
        refused = send(server.url)
        assert refused.returncode == 1
        assert b"no answer: 1\n" in refused.stdout
        assert b"certificate" in refused.stdout
        assert b"trust the one who signed it with --cacert FILE" in refused.stdout
        assert server.requests == []
        assert send(server.url, "--cacert", certificate().path).returncode == 0
        assert send(server.url, "--insecure").returncode == 0
        assert len(server.requests) == 2


def test_secrets_stay_out_of_every_word_printed(send, recorder):
    recorder.answer = lambda number: (403, b'{"message":"Unauthorized"}')
    done = send(recorder.url)
    (headers, _), = recorder.requests
    for text in (done.stdout, done.stderr):
        assert SECRET.encode() not in text
        assert headers["momento-signature"].encode() not in text


def test_a_secret_of_secrets_manager_signs(momentoctl, moto):
    name = moto.create_secret('{"chat":"the member"}')
    env = {**moto.environment("secretsmanager:GetSecretValue"),
           "AWS_ENDPOINT_URL_SECRETS_MANAGER": moto.endpoint}
    done = momentoctl("sign", "--secret", f"secretsmanager:{name}#chat", input=b"body", env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == sign("body", "the member") + "\n"

    done = momentoctl("sign", "--secret", "secretsmanager:none", input=b"body", env=env)
    assert done.returncode == 2
    assert b'secret "none" cannot be fetched: there is none' in done.stderr
    done = momentoctl("sign", "--secret", f"secretsmanager:{name}", input=b"body",
                      env={**env, "AWS_REGION": ""})
    assert b"no region known, name the secret by its ARN or set AWS_REGION" in done.stderr
