"""AWS Secrets Manager as a stand-in plays it: secrets with versions, rotated by the test."""

import json
import threading
import time

from . import standin as aws
from .standin import StandIn

ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:"


class Vault(StandIn):
    """`delay`: seconds before each answer. Scripts go before what is stored."""

    def __init__(self, delay=0.0, **settings):
        self.delay = delay
        self.secrets = {}  # name -> {stage: (version, value, created)}
        self.lock = threading.Lock()
        super().__init__(service="secretsmanager", **settings)
        self.always(self.tell)

    def environment(self):
        return {**super().environment(), "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.endpoint}

    def put(self, name, value, made_ago=0.0):
        """Makes `value` the current version, and what was it the previous one."""
        with self.lock:
            versions = self.secrets.setdefault(name, {})
            number = len(versions.get("numbers", ())) + 1
            versions.setdefault("numbers", []).append(number)
            if "AWSCURRENT" in versions:
                versions["AWSPREVIOUS"] = versions["AWSCURRENT"]
            versions["AWSCURRENT"] = (f"{number:08}-0000-4000-8000-000000000000", value,
                                      time.time() - made_ago)

    def tell(self, request):
        name = request.parameters["SecretId"].removeprefix(ARN)
        with self.lock:
            stage = request.parameters.get("VersionStage", "AWSCURRENT")
            found = self.secrets.get(name, {}).get(stage)
        if not found:
            answer = aws.error("ResourceNotFoundException", 400,
                               "Secrets Manager can't find the specified secret.")
        else:
            version, value, created = found
            answer = aws.plain(200, json.dumps({
                "ARN": f"{ARN}{name}-AbCdEf", "Name": name, "VersionId": version,
                "SecretString": value, "VersionStages": [stage],
                "CreatedDate": created}).encode())
        answer.delay = self.delay
        return answer

    def asked(self, name, stage="AWSCURRENT"):
        """When that version was asked for: monotonic seconds, the oldest first."""
        return [request.at for request in list(self.requests)
                if request.parameters["SecretId"].removeprefix(ARN) == name
                and request.parameters["VersionStage"] == stage]
