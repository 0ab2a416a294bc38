"""moto: an AWS of one's own, in a process of its own, that checks signatures and policies."""

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
import uuid

import boto3
from botocore.config import Config

from .ports import Port
from .settings import BUILD
from .waiting import eventually

REGION = "us-west-2"
START_PATIENCE = 180.0  # seconds; it has much to import, and others may do so at the same time


@functools.lru_cache
def moto_python():
    """The first interpreter that has moto's server; empty if none has."""
    for python in (os.environ.get("MOTO_PYTHON"), BUILD / "venv/bin/python",
                   shutil.which("python3"), "/usr/bin/python3", sys.executable):
        if python and shutil.which(python) and subprocess.run(
                [python, "-c", "import moto.server"], capture_output=True,
                check=False).returncode == 0:
            return str(python)
    return ""


def policy(*statements):
    """A policy document of IAM."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allowed(actions):
    return policy({"Effect": "Allow", "Action": actions, "Resource": "*"})


def trusted():
    return policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}})


class Bus:
    """An event bus with a rule on detail-type and an SQS queue behind it."""

    def __init__(self, moto, name, detail_types, exists=False):
        self.name = name
        self.events = moto.events
        self.sqs = moto.sqs
        self.detail_types = detail_types
        self.queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        if not exists:
            self.make()
        else:
            self._make_rule()

    def make(self):
        self.events.create_event_bus(Name=self.name)
        self._make_rule()

    def _make_rule(self):
        queue_arn = self.sqs.get_queue_attributes(
            QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = ({"detail-type": self.detail_types} if self.detail_types
                   else {"source": ["Momento"]})
        self.events.put_rule(Name=self.name, EventBusName=self.name,
                             EventPattern=json.dumps(pattern))
        self.events.put_targets(Rule=self.name, EventBusName=self.name,
                                Targets=[{"Id": "queue", "Arn": queue_arn}])

    def delete(self):
        """At once: EventBridge would have its rules removed before."""
        self.events.delete_event_bus(Name=self.name)

    def take(self):
        """The events that are there now."""
        answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        messages = answer.get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.queue,
                                    ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    def receive(self, count):
        """The next `count` events that the rule let through, as EventBridge delivers them."""
        events = []

        def received():
            events.extend(self.take())
            return len(events) >= count

        eventually(received, f"the arrival of {count} events")
        return events

    def empty(self):
        return not self.sqs.receive_message(QueueUrl=self.queue).get("Messages")


class Moto:
    """Tests make a bus and a user of their own."""

    def __init__(self):
        self._port = Port()
        self.port = self._port.number
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.users = {}  # access key id -> name
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [moto_python(), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
                 "INITIAL_NO_AUTH_ACTION_COUNT": "inf"})
        eventually(self._connects, "moto's start", START_PATIENCE)
        # Checks are switched on for good as soon as somebody exists who may make others.
        self.iam = self._client("iam", "any", "any")
        self.iam = self._client("iam", *self.create_user("*"))
        self._check_everything()
        self.admin = self.create_user("*")
        self.events = self.client("events")
        self.sqs = self.client("sqs")
        self.secrets = self.client("secretsmanager")

    def _connects(self):
        assert self.process.poll() is None, self.output()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _client(self, service, access_key_id, secret_access_key):
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=REGION,
            aws_access_key_id=access_key_id, aws_secret_access_key=secret_access_key,
            config=Config(retries={"max_attempts": 1}, proxies={}))

    def client(self, service):
        """A client of somebody who may do everything."""
        return self._client(service, *self.admin)

    def _check_everything(self):
        request = urllib.request.Request(
            f"{self.endpoint}/moto-api/reset-auth", data=b"0", method="POST",
            headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(request, timeout=60).read()

    def create_user(self, *actions):
        """A user who may do `actions`. Returns access key id and secret access key."""
        name = f"user-{uuid.uuid4().hex[:12]}"
        self.iam.create_user(UserName=name)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.users[key["AccessKeyId"]] = name
        self.allow(key["AccessKeyId"], *actions)
        return key["AccessKeyId"], key["SecretAccessKey"]

    def allow(self, access_key_id, *actions):
        """From now on the user of this key may do `actions`, and nothing else."""
        self.iam.put_user_policy(UserName=self.users[access_key_id], PolicyName="all",
                                 PolicyDocument=allowed(actions))

    def create_role(self, *actions):
        """A role anybody may assume, who may do `actions`. Returns its ARN."""
        name = f"role-{uuid.uuid4().hex[:12]}"
        arn = self.iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=trusted())["Role"]["Arn"]
        self.iam.put_role_policy(RoleName=name, PolicyName="all",
                                 PolicyDocument=allowed(actions))
        return arn

    def create_session(self, *actions):
        """A session of a role that may do `actions`: temporary credentials, as STS names them."""
        sts = self._client("sts", *self.create_user("sts:AssumeRole"))
        return sts.assume_role(RoleArn=self.create_role(*actions),
                               RoleSessionName="test")["Credentials"]

    def environment(self, *actions):
        """nginx's environment for a user who may do `actions`; PutEvents if none is given."""
        access_key_id, secret_access_key = self.create_user(*(actions or ["events:PutEvents"]))
        return {"AWS_ACCESS_KEY_ID": access_key_id,
                "AWS_SECRET_ACCESS_KEY": secret_access_key,
                "AWS_REGION": REGION}

    def create_bus(self, *detail_types):
        """A bus whose queue gets events of these detail types; all of ours if none is given."""
        return Bus(self, f"bus-{uuid.uuid4().hex[:12]}", list(detail_types))

    def create_secret(self, value):
        """A secret of Secrets Manager; put_secret_value() of `secrets` rotates it. Its name."""
        name = f"hooks/{uuid.uuid4().hex[:12]}"
        self.secrets.create_secret(Name=name, SecretString=value)
        return name

    def adopt_bus(self, name):
        """As create_bus(), for a bus that is there."""
        return Bus(self, name, [], exists=True)

    def output(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        self._port.close()
