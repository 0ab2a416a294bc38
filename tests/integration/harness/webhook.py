"""An nginx with a webhook at /momento, and everything that comes out of it."""

import json

from . import preload
from .events import SECRET, documented_event, signed
from .nginx import Nginx
from .waiting import eventually

PATH = "/momento"
SPOOL = "momento_spool %%DIR%%/spool size=64m segment=1m;"

SUCCESS = b'{"message":"Success"}'
UNAUTHORIZED = b'{"message":"Unauthorized"}'
BAD_REQUEST = b'{"message":"Bad Request"}'
UNAVAILABLE = b'{"message":"Service Unavailable"}'

# Momento's patience is not what most tests are about, and disks of busy machines are slow.
PATIENT = "momento_webhook_timeout 30s;"

# Every webhook has it; a test that replaces `server` puts it back for status().
STATUS = "location = /status { momento_status json; access_log off; }"

VARIABLES = ("status", "request_method", "limit_req_status", "momento_verdict",
             "momento_cache", "momento_topic", "momento_token_id", "momento_sequence",
             "momento_age", "momento_version")
ACCESS_LOG = "log_format verdicts escape=json '{%s}';\n" % ",".join(
    f'"{name.removeprefix("momento_")}":"${name}"' for name in VARIABLES
) + "access_log %%DIR%%/verdicts.log verdicts;"


def file_destination(name="bus", settings=""):
    return f"momento_destination {name} {{ file %%DIR%%/{name}.json; {settings} }}"


def eventbridge(standin, name="bus", settings=""):
    """A destination that is a stand-in, or moto."""
    return (f"momento_destination {name} {{ eventbridge default; "
            f"endpoint {standin.endpoint}; retry max_delay=1s; {settings} }}")


def webhook(settings="", destination="bus", secret=SECRET, path=f"= {PATH}"):
    secrets = f"momento_webhook_secret {secret};" if secret else ""
    return f"location {path} {{ momento_webhook {destination}; {secrets} {settings} }}"


class Webhook(Nginx):
    """`standin`: where events go, or else a file. `location`: what stands in the webhook's
    location besides its secret. `destinations`, `spool`: instead of the usual ones."""

    def __init__(self, standin=None, location="", settings="", destinations=None, spool=SPOOL,
                 secret=SECRET, http="", server="", env=None, disk=None, **parts):
        if destinations is None:
            destinations = (eventbridge(standin, settings=settings) if standin
                            else file_destination(settings=settings))
        self.standin = standin
        super().__init__(
            http="\n".join((spool, destinations, ACCESS_LOG, PATIENT, http)),
            server="\n".join((webhook(location, secret=secret), STATUS, server)),
            env=preload.merged(standin.environment() if standin else {},
                               disk.environment() if disk else {}, env or {}), **parts)
        if disk:
            self.allow_faults()

    def allow_faults(self):
        """What a broken disk makes nginx say is not trouble."""
        self.allow(r"\[alert\].*momento: .*nothing can be stored")

    def send(self, body=None, headers=None, path=PATH, secret=SECRET, tls=False):
        """Posts a signed event, the documented one unless told otherwise."""
        body = documented_event() if body is None else body
        return self.post(path, body, {**signed(body, secret), **(headers or {})}, tls)

    def status(self):
        """What momento_status tells."""
        return self.get("/status").json()

    def numbers(self, name="bus"):
        """A destination's part of status()."""
        return next(each for each in self.status()["destinations"] if each["name"] == name)

    def judged(self, count=1):
        """The access log once it has `count` requests, each a dictionary of VARIABLES."""
        eventually(lambda: len(self.lines("verdicts.log")) >= count, f"{count} requests logged")
        return [json.loads(line) for line in self.lines("verdicts.log")]

    def verdicts(self, count):
        return [request["verdict"] for request in self.judged(count)]

    def counts(self):
        """(requests by verdict, the first destination's numbers), all workers'."""
        status = self.status()
        return status["webhooks"][0]["requests"], status["destinations"][0]

    def events(self, count=1, name="bus"):
        """The file destination's events, as EventBridge delivers them, once there are `count`."""
        eventually(lambda: len(self.lines(f"{name}.json")) >= count, f"{count} events")
        return [json.loads(line) for line in self.lines(f"{name}.json")]

    def published(self):
        """Texts of all events published so far. One more is sent, and waited for, to be sure
        that nothing is still on its way: events of one worker keep their order."""
        assert self.send(documented_event(text="the last one")).status == 200

        def texts():
            return [event["detail"].get("text") for event in self.events(0)]

        eventually(lambda: "the last one" in texts(), "the last event")
        return [text for text in texts() if text != "the last one"]
