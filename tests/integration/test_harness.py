"""The machinery of the other tests, held against itself: it must see what goes wrong."""

import http.client
import json
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from harness import standin as aws
from harness.events import SECRET, documented_event, sign
from harness.nginx import Nginx, check_config
from harness.waiting import PATIENCE

pytestmark = pytest.mark.smoke

ANSWER = "location = / { return 200 fine; }"


def put_events(standin, entries, key=aws.ACCESS_KEY_ID, secret=aws.SECRET_ACCESS_KEY,
               tamper=b""):
    body = json.dumps({"Entries": entries}).encode()
    request = botocore.awsrequest.AWSRequest(
        "POST", standin.endpoint + "/", data=body,
        headers={"Content-Type": "application/x-amz-json-1.1",
                 "X-Amz-Target": "AWSEvents.PutEvents",
                 "Host": f"127.0.0.1:{standin.port}"})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret), "events",
                            aws.REGION).add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", standin.port, timeout=PATIENCE)
    try:
        connection.request("POST", "/", body + tamper, dict(request.headers.items()))
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def entry(**changes):
    return {"Source": "Momento", "DetailType": "chat#room", "Detail": '{"a":1}',
            "EventBusName": "default", "Time": 1700000000.123, **changes}


def test_signatures_are_momentos():
    # The vendor SDK's own test vector.
    assert sign('{"text":"some text", "another_field": "another field" }', SECRET) == (
        "b43f72787eb66410ff110295b036ef828e5686af21b414ce092f02c05deea3da")
    assert json.loads(documented_event(age_ms=5000))["publish_timestamp"] <= (
        time.time() - 5) * 1000


def test_nginx_answers_on_all_protocols(start_nginx):
    nginx = start_nginx(server=ANSWER)
    assert nginx.get("/").body == b"fine"
    assert nginx.post("/", b"body", tls=True).status == 200
    answer = nginx.curl("/", b"body", {"Momento-Signature": "x"})
    assert (answer.version, answer.status, answer.body) == ("2", 200, b"fine")
    assert nginx.curl("/", options=["--http1.1"]).version == "1.1"


def test_nginx_reloads_restarts_and_replaces_workers(start_nginx):
    nginx = start_nginx(server=ANSWER, workers=2)
    first = set(nginx.workers())
    assert len(first) == 2
    nginx.kill_worker()
    assert len(set(nginx.workers()) & first) == 1
    nginx.reload(server="location = / { return 200 other; }")
    assert nginx.get("/").body == b"other"
    nginx.kill()
    nginx.start_again()
    assert nginx.get("/").body == b"other"


def test_nginx_complaints_fail_a_test():
    nginx = Nginx(server=ANSWER)
    pid = min(nginx.workers())
    nginx.kill_worker(pid)
    nginx.allowed.clear()
    with pytest.raises(AssertionError, match="exited on signal 9"):
        nginx.close()


def test_a_configuration_error_names_the_line():
    result = check_config(server="location / { no_such_directive on; }")
    assert result.status == 1
    assert result.message == 'unknown directive "no_such_directive"'
    assert result.line == "location / { no_such_directive on; }"
    assert check_config(server=ANSWER).status == 0


def test_standin_accepts_what_botocore_signs(standin):
    status, body, _ = put_events(standin, [entry(), entry()])
    answer = json.loads(body)
    assert (status, answer["FailedEntryCount"], len(answer["Entries"])) == (200, 0, 2)
    assert len(standin.wait_for_entries(2)) == 2


@pytest.mark.parametrize("arguments, code", [
    ({"secret": "wrong"}, "InvalidSignatureException"),
    ({"tamper": b" "}, "InvalidSignatureException"),
    ({"key": "AKIDOTHER"}, "UnrecognizedClientException"),
])
def test_standin_refuses_wrong_signatures(standin, arguments, code):
    _, body, _ = put_events(standin, [entry()], **arguments)
    assert json.loads(body).get("__type", "").endswith(code)
    standin.forgive(code)


@pytest.mark.parametrize("entries", [
    [entry()] * 11,
    [entry(Detail="[]")],
    [entry(DetailType="x" * 129)],
    [entry(Source=7)],
    [entry(BusName="default")],
    [entry(Detail=json.dumps({"a": "x" * 999_990}))],
])
def test_standin_refuses_what_eventbridge_would(standin, entries):
    assert put_events(standin, entries)[0] == 400
    standin.forgive("ValidationException")


def test_standin_plays_its_script(standin):
    standin.answer(aws.partial({1: "ThrottlingException"}), aws.throttled(after_ms=70),
                   aws.too_large(), aws.reset(), aws.plain(502, b"<html>"))
    _, body, _ = put_events(standin, [entry(), entry()])
    assert json.loads(body)["Entries"][1]["ErrorCode"] == "ThrottlingException"
    status, _, headers = put_events(standin, [entry()])
    assert (status, headers["x-amz-retry-after"]) == (400, "70")
    assert put_events(standin, [entry()])[0] == 413
    with pytest.raises(ConnectionError):
        put_events(standin, [entry()])
    assert put_events(standin, [entry()])[:2] == (502, b"<html>")
    assert len(standin.accepted) == 1
    standin.unreachable()
    with pytest.raises(ConnectionRefusedError):
        put_events(standin, [entry()])
    standin.open()
    assert put_events(standin, [entry()])[0] == 200


@pytest.mark.xdist_group("moto")
def test_moto_checks_signatures_and_delivers_in_the_documented_shape(moto):
    bus = moto.create_bus("chat#room")
    key, secret = moto.create_user("events:PutEvents")
    for status, secret in ((403, "wrong"), (200, secret)):
        assert put_events(moto, [entry(EventBusName=bus.name)], key, secret)[0] == status
    event, = bus.receive(1)
    assert (event["detail-type"], event["detail"]) == ("chat#room", {"a": 1})
