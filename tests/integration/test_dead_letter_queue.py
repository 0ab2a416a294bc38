"""Dead letters in an SQS queue, and back: `dead_letter sqs`, `momentoctl dead redrive --queue`.
The queue is moto's, which checks signatures and policies; the bus is the stand-in, which
refuses what it is told to."""

import concurrent.futures
import json
import os
import shutil
import uuid

import pytest

from harness.events import documented_event
from harness.nginx import worker_user
from harness.standin import partial
from harness.waiting import eventually
from harness.webhook import Webhook

pytestmark = pytest.mark.xdist_group("moto")

# moto has a permission of its own for batches, which in AWS are those of single messages.
SEND = ("sqs:SendMessage", "sqs:SendMessageBatch")
RECEIVE = ("sqs:ReceiveMessage", "sqs:DeleteMessage")


class Queue:
    def __init__(self, moto, make=True):
        self.sqs = moto.sqs
        self.name = f"letters-{uuid.uuid4().hex[:12]}"
        self.url = f"{moto.endpoint}/123456789012/{self.name}"
        if make:
            self.make()

    def make(self):
        assert self.sqs.create_queue(QueueName=self.name)["QueueUrl"] == self.url

    def receive(self, count):
        """All messages that came so far, once there are `count`; they stay in the queue."""
        messages = []

        def received():
            answer = self.sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=60,
                MessageAttributeNames=["All"])
            messages.extend(answer.get("Messages", []))
            return len(messages) >= count and not answer.get("Messages")

        eventually(received, f"{count} messages")
        for each in messages:
            self.sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0)
        return messages

    def size(self):
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages",
                                               "ApproximateNumberOfMessagesNotVisible"])
        return sum(map(int, attributes["Attributes"].values()))


@pytest.fixture(name="queue")
def make_queue(moto):
    return Queue(moto)


@pytest.fixture(name="gateway")
def start_gateway(start_nginx, standin, moto):
    """A gateway whose bus is the stand-in and whose dead letters go to the queue."""
    def start(queue, actions=(*SEND, *RECEIVE), **parts):
        env = moto.environment(*actions)
        standin.credentials[env["AWS_ACCESS_KEY_ID"]] = (env["AWS_SECRET_ACCESS_KEY"], None)
        return start_nginx(
            Webhook, standin=standin, env=env,
            settings=f"dead_letter sqs {queue.url};", **parts)

    return start


def refuse_every(text):
    return partial(lambda entry: "MalformedDetail" if text in entry["Detail"] else None)


def attributes(message):
    return {name: value["StringValue"]
            for name, value in message.get("MessageAttributes", {}).items()}


def pending(momentoctl, nginx):
    """Events that are not released yet, by what stands on disk."""
    listed = momentoctl("spool", "ls", "--json", nginx.path("spool")).stdout
    return sum(json.loads(line)["pending"] for line in listed.splitlines())


def letters(momentoctl, nginx):
    listed = momentoctl("dead", "ls", "--json", nginx.path("spool"))
    assert listed.returncode == 0, listed.stderr
    return [json.loads(line) for line in listed.stdout.splitlines()]


def test_a_letter_is_told_as_eventbridge_tells_it(gateway, standin, queue, momentoctl):
    standin.always(refuse_every("bad"))
    nginx = gateway(queue)
    body = documented_event(text="bad é \\ \"")
    assert nginx.send(body).status == 200
    assert nginx.send(documented_event(text="good")).status == 200
    message, = queue.receive(1)
    envelope = json.loads(message["Body"])
    assert envelope["detail-type"] == "chat#room-281"
    assert envelope["source"] == "Momento"
    assert message["Body"].encode().endswith(b'"detail":' + body + b"}")  # byte for byte
    assert attributes(message) == {
        "ERROR_CODE": "MalformedDetail", "ERROR_MESSAGE": "Scripted MalformedDetail.",
        "RETRY_ATTEMPTS": "1", "TARGET_ARN": "default", "MOMENTO_DESTINATION": "bus"}
    eventually(lambda: not letters(momentoctl, nginx), "an empty spool of letters")
    standin.wait_for_entries(1)


