"""The signer against botocore's and AWS's for JavaScript: the same random requests, signed by
all."""

import datetime
import json
import os
import pathlib
import random
import string
import subprocess

import pytest

from harness import javascript, settings

botocore_auth = pytest.importorskip("botocore.auth")
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

BUILD = pathlib.Path(os.environ.get("MOMENTO_BUILD_DIR") or settings.BUILD)
SIGNER = BUILD / "sigv4_cases"
CASES = 1_000

VALUE = string.ascii_letters + string.digits + string.punctuation + "   "
PATH = string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@"
# Of the headers that stay unsigned, those that old releases of botocore know too.
NAMES = ["Content-Type", "X-Amz-Target", "X-Amz-Target-Extra", "amz-sdk-request", "User-Agent",
         "X-Amzn-Trace-Id", "Expect", "My-Header1", "my-header", "Accept"]


def text(chance, alphabet, longest):
    return "".join(chance.choices(alphabet, k=chance.randint(0, longest)))


def random_case(chance):
    segments = [chance.choice(["", ".", "..", "%20", text(chance, PATH, 12)])
                for _ in range(chance.randint(0, 5))]
    parameters = [text(chance, string.ascii_letters + "-%", 4) + chance.choice(["", "="])
                  + text(chance, string.ascii_letters + "-.", 4)
                  for _ in range(chance.randint(0, 4))]
    return {
        "region": chance.choice(["us-east-1", "eu-central-1", "cn-north-1"]),
        "service": chance.choice(["events", "sqs", "secretsmanager", "sts"]),
        "method": chance.choice(["POST", "GET", "PUT"]),
        "host": chance.choice(["events.us-east-1.amazonaws.com", "127.0.0.1:4566", "[::1]:80"]),
        "path": "/" + "/".join(segments),
        "query": "&".join(p for p in parameters if p),
        "headers": [[name, text(chance, VALUE, 40)] for name in
                    chance.sample(NAMES, chance.randint(0, len(NAMES)))],
        "body": text(chance, string.printable + "äöü€\U0001f600", 200),
        "access_key_id": "AKID" + text(chance, string.ascii_uppercase, 16),
        "secret_access_key": "s" + text(chance, VALUE, 40),
        "session_token": chance.choice(["", "t" + text(chance, string.ascii_letters, 900)]),
        "now_ms": chance.randint(0, 4_000_000_000_000),
    }


def expected(case, monkeypatch):
    moment = datetime.datetime.fromtimestamp(case["now_ms"] // 1000, datetime.timezone.utc)
    # Old releases ask the datetime module, newer ones a function of their own.
    if hasattr(botocore_auth, "get_current_datetime"):
        monkeypatch.setattr(botocore_auth, "get_current_datetime", lambda **_: moment)
    else:
        clock = type("datetime", (datetime.datetime,), {"utcnow": lambda: moment})
        monkeypatch.setattr(botocore_auth, "datetime",
                            type("module", (), {"datetime": clock}))

    url = "https://" + case["host"] + case["path"]
    if case["query"]:
        url += "?" + case["query"]
    request = AWSRequest(case["method"], url, data=case["body"].encode())
    for name, value in case["headers"]:
        request.headers[name] = value
    request.headers["Host"] = case["host"]
    credentials = Credentials(case["access_key_id"], case["secret_access_key"],
                              case["session_token"] or None)
    botocore_auth.SigV4Auth(credentials, case["service"], case["region"]).add_auth(request)
    return {name: request.headers.get(name)
            for name in ("X-Amz-Date", "X-Amz-Security-Token", "Authorization")}


def sign(cases):
    """What our signer adds to each."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    run = subprocess.run([SIGNER], input=lines, capture_output=True, text=True, check=True)
    answers = [dict(json.loads(line)) for line in run.stdout.splitlines()]
    assert len(answers) == len(cases)
    return answers


@pytest.mark.skipif(not SIGNER.exists(), reason=f"{SIGNER} is not built")
def test_random_requests_get_the_signature_botocore_gives_them(monkeypatch):
    chance = random.Random(20150830)
    cases = [random_case(chance) for _ in range(CASES)]
    for case, added in zip(cases, sign(cases)):
        assert added == {k: v for k, v in expected(case, monkeypatch).items() if v}, case


@javascript.needed
@pytest.mark.skipif(not SIGNER.exists(), reason=f"{SIGNER} is not built")
def test_random_requests_get_the_signature_that_javascript_gives_them():
    chance = random.Random(20260129)
    cases = [random_case(chance) for _ in range(CASES)]
    for case in cases:
        case["query"] = case["query"].replace("%", "x")  # it encodes what it is given
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    names = ("X-Amz-Date", "X-Amz-Security-Token", "Authorization")
    for case, added, theirs in zip(cases, sign(cases), javascript.run("sign.mjs", input=lines)):
        assert [added.get(name, "") for name in names] == theirs, case
