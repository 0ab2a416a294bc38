"""A stand-in for AWS that is strict, fast, and does what a test tells it to.

Every request's signature is computed again with botocore, and its body is held against
botocore's own model of the service. What is wrong is answered as AWS would and remembered
in `complaints`, which must be empty at the end of a test.

Answers are scripted: `answer(...)` queues answers for the next requests, `always(...)` sets
the one for all others.

    standin.answer(throttled(after_ms=50), partial({0: "InternalFailure"}))

DescribeEventBus is answered beside the script, by `missing`: the buses that do not exist. As
EventBridge does, events for one of them are taken with success, and dropped: `swallowed`.

The server runs on a thread of its own; whatever a test calls is safe from the test's thread.
"""

import asyncio
import datetime
import email.utils
import functools
import http
import json
import random
import re
import socket
import threading
import time
import uuid
from dataclasses import dataclass, field

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.loaders
import botocore.model
import botocore.validate

from .ports import Port
from .tls import certificate
from .waiting import PATIENCE

REGION = "us-west-2"
ACCESS_KEY_ID = "AKIDSTANDIN"
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

# X-Amz-Target's prefix -> the service's name in signatures and in botocore.
SERVICES = {"AWSEvents": "events", "AmazonSQS": "sqs", "secretsmanager": "secretsmanager"}

# API_PutEvents, Amazon EventBridge API Reference.
ENTRIES_LIMIT = 10
ACCOUNT = "123456789012"
SIZE_LIMIT = 1_000_000

SKEW_LIMIT = 15 * 60  # seconds; "Signature Version 4", AWS General Reference


@dataclass
class Request:
    """A request as it was received."""

    operation: str  # "PutEvents"
    headers: dict   # names in lower case
    body: bytes
    connection: int
    at: float = field(default_factory=time.monotonic)

    @functools.cached_property
    def parameters(self):
        return json.loads(self.body)

    @property
    def entries(self):
        return self.parameters.get("Entries", [])


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    delay: float = 0.0         # seconds before it is sent
    gate: threading.Event = None  # it is sent once this is set
    close: bool = False        # after it was sent
    reset: bool = False        # instead of it
    silent: bool = False       # never
    accepted: list = field(default_factory=list)  # entries that are on the bus with it


# What a test can script. Each is an answer, or a function from a request to one.


def succeed(request):
    """Puts every entry on the bus."""
    return partial({})(request)


def partial(failures):
    """Refuses some entries. `failures`: index -> error code, or entry -> error code or None."""
    def answer(request):
        results, accepted = [], []
        for index, entry in enumerate(request.entries):
            code = failures(entry) if callable(failures) else failures.get(index)
            if code:
                results.append({"ErrorCode": code, "ErrorMessage": f"Scripted {code}."})
            else:
                results.append({"EventId": str(uuid.uuid4())})
                accepted.append(entry)
        failed = len(results) - len(accepted)
        return Answer(body=json.dumps({"FailedEntryCount": failed, "Entries": results}).encode(),
                      accepted=accepted)
    return answer


def error(code, status=400, message="Scripted.", headers=None):
    """A whole request refused in AWS's way."""
    body = json.dumps({"__type": f"com.amazonaws#{code}", "message": message}).encode()
    return Answer(status, body, headers or {})


def throttled(after_ms=None):
    headers = {} if after_ms is None else {"x-amz-retry-after": str(after_ms)}
    return error("ThrottlingException", 400, "Rate exceeded", headers)


def too_large():
    """The front end's refusal: no body, no request id."""
    return Answer(413, close=True)


def plain(status, body=b"", headers=None):
    """Something that does not come from the service, as a proxy's page."""
    return Answer(status, body, {"x-amzn-RequestId": None, "Content-Type": "text/html",
                                 **(headers or {})})


def reset():
    """The connection is reset after the request was read: nobody knows what happened."""
    return Answer(reset=True)


def silence():
    """The request is read, and nothing is ever said."""
    return Answer(silent=True)


def slow(seconds, then=succeed):
    def answer(request):
        made = then(request) if callable(then) else then
        made.delay = seconds
        return made
    return answer


def held(gate, then=succeed):
    """Answers once `gate`, a threading.Event, is set."""
    def answer(request):
        made = then(request) if callable(then) else then
        made.gate = gate
        return made
    return answer