def test_what_no_event_can_be_made_of_is_told_by_its_bytes(gateway, queue):
    nginx = gateway(queue)
    body = b'{"cache":"chat"}'
    assert nginx.send(body).status == 400
    message, = queue.receive(1)
    assert message["Body"].encode() == body
    assert attributes(message)["ERROR_CODE"] == "malformed"


def test_letters_wait_for_a_queue_that_is_missing(gateway, standin, moto, momentoctl):
    queue = Queue(moto, make=False)
    standin.always(refuse_every("bad"))
    nginx = gateway(queue)
    for number in range(12):
        assert nginx.send(documented_event(text=f"bad {number}")).status == 200
    nginx.wait_for_log(r'\[error\].*dead-letter queue of destination "bus" is on hold \(.*'
                       r"QueueDoesNotExist")
    eventually(lambda: len(letters(momentoctl, nginx)) == 12, "all letters")
    queue.make()
    assert {json.loads(each["Body"])["detail"]["text"] for each in queue.receive(12)} == {
        f"bad {number}" for number in range(12)}
    eventually(lambda: not letters(momentoctl, nginx), "an empty spool of letters")


def test_letters_wait_for_a_permission(gateway, standin, queue, moto, momentoctl):
    standin.always(refuse_every("bad"))
    nginx = gateway(queue, actions=("events:PutEvents",))
    assert nginx.send(documented_event(text="bad")).status == 200
    nginx.wait_for_log(r'dead-letter queue of destination "bus" is on hold \(AccessDenied')
    assert len(letters(momentoctl, nginx)) == 1
    moto.allow(nginx.env["AWS_ACCESS_KEY_ID"], *SEND)
    queue.receive(1)


def test_what_is_too_large_stays_in_the_spool(gateway, standin, queue, momentoctl):
    standin.always(refuse_every("bad"))
    nginx = gateway(queue, location="momento_webhook_max_body 2m; client_max_body_size 2m;",
                    spool="momento_spool %%DIR%%/spool size=64m segment=4m;")
    # No event of that size is taken: it is malformed, and a letter of two megabytes.
    assert nginx.send(documented_event(text="x" * 1_200_000)).status == 400
    assert nginx.send(documented_event(text="bad")).status == 200
    message, = queue.receive(1)
    assert attributes(message)["ERROR_CODE"] == "MalformedDetail"
    eventually(lambda: [each["reason"] for each in letters(momentoctl, nginx)] == ["malformed"],
               "the large letter alone")


def test_letters_of_killed_processes_are_moved_by_the_next(gateway, standin, moto, momentoctl):
    queue = Queue(moto, make=False)
    standin.always(refuse_every("bad"))
    nginx = gateway(queue, workers=2)
    for number in range(10):
        assert nginx.send(documented_event(text=f"bad {number}")).status == 200
    eventually(lambda: len(letters(momentoctl, nginx)) == 10, "the letters")
    nginx.kill()
    queue.make()
    nginx.start_again()

    # What was on its way when the gateway was killed may come twice.
    def texts():
        return {json.loads(each["Body"])["detail"]["text"] for each in queue.receive(0)}

    eventually(lambda: texts() == {f"bad {number}" for number in range(10)}, "all letters")
    eventually(lambda: not letters(momentoctl, nginx), "an empty spool of letters")


def test_a_letter_that_was_removed_is_not_moved(gateway, standin, moto, momentoctl):
    queue = Queue(moto, make=False)
    standin.always(refuse_every("bad"))
    nginx = gateway(queue)
    assert nginx.send(documented_event(text="bad and removed")).status == 200
    eventually(lambda: len(letters(momentoctl, nginx)) == 1, "the letter")
    # A crash may leave a letter and its event.
    eventually(lambda: pending(momentoctl, nginx) == 0, "the event's release")
    nginx.kill()
    removed = momentoctl("dead", "rm", "--older-than", "0s", nginx.path("spool"))
    assert removed.stdout == b"removed: 1\n", removed.stderr
    queue.make()
    nginx.start_again()
    assert nginx.send(documented_event(text="bad and moved")).status == 200
    message, = queue.receive(1)
    assert json.loads(message["Body"])["detail"]["text"] == "bad and moved"


