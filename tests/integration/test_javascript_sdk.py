"""The shapes of requests and answers against AWS's JavaScript clients: what the stand-in takes
from the gateway it takes from them, they understand what it answers, and for the same input
their requests say what the gateway's say."""

import hashlib
import json

import pytest

from harness import javascript
from harness.events import documented_event
from harness.standin import Answer, StandIn, error, partial, throttled

pytestmark = javascript.needed

ACCOUNT = "123456789012"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"


def said(request):
    """What a request says, however it is written."""
    return (request.headers["x-amz-target"], request.headers["content-type"],
            request.parameters)


class Queue:
    """SQS's answers: keeps messages, gives them out once, forgets them when told."""

    def __init__(self):
        self.messages = []

    def __call__(self, request):
        return Answer(body=json.dumps(getattr(self, request.operation)(request)).encode(),
                      headers={"Content-Type": "application/x-amz-json-1.0"})

    def SendMessageBatch(self, request):
        self.messages += request.entries
        return {"Failed": [], "Successful": [
            {"Id": each["Id"], "MessageId": f"id-{each['Id']}",
             "MD5OfMessageBody": md5(each["MessageBody"])} for each in request.entries]}

    def ReceiveMessage(self, request):
        given, self.messages = self.messages, []
        return {"Messages": [
            {"MessageId": f"id-{each['Id']}", "ReceiptHandle": f"receipt-{each['Id']}",
             "Body": each["MessageBody"], "MD5OfBody": md5(each["MessageBody"]),
             "MessageAttributes": each.get("MessageAttributes", {})} for each in given]}

    def DeleteMessage(self, request):
        return {}


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


@pytest.fixture(name="sqs")
def start_sqs(start_standin):
    standin = start_standin(service="sqs")
    standin.always(Queue())
    return standin


def test_put_events(start_webhook, standin):
    nginx = start_webhook(standin)
    body = documented_event(text='é " \\ \U0001f600')
    assert nginx.send(body, {"X-Amzn-Trace-Id": TRACE}).status == 200
    ours, = standin.wait_for_requests(1)
    entries = [{**entry, "Time": round(entry["Time"] * 1000)} for entry in ours.entries]
    answer = javascript.call("eventbridge", "PutEvents", standin.endpoint, {"Entries": entries})
    assert answer["output"]["FailedEntryCount"] == 0
    assert answer["output"]["Entries"][0]["EventId"]
    assert said(standin.requests[1]) == said(ours)
    assert standin.details() == [body.decode()] * 2


def test_describe_event_bus(start_webhook, standin):
    start_webhook(standin)
    standin.wait_for(lambda it: it.looks, "a look")
    answer = javascript.call("eventbridge", "DescribeEventBus", standin.endpoint,
                             {"Name": "default"})
    assert answer["output"]["Arn"].endswith(f":{ACCOUNT}:event-bus/default")
    ours, theirs = standin.looks
    assert said(theirs) == said(ours)
    standin.missing.add("default")
    answer = javascript.call("eventbridge", "DescribeEventBus", standin.endpoint,
                             {"Name": "default"})
    assert answer["error"] == {"name": "ResourceNotFoundException",
                               "message": "Event bus default does not exist."}


@pytest.mark.parametrize("scripted, name", [
    (throttled(), "ThrottlingException"),
    (error("AccessDeniedException"), "AccessDeniedException"),
    (error("ValidationException"), "ValidationException"),
    (error("InternalException", 500), "InternalException"),
])
def test_they_understand_the_errors(standin, scripted, name):
    standin.answer(scripted)
    entry = {"Source": "a", "DetailType": "b", "Detail": "{}"}
    answer = javascript.call("eventbridge", "PutEvents", standin.endpoint, {"Entries": [entry]})
    assert answer["error"]["name"] == name


def test_they_understand_entries_that_failed(standin):
    standin.answer(partial({1: "InternalFailure"}))
    entry = {"Source": "a", "DetailType": "b", "Detail": "{}"}
    answer = javascript.call("eventbridge", "PutEvents", standin.endpoint,
                             {"Entries": [entry, entry]})
    assert answer["output"]["FailedEntryCount"] == 1
    assert [each.get("ErrorCode") for each in answer["output"]["Entries"]] == [
        None, "InternalFailure"]


def test_a_queue_of_dead_letters(start_webhook, standin, sqs, momentoctl):
    standin.answer(partial({0: "MalformedDetail"}))
    queue = f"{sqs.endpoint}/{ACCOUNT}/letters"
    nginx = start_webhook(standin, settings=f"dead_letter sqs {queue};")
    assert nginx.send(documented_event(text="é")).status == 200
    sent, = sqs.wait_for_requests(1)
    redriven = momentoctl("dead", "redrive", "--queue", queue, nginx.path("spool"),
                          env=standin.environment())
    assert redriven.stdout == b'redriven: 1 to "bus"\n', redriven.stderr
    standin.wait_for_entries(1)

    ours = {request.operation: request for request in sqs.wait_for_requests(3)}
    assert set(ours) == {"SendMessageBatch", "ReceiveMessage", "DeleteMessage"}
    before = len(sqs.requests)
    sqs.always(Queue())
    answers = {operation: javascript.call("sqs", operation, sqs.endpoint,
                                          ours[operation].parameters)
               for operation in ("SendMessageBatch", "ReceiveMessage", "DeleteMessage")}
    for theirs in sqs.requests[before:]:
        assert said(theirs) == said(ours[theirs.operation])
    stored, = answers["SendMessageBatch"]["output"]["Successful"]
    assert stored["MD5OfMessageBody"] == md5(sent.entries[0]["MessageBody"])
    message, = answers["ReceiveMessage"]["output"]["Messages"]
    assert message["Body"] == sent.entries[0]["MessageBody"]
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "MalformedDetail"


def test_a_secret(start_standin):
    standin: StandIn = start_standin(service="secretsmanager")
    standin.always(Answer(body=json.dumps({
        "ARN": f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:hooks-AbCdEf",
        "Name": "hooks", "VersionId": "0123456789abcdef0123456789abcdef",
        "SecretString": "s", "VersionStages": ["AWSCURRENT"], "CreatedDate": 1.7e9}).encode()))
    answer = javascript.call("secrets-manager", "GetSecretValue", standin.endpoint,
                             {"SecretId": "hooks", "VersionStage": "AWSCURRENT"})
    assert answer["output"]["SecretString"] == "s"
    request, = standin.requests
    assert said(request) == ("secretsmanager.GetSecretValue", "application/x-amz-json-1.1",
                             {"SecretId": "hooks", "VersionStage": "AWSCURRENT"})