class StandIn:
    """`check`: the share of requests whose signature and body are checked; volume tests
    lower it, since a check costs more than everything else."""

    def __init__(self, check=1.0, tls=False, service="events"):
        self.check = check
        self.tls = tls
        self.service = service
        self.credentials = {ACCESS_KEY_ID: (SECRET_ACCESS_KEY, None)}  # secret, token
        self.expired = set()     # access key ids
        self.clock_offset = 0.0  # seconds that this service's clock is ahead
        self.missing = set()     # buses
        self.looks = []          # DescribeEventBus requests; in no other count
        self.requests = []
        self.accepted = []       # entries, in the order they were accepted
        self.swallowed = []      # entries for buses that do not exist
        self.complaints = []
        self.connections = 0
        self._script = []
        self._always = succeed
        self._changed = threading.Condition()
        self._random = random.Random(1)
        self._writers = set()
        self._tasks = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._port = Port()
        self.port = self._port.number
        self.open()

    @property
    def endpoint(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def environment(self):
        """nginx's environment: these credentials and this region."""
        secret, token = self.credentials[ACCESS_KEY_ID]
        variables = {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": secret,
                     "AWS_REGION": REGION}
        if token:
            variables["AWS_SESSION_TOKEN"] = token
        return variables

    # What tests call

    def answer(self, *answers):
        """Answers for the next requests, in this order."""
        with self._changed:
            self._script.extend(answers)

    def always(self, answer):
        """The answer for every request that nothing else is queued for."""
        with self._changed:
            self._always = answer

    def wait_for(self, condition, what="what the stand-in waits for", patience=PATIENCE):
        """Waits until `condition(self)` is true; looks after every request."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), patience), (
                f"{what} did not come true: {len(self.requests)} requests, "
                f"{len(self.accepted)} entries, complaints {self.complaints}")

    def wait_for_entries(self, count, patience=PATIENCE):
        """Waits until at least `count` entries are on the bus, and returns all of them."""
        self.wait_for(lambda it: len(it.accepted) >= count, f"{count} entries", patience)
        with self._changed:
            return list(self.accepted)

    def wait_for_requests(self, count, patience=PATIENCE):
        self.wait_for(lambda it: len(it.requests) >= count, f"{count} requests", patience)
        with self._changed:
            return list(self.requests)

    def details(self):
        """Details of the entries on the bus, as the text they were sent as."""
        with self._changed:
            return [entry["Detail"] for entry in self.accepted]

    def forgive(self, pattern):
        """Takes back complaints that match; asserts that there was one."""
        with self._changed:
            kept = [each for each in self.complaints if not re.search(pattern, each)]
            assert len(kept) < len(self.complaints), f'no complaint matches "{pattern}"'
            self.complaints = kept

    def open(self):
        """Listens; after unreachable(), on the same port again."""
        async def listen():
            return await asyncio.start_server(
                self._serve, "127.0.0.1", self.port, backlog=1024,
                ssl=certificate().server_context() if self.tls else None)
        self._server = self._run(listen())

    def unreachable(self):
        """Stops listening and drops all connections: from now on they are refused."""
        async def drop():
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
        self._run(drop())

    def close(self):
        async def finish():
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._run(finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._port.close()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    # The server

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self._writers.add(writer)
        self.connections += 1
        number = self.connections
        try:
            while True:
                request = await self._read(reader, writer, number)
                if request is None or not await self._reply(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            self._tasks.discard(asyncio.current_task())
            writer.close()

    async def _read(self, reader, writer, number):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                name = name.lower()
                if name in headers:
                    self._complain(f"header {name} twice")
                headers[name] = value.strip()
        if start != "POST / HTTP/1.1":
            self._complain(f"unexpected request line {start}")
        if headers.get("expect"):
            self._complain(f"Expect: {headers['expect']}")
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        operation = headers.get("x-amz-target", "").partition(".")[2]
        return Request(operation, headers, body, number)

    async def _reply(self, request, writer):
        refusal = self._judge(request)
        if request.operation == "DescribeEventBus":
            with self._changed:
                self.looks.append(request)
                self._changed.notify_all()
            writer.write(self._format(refusal or self._describe(request)))
            await writer.drain()
            return True
        with self._changed:
            scripted = refusal or (self._script.pop(0) if self._script else self._always)
        answer = scripted(request) if callable(scripted) else scripted
        with self._changed:
            lost = [each for each in answer.accepted
                    if each.get("EventBusName") in self.missing]
            answer.accepted = [each for each in answer.accepted if each not in lost]
            self.swallowed += lost
        if answer.reset:
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            writer.transport.abort()
        with self._changed:
            self.requests.append(request)
            if not (answer.silent or answer.delay or answer.gate):
                self.accepted.extend(answer.accepted)
            self._changed.notify_all()
        if answer.reset:
            return False
        if answer.silent:
            await asyncio.get_running_loop().create_future()  # until close()
        if answer.delay or answer.gate:
            await asyncio.sleep(answer.delay)
            if answer.gate:
                await asyncio.get_running_loop().run_in_executor(
                    None, answer.gate.wait, PATIENCE)
            with self._changed:
                self.accepted.extend(answer.accepted)
                self._changed.notify_all()
        writer.write(self._format(answer))
        await writer.drain()
        return not answer.close

    def _describe(self, request):
        name = request.parameters["Name"]
        if name in self.missing:
            return error("ResourceNotFoundException", 400, f"Event bus {name} does not exist.")
        arn = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{name.rpartition('/')[2]}"
        return Answer(body=json.dumps({"Name": name, "Arn": arn}).encode())

    def _format(self, answer):
        headers = {
            "Date": email.utils.formatdate(time.time() + self.clock_offset, usegmt=True),
            "Content-Length": str(len(answer.body)),
            **({"Connection": "close"} if answer.close else {}),
            **({"x-amzn-RequestId": str(uuid.uuid4()),
                "Content-Type": "application/x-amz-json-1.1"} if answer.body else {}),
            **answer.headers,
        }
        head = f"HTTP/1.1 {answer.status} {http.HTTPStatus(answer.status).phrase}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()
                        if value is not None)
        return head.encode() + b"\r\n" + answer.body

    # The checks

    def _complain(self, text):
        with self._changed:
            self.complaints.append(text)

    def _judge(self, request):
        """The answer to a request that AWS would refuse, else None."""
        if self.check < 1.0 and self._random.random() >= self.check:
            return None
        return self._judge_signature(request) or self._judge_body(request)

    def _refuse(self, code, text, status=400, complain=True):
        if complain:
            self._complain(f"{code}: {text}")
        return error(code, status, text)

    def _judge_signature(self, request):
        headers = request.headers
        scheme = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
            r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})",
            headers.get("authorization", ""))
        if not scheme:
            return self._refuse("IncompleteSignature", "no or unreadable Authorization", 403)
        key, day, region, service, names, signature = scheme.groups()
        if region != REGION:
            return self._refuse("InvalidSignatureException", f'scope has region "{region}"')
        if service != self.service:
            return self._refuse("InvalidSignatureException", f'scope has service "{service}"')
        if key not in self.credentials:
            return self._refuse("UnrecognizedClientException", f'unknown key "{key}"', 403)
        secret, token = self.credentials[key]
        stamp = headers.get("x-amz-date", "")
        if not re.fullmatch(r"\d{8}T\d{6}Z", stamp) or stamp[:8] != day:
            return self._refuse("IncompleteSignature", f'X-Amz-Date is "{stamp}"')
        at = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%S%z").timestamp()
        now = time.time() + self.clock_offset
        if abs(now - at) > SKEW_LIMIT:
            return self._refuse("InvalidSignatureException", skew_message(stamp, now, at),
                                complain=not self.clock_offset)
        if key in self.expired:
            return self._refuse("ExpiredTokenException",
                                "The security token included in the request is expired",
                                complain=False)
        if headers.get("x-amz-security-token") != token:
            return self._refuse("UnrecognizedClientException", "not this key's token", 403)
        signed = names.split(";")
        wanted = {"host", "content-type"} | {each for each in headers if each.startswith("x-amz-")}
        if not wanted <= set(signed):
            return self._refuse("IncompleteSignature", f"unsigned: {wanted - set(signed)}", 403)
        again = compute_signature(
            {name: headers.get(name, "") for name in signed}, request.body, key, secret,
            token, region, service, stamp)
        if again != signature:
            return self._refuse("InvalidSignatureException",
                                "The request signature we calculated does not match")
        return None

    def _judge_body(self, request):
        prefix = request.headers.get("x-amz-target", "").partition(".")[0]
        service = re.sub(r"_\d+$", "", prefix)
        if service not in SERVICES:
            return self._refuse("UnknownOperationException", f'target prefix "{prefix}"', 404)
        model = service_model(SERVICES[service])
        if request.operation not in model.operation_names:
            return self._refuse("UnknownOperationException", request.operation, 404)
        wanted = f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.0')}"
        if request.headers.get("content-type") != wanted:
            return self._refuse("SerializationException",
                                f'Content-Type is {request.headers.get("content-type")}')
        try:
            parameters = request.parameters
        except ValueError as problem:
            return self._refuse("SerializationException", str(problem))
        shape = model.operation_model(request.operation).input_shape
        known = _without_times(parameters)
        report = botocore.validate.ParamValidator().validate(known, shape)
        if report.has_errors():
            return self._refuse("ValidationException", report.generate_report())
        unknown = unknown_members(parameters, shape)
        if unknown:
            return self._refuse("ValidationException", f"unknown members {unknown}")
        if request.operation == "PutEvents":
            return self._judge_entries(request.entries)
        return None

    def _judge_entries(self, entries):
        if not 1 <= len(entries) <= ENTRIES_LIMIT:
            return self._refuse("ValidationException", f"{len(entries)} entries")
        for entry in entries:
            for name in ("Source", "DetailType", "Detail"):
                if not entry.get(name):
                    return self._refuse("ValidationException", f"an entry without {name}")
            if len(entry["DetailType"]) > 128:
                return self._refuse("ValidationException", "DetailType over 128 characters")
            if not isinstance(json.loads(entry["Detail"]), dict):
                return self._refuse("ValidationException", "Detail is malformed.")
            if len(entry.get("TraceHeader", "")) > 500:
                return self._refuse("ValidationException", "TraceHeader over 500 characters")
        size = sum(map(entry_size, entries))
        if size >= SIZE_LIMIT:
            return self._refuse("ValidationException",
                                "Total size of the entries in the request is over the limit.")
        return None


def skew_message(stamp, now, at):
    """What AWS says of a signature that is too old, or too young."""
    def text(seconds):
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
    if at < now:
        return (f"Signature expired: {stamp} is now earlier than {text(now - SKEW_LIMIT)} "
                f"({text(now)} - 15 min.)")
    return (f"Signature not yet current: {stamp} is still later than {text(now + SKEW_LIMIT)} "
            f"({text(now)} + 15 min.)")


def entry_size(entry):
    """As "Calculating Amazon EventBridge event entry size" says."""
    return (14 * ("Time" in entry) + sum(
        len(entry.get(name, "").encode()) for name in ("Source", "DetailType", "Detail"))
        + sum(len(resource.encode()) for resource in entry.get("Resources", [])))


@functools.lru_cache
def service_model(name):
    loader = botocore.loaders.Loader()
    return botocore.model.ServiceModel(loader.load_service_model(name, "service-2"), name)


def compute_signature(headers, body, key, secret, token, region, service, stamp):
    """Signature Version 4 by botocore, over exactly these headers."""
    host = headers.get("host", "")
    request = botocore.awsrequest.AWSRequest("POST", f"http://{host}/", data=body,
                                             headers=headers)
    request.context["timestamp"] = stamp
    signer = botocore.auth.SigV4Auth(
        botocore.credentials.Credentials(key, secret, token), service, region)
    canonical = signer.canonical_request(request)
    return signer.signature(signer.string_to_sign(request, canonical), request)


def _without_times(parameters):
    """Times travel as numbers, and the validator knows them as dates."""
    if not isinstance(parameters, dict) or not isinstance(parameters.get("Entries"), list):
        return parameters
    return {**parameters, "Entries": [
        {name: datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
         if name == "Time" and isinstance(value, (int, float)) else value
         for name, value in entry.items()} if isinstance(entry, dict) else entry
        for entry in parameters["Entries"]]}


def unknown_members(value, shape, path=""):
    """Names the service's model does not have: it would ignore them, and we mean something."""
    if shape.type_name == "structure" and isinstance(value, dict):
        found = [f"{path}{name}" for name in value if name not in shape.members]
        for name in value:
            if name in shape.members:
                found += unknown_members(value[name], shape.members[name], f"{path}{name}.")
        return found
    if shape.type_name == "list" and isinstance(value, list):
        return [name for each in value for name in unknown_members(each, shape.member, path)]
    return []