def test_bytes_of_letters_go_down_when_they_are_moved(gateway, standin, moto):
    queue = Queue(moto, make=False)
    standin.always(refuse_every("bad"))
    nginx = gateway(queue)

    def held_bytes():
        return nginx.status()["dead_letter_bytes"]

    for _ in range(20):
        assert nginx.send(documented_event(text="bad" + "x" * 200_000)).status == 200
    # What is left: the segment that is written to, the next one, and the reserve.
    eventually(lambda: held_bytes() >= 6_000_000, "letters of four segments")
    queue.make()
    queue.receive(20)
    eventually(lambda: held_bytes() < 4_000_000, "fewer bytes")


def drain(momentoctl, nginx, timeout):
    done = momentoctl("drain", "--timeout", timeout, nginx.path("spool"))
    assert done.stderr == b""
    return done.returncode, done.stdout.decode()


def test_draining_waits_for_letters_on_their_way_to_the_queue(gateway, standin, moto,
                                                              momentoctl):
    queue = Queue(moto, make=False)
    standin.always(refuse_every("bad"))
    nginx = gateway(queue)
    for number in range(3):
        assert nginx.send(documented_event(text=f"bad {number}")).status == 200
    eventually(lambda: len(letters(momentoctl, nginx)) == 3, "all letters")
    nginx.wait_for_log("is on hold")
    assert drain(momentoctl, nginx, "0") == (1, "dead letters not yet in their queue: 3\n")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        draining = pool.submit(drain, momentoctl, nginx, "55s")
        queue.make()
        assert draining.result() == (0, "")
    assert queue.size() == 3


def test_draining_does_not_wait_for_letters_that_stay(gateway, standin, moto, momentoctl):
    queue = Queue(moto, make=False)
    standin.always(refuse_every("bad"))
    nginx = gateway(queue, location="momento_webhook_max_body 2m; client_max_body_size 2m;",
                    spool="momento_spool %%DIR%%/spool size=64m segment=4m;")
    assert nginx.send(documented_event(text="x" * 1_200_000)).status == 400  # SQS cannot hold it
    assert drain(momentoctl, nginx, "55s") == (0, "")
    assert nginx.send(documented_event(text="bad")).status == 200
    nginx.wait_for_log("is on hold")
    assert drain(momentoctl, nginx, "0")[0] == 1

    nginx.reload(http=nginx.parts["http"].replace(f"dead_letter sqs {queue.url};", ""))
    assert drain(momentoctl, nginx, "55s") == (0, "")
    assert len(letters(momentoctl, nginx)) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what workers may not write to")
def test_a_spool_that_cannot_tell_draining_what_to_wait_for_is_told_of_once(start_webhook):
    nginx = start_webhook(env={"AWS_REGION": "us-west-2"})
    letters_directory = nginx.path("spool/.dead")
    letters_directory.mkdir(mode=0o700)
    nginx.reload(http=nginx.parts["http"].replace(
        "file %%DIR%%/bus.json;",
        "file %%DIR%%/bus.json; dead_letter sqs http://127.0.0.1:1/123456789012/letters;"))
    nginx.wait_for_log(r'\[error\].*"momentoctl drain" will not know of dead letters.*'
                       "Permission denied")
    shutil.chown(letters_directory, worker_user())
    eventually((letters_directory / "queues").exists, "the note")
    assert nginx.error_log().count("will not know") == 1


def redrive(momentoctl, nginx, queue, *options):
    done = momentoctl("dead", "redrive", "--queue", queue.url, *options, nginx.path("spool"),
                      env=nginx.env)
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def test_letters_come_back_from_the_queue(gateway, standin, queue, momentoctl):
    standin.always(refuse_every("bad"))
    nginx = gateway(queue)
    bodies = [documented_event(text=f"bad {number}") for number in range(13)]
    for body in bodies:
        assert nginx.send(body).status == 200
    malformed = b'{"cache":"chat"}'
    assert nginx.send(malformed).status == 400
    queue.receive(14)
    standin.always(partial({}))

    status, output = redrive(momentoctl, nginx, queue)
    assert 'redriven: 13 to "bus"\n' in output
    assert "left: 1 of which no event can be made" in output
    assert status == 1
    entries = standin.wait_for_entries(13)
    assert sorted(entry["Detail"] for entry in entries) == sorted(map(bytes.decode, bodies))
    assert queue.size() == 1
    eventually(lambda: nginx.numbers()["redriven"] == 13, "the redriven events")


def test_redriving_from_a_queue_chooses(gateway, standin, queue, momentoctl):
    standin.always(refuse_every("bad"))
    nginx = gateway(queue)
    assert nginx.send(documented_event(text="bad")).status == 200
    queue.receive(1)
    assert redrive(momentoctl, nginx, queue, "--dry-run") == (
        0, 'would redrive 1 to "bus"\n')
    assert queue.size() == 1
    queue.sqs.purge_queue(QueueUrl=queue.url)
    assert redrive(momentoctl, nginx, queue) == (0, "no dead letter matches\n")


def test_redriving_needs_a_queue_and_credentials(gateway, queue, momentoctl):
    nginx = gateway(queue)
    status, output = redrive(momentoctl, nginx, queue, "--endpoint", "http://127.0.0.1:1")
    assert (status, 'unknown option "--endpoint"' in output) == (2, True)
    missing = Queue.__new__(Queue)
    missing.url = queue.url + "-not"
    status, output = redrive(momentoctl, nginx, missing)
    assert status == 2
    assert "QueueDoesNotExist" in output
    nginx.env["AWS_SECRET_ACCESS_KEY"] = "wrong"
    status, output = redrive(momentoctl, nginx, queue)
    assert status == 2
    assert "SignatureDoesNotMatch" in output


def test_a_reload_in_between_moves_every_letter(gateway, standin, moto):
    queue = Queue(moto, make=False)
    standin.always(refuse_every("bad"))
    nginx = gateway(queue)
    for number in range(5):
        assert nginx.send(documented_event(text=f"bad {number}")).status == 200
    nginx.wait_for_log("is on hold")
    nginx.reload()
    queue.make()
    texts = set()

    def all_moved():
        texts.update(json.loads(each["Body"])["detail"]["text"] for each in queue.receive(1))
        return len(texts) == 5

    eventually(all_moved, "five different letters")


def test_letters_that_somebody_reformatted_come_back_with_their_bytes(gateway, standin, queue,
                                                                       momentoctl):
    nginx = gateway(queue)
    body = documented_event(text='a ,"resources":[],"detail":{} in it')[:-1] + b' , "x":1.50e0 }'
    envelope = ('{{\n  "time": "2026-01-02T03:04:05Z",\n  "detail" : {} ,\n'
                '  "resources": ["arn:aws:iam::123456789012:role/x"],\n'
                '  "source": "Momento",\n  "detail-type": "chat#room"\n}}\n')
    queue.sqs.send_message(QueueUrl=queue.url, MessageBody=envelope.format(body.decode()))
    # Nothing has arrived for the bus yet.
    status, output = redrive(momentoctl, nginx, queue, "--to", "bus")
    assert (status, '"bus" is not in the spool' in output) == (2, True)
    status, output = redrive(momentoctl, nginx, queue, "--to", "bus", "--force")
    assert (status, output) == (0, 'redriven: 1 to "bus"\n')
    assert standin.wait_for_entries(1)[0]["Detail"] == body.decode()
