#!/usr/bin/env python3
"""A stand-in of Momento's HTTP API: caches and topics in memory, on 127.0.0.1 only.

For tests, demos, and whoever tries this without an account. What it does is what Momento's
documentation says of its HTTP API ("HTTP API for Momento Cache", "… for Momento Topics") and,
where that is silent, its published OpenAPI description; what neither tells is marked (*) below.
"""

import argparse
import base64
import binascii
import collections
import hashlib
import hmac
import http
import http.server
import itertools
import json
import os
import random
import re
import select
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

EPILOG = """\
what is served:
  GET, PUT, DELETE /cache/CACHE?key=K (or key_base64=B), PUT with ttl_seconds=N
  POST /topics/CACHE/TOPIC            Content-Type says: application/octet-stream is bytes,
                                      everything else text
  GET  /topics/CACHE/TOPIC?sequence_number=N&sequence_page=P
                                      waits for a message. 0 and 0: what comes from now on;
                                      else what is kept from N on. Gaps, another page and
                                      numbers that began anew are told by a discontinuity
  with the key as the header Authorization, or as the parameter token

not Momento's, but for tests (no key; GET /_local lists them with their members):
  /_local/items, messages, calls, faults, topic, caches, settings, reset

not documented, so a guess (*): bytes in a poll's answer are {"binary": base64}; a message
or value that is too large is a 400 or 413; a cache that is full forgets what is oldest.

example:
  python3 conf.d/momento-local.py --cache demo --key-file momento.key &
  curl -X POST -H "Authorization: $(cat momento.key)" -d 'hello world!' \\
      http://127.0.0.1:8089/topics/demo/example
"""

ADMIN_HELP = """\
GET  /_local/items[?cache=C]                all items: key_base64, value_base64, ttl_seconds,
                                            expires_in
GET  /_local/messages[?cache=C][&topic=T]   all messages that were published, oldest first, with
                                            base64 of their bytes; the topics' state beside them
GET  /_local/calls[?kind=K][&after=N]       how many by kind and status; the newest ones with
                                            their headers, never with the key
POST /_local/caches    {"create": [names], "delete": [names]}
POST /_local/settings  {"clock": seconds ahead, "keys": [..], "errors": "detail" or "description",
                        "topic_rate": calls a second, "cache_rate": .., "keep": messages,
                        "poll_limit": seconds, "max_message": bytes}; 0 is no limit
POST /_local/topic     {"cache": C, "topic": T, and one or more of:
                        "page": N or true (another page, numbers from 0, nothing kept),
                        "next": N (the next number; what is kept stays if there is another page
                            or the number is ahead, else it goes),
                        "drop": N (the next N messages are lost, and a discontinuity says so),
                        "skip": N (N numbers are lost, and nothing says so),
                        "forget": N or true (the oldest N messages are no longer kept),
                        "repeat": N (the next answer begins N messages too early)}
POST /_local/faults    {"on": kind, list of kinds or "*", "cache": .., "topic": ..,
                        "key_base64": .. (whose calls; default: all),
                        "times": N (default 1; 0: until deleted), "chance": 0..1,
                        "effect": true (the call is done all the same, before the delay),
                        "delay": seconds, and what is answered instead, if anything:
                        "status": N, "title": .., "text": .., "headers": {..}, "body": ..,
                        "html": true (a page), "size": bytes (at least, by a member "padding"),
                        "cut": "before", "middle" or "reset" (the connection ends there)}
GET, DELETE /_local/faults                  which are left; none any more
POST /_local/reset                          as at the start; settings stay
kinds: get set delete publish poll other
"""

MAX_ITEM = 5 << 20         # bytes of key and value: "Limits", Momento Cache
MAX_MESSAGE = 4 << 10      # bytes: "Limits", Momento Topics
MAX_TTL = 86_400           # seconds: its OpenAPI description
MAX_BODY = MAX_ITEM + (64 << 10)
MAX_DRAIN = 32 << 20       # bytes of a body that is too large, read so that the answer arrives
MAX_ADMIN_DELAY = 600.0    # seconds
MAX_ITEMS_BYTES = 256 << 20
MAX_MESSAGES_BYTES = 64 << 20
MAX_ANSWER = 4_000_000     # bytes of a poll's answer; what is behind comes with the next (*)
MAX_CALLS = 20_000         # told of
MAX_TOPICS = 10_000
MAX_WAITING = 1_000        # polls
MAX_CONNECTIONS = 4_000
MAX_HEADER = 256           # characters of a header that is told of
IDLE_S = 300               # a connection without a call
LOOK_S = 1.0               # how often a waiting poll looks whether its client is there
OVERHEAD = 200             # bytes that an item or message costs beside its own

KINDS = {("GET", "cache"): "get", ("PUT", "cache"): "set", ("DELETE", "cache"): "delete",
         ("POST", "topics"): "publish", ("GET", "topics"): "poll"}


def encode(data):
    return base64.b64encode(data).decode()


class Problem(Exception):
    """A call that is refused."""

    def __init__(self, status, title, text):
        super().__init__(text)
        self.status, self.title, self.text = status, title, text


def bad(text, title="Bad Request"):
    return Problem(400, title, text)


class Answer:
    def __init__(self, status=204, body=b"", kind="application/json", headers=None):
        self.status, self.body, self.kind = status, body, kind
        self.headers = headers or {}


def dump(document):
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")


def as_json(status, document):
    return Answer(status, dump(document))


# What is kept


class Item:
    def __init__(self, value, ttl, ends):
        self.value, self.ttl, self.ends = value, ttl, ends


class Message:
    def __init__(self, topic, number, data, is_text):
        self.topic, self.page, self.number = topic, topic.page, number
        self.data, self.is_text = data, is_text
        self.follows = number  # before it the numbers from here on are missing, which is not told
        self.lost = False      # dropped: nobody gets it

    def entry(self):
        value = {"text": self.data.decode()} if self.is_text else {"binary": encode(self.data)}
        return dump({"item": {"topic_sequence_number": self.number, "sequence_page": self.page,
                              "value": value}})


# A topic that is made anew, or changes its page, never has a page again.
pages = itertools.count(int(time.time()), 17)


class Topic:
    def __init__(self, cache, name, lock):
        self.cache, self.name = cache, name
        self.page = next(pages)
        self.next = 0
        self.kept = collections.deque()
        self.changed = threading.Condition(lock)
        self.drop = self.skip = self.repeat = 0
        self.waiting = self.most_waiting = 0

    def add(self, data, is_text, keep):
        message = Message(self, self.next + self.skip, data, is_text)
        message.follows, self.next, self.skip = self.next, message.number + 1, 0
        if self.drop:
            self.drop -= 1
            message.lost = True
        else:
            self.kept.append(message)
            while len(self.kept) > keep:
                self.kept.popleft()
        self.changed.notify_all()
        return message

    def change(self, page=None, number=None, forget=None):
        if page is not None:
            self.page = next(pages) if page is True else page
            self.next = 0
            self.kept.clear()
        if number is not None:
            if number < self.next:
                self.kept.clear()
            self.next = number
        for _ in range(len(self.kept) if forget is True else min(forget or 0, len(self.kept))):
            self.kept.popleft()
        self.changed.notify_all()

    def after(self, page, number):
        """What a poll for `number` of `page` is answered now, as JSON; empty: it waits."""
        entries, size = [], 0

        def gap(new):
            entries.append(dump({"discontinuity": {"last_topic_sequence": max(number - 1, 0),
                                                   "new_topic_sequence": new,
                                                   "new_sequence_page": self.page}}))

        if page != self.page or number > self.next:
            first = self.kept[0].number if self.kept else self.next
            gap(first)
            number = first
        elif self.repeat and self.kept and self.kept[-1].number >= number:
            number, self.repeat = max(number - self.repeat, self.kept[0].number), 0
        for message in self.kept:
            if message.number < number:
                continue
            entry = message.entry()
            size += len(entry) + OVERHEAD
            if size > MAX_ANSWER and entries:
                break
            if number not in (message.number, message.follows):
                gap(message.number)
            entries.append(entry)
            number = message.number + 1
        return entries

    def state(self):
        return {"cache": self.cache, "topic": self.name, "page": self.page, "next": self.next,
                "kept": len(self.kept), "waiting": self.waiting,
                "most_waiting": self.most_waiting}


class Rate:
    """So many calls a second, and no more at once than those of a second."""

    def __init__(self):
        self.left, self.at = None, 0.0

    def take(self, rate):
        now = time.monotonic()
        most = max(rate, 1)
        if self.left is None:
            self.left = most
        self.left = min(most, self.left + (now - self.at) * rate)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


# Faults


class Fault:
    MEMBERS = {"on": (str, list), "cache": str, "topic": str, "key_base64": str, "times": int,
               "chance": (int, float), "effect": bool, "delay": (int, float), "status": int,
               "title": str, "text": str, "headers": dict, "body": str, "html": bool,
               "size": int, "cut": str}
    numbers = itertools.count(1)

    def __init__(self, members):
        check_members(members, self.MEMBERS)
        kinds = {*KINDS.values(), "other", "*"}
        on = members.get("on", "*")
        self.on = {on} if isinstance(on, str) else set(on)
        if not self.on <= kinds:
            raise ValueError(f'"on" is not of {sorted(kinds)}')
        if members.get("cut", "middle") not in ("before", "middle", "reset"):
            raise ValueError('"cut" is not "before", "middle" or "reset"')
        if not 0 <= members.get("delay", 0) <= MAX_ADMIN_DELAY:
            raise ValueError(f'"delay" is not 0 to {MAX_ADMIN_DELAY:g} seconds')
        if not 0 <= members.get("size", 0) <= 64 << 20:
            raise ValueError('"size" is more than 64 MB')
        if not 200 <= members.get("status", 200) <= 599:
            raise ValueError('"status" is not 200 to 599')
        self.id = next(self.numbers)
        self.members = members
        self.key = base64.b64decode(members["key_base64"]) if "key_base64" in members else None
        self.left = members.get("times", 1) or None

    def get(self, name, default=None):
        return self.members.get(name, default)

    def fits(self, call):
        return ((call.kind in self.on or "*" in self.on)
                and self.get("cache", call.cache) == call.cache
                and self.get("topic", call.topic) == call.topic
                and self.key in (None, call.key)
                and random.random() < self.get("chance", 1))

    def replacement(self, errors):
        """The answer that takes the place of the call's own; None if none does."""
        if self.get("cut") in ("before", "reset"):
            return Answer(0)  # nobody gets it
        if self.get("html"):
            page = "<!DOCTYPE html><html><head><title>Sign in</title></head>" \
                   "<body><form>Please sign in to this network.</form></body></html>"
            return Answer(self.get("status", 200), page.encode(), "text/html",
                          self.get("headers"))
        if self.get("body") is not None:
            return Answer(self.get("status", 200), self.get("body").encode(),
                          headers=self.get("headers"))
        if self.get("status"):
            status = self.get("status")
            answer = refusal(Problem(status, self.get("title", title_of(status)),
                                     self.get("text", "Asked for.")), errors)
            answer.headers = self.get("headers") or {}
            return answer
        return None

    def state(self):
        return {**self.members, "id": self.id, "times": self.left or 0}


TITLES = {400: "Bad Request", 429: "Resources Exhausted"}


def title_of(status):
    if status in TITLES:
        return TITLES[status]
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"


def refusal(problem, errors):
    return as_json(problem.status, {"status": problem.status, "title": problem.title,
                                    errors: problem.text})


def check_members(document, members):
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    for name, value in document.items():
        if name not in members:
            raise ValueError(f'unknown member "{name}"; there are: {", ".join(members)}')
        kinds = members[name] if isinstance(members[name], tuple) else (members[name],)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError(f'"{name}" is of another type')
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0:
            raise ValueError(f'"{name}" is negative')


# Calls


def parse_query(query, found):
    """Names and values as forms have them: "+" is a blank. Fills `found`; values are bytes."""
    twice = None
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        name = urllib.parse.unquote_plus(name)
        twice = name if name in found else twice
        found[name] = urllib.parse.unquote_to_bytes(value.replace("+", " "))
    if twice:
        raise bad(f"The query parameter '{twice}' appears twice.")


def decode_key(text):
    """Base64 for URLs, with or without padding (*: only without is documented)."""
    if not re.fullmatch(rb"[A-Za-z0-9_-]+={0,2}", text):
        raise bad("'key_base64' is not base64 for URLs.")
    try:
        bare = text.rstrip(b"=")
        return base64.urlsafe_b64decode(bare + b"=" * (-len(bare) % 4))
    except binascii.Error:
        raise bad("'key_base64' is not base64 for URLs.") from None


def integer(query, name, default=None, largest=(1 << 64) - 1):
    text = query.get(name)
    if text is None:
        if default is None:
            raise bad(f"The query parameter '{name}' is required.")
        return default
    if not re.fullmatch(rb"[0-9]{1,20}", text) or int(text) > largest:
        raise bad(f"The query parameter '{name}' is not an integer from 0 to {largest}.")
    return int(text)


class Call:
    """One request, taken apart as far as it can be; what is wrong with it is told later."""

    def __init__(self, method, target, headers, body, connection):
        self.method, self.headers, self.body = method, headers, body
        self.connection = connection
        self.path, _, query = target.partition("?")
        self.problem, self.query, self.key = None, {}, None
        # A segment may hold any byte as %XX, "/" too.
        parts = [urllib.parse.unquote_to_bytes(part) for part in self.path.split("/")[1:]]
        names = [part.decode(errors="replace") for part in parts] or [""]
        self.kind = KINDS.get((method, names[0]), "other")
        if self.kind != "other" and len(names) != (3 if names[0] == "topics" else 2):
            self.kind = "other"
        self.cache = names[1] if self.kind != "other" else None
        self.topic = names[2] if self.kind in ("publish", "poll") else None
        try:
            parse_query(query, self.query)
            if self.kind in ("get", "set", "delete"):
                self.key = self.read_key()
        except Problem as problem:
            self.problem = problem

    def read_key(self):
        plain, coded = self.query.get("key"), self.query.get("key_base64")
        if plain is not None and coded is not None:
            raise bad("You must specify either 'key' or 'key_base64', not both.",
                      "Multiple Keys Specified")
        if not plain and not coded:
            raise bad("You must specify either 'key' or 'key_base64'.", "No Key Specified")
        if coded:
            return decode_key(coded)
        try:
            plain.decode()
        except UnicodeDecodeError:
            raise bad("'key' is not UTF-8; use 'key_base64'.") from None
        return plain

    def told(self, status, fault, key):
        """For /_local/calls; without the key."""
        headers = {name.lower(): value[:MAX_HEADER] for name, value in self.headers.items()}
        if "authorization" in headers:
            headers["authorization"] = f"(key {key})" if key is not None else "(unknown)"
        query = {name: value.decode(errors="replace")[:MAX_HEADER]
                 for name, value in self.query.items() if name != "token"}
        return {"kind": self.kind, "method": self.method, "path": self.path[:1024],
                "query": query, "cache": self.cache, "topic": self.topic,
                "key_base64": None if self.key is None else encode(self.key[:2048]),
                "status": status, "fault": fault.id if fault else None, "headers": headers,
                "length": len(self.body), "sha256": hashlib.sha256(self.body).hexdigest(),
                "connection": self.connection, "at": time.monotonic()}


# The service


class Service:
    """All state, behind one lock. Calls come from any thread."""

    SETTINGS = {"clock": (int, float), "keys": list, "errors": str, "topic_rate": (int, float),
                "cache_rate": (int, float), "keep": int, "poll_limit": (int, float),
                "max_message": int}

    def __init__(self, settings, caches):
        self.lock = threading.Lock()
        self.settings = settings
        self.first_caches = list(caches)
        self.connections = itertools.count(1)
        self.reset()

    def reset(self):
        self.caches = set(self.first_caches)
        self.items = {}           # (cache, key) -> Item, oldest first
        self.items_bytes = 0
        self.evicted = 0
        self.topics = {}          # (cache, topic) -> Topic
        self.messages = collections.deque()  # all of them, oldest first
        self.messages_bytes = 0
        self.forgotten = 0        # messages that are told of no longer
        self.rates = {"cache": Rate(), "topics": Rate()}
        self.faults = []
        self.counts = {}          # kind -> status -> calls
        self.calls = collections.deque(maxlen=MAX_CALLS)
        self.number = 0           # of calls
        self.waiting = 0

    def now(self):
        return time.monotonic() + self.settings["clock"]

    # Who may

    def which_key(self, call):
        """The number of the key among those that count; None if it is none of them."""
        given = call.headers.get("Authorization")
        given = given.encode("latin-1") if given is not None else call.query.get("token", b"")
        found = None
        for number, key in enumerate(self.settings["keys"]):
            if hmac.compare_digest(key.encode(), given):
                found = number
        return found

    def admit(self, call):
        header = call.headers.get("Authorization")
        if header is not None and "token" in call.query:
            raise bad("You must either set the 'authorization' header or the 'auth_token' query "
                      "parameter, not both.", "Multiple Auth Tokens Specified")
        if not header and not call.query.get("token"):
            raise Problem(401, "No Auth Token Provided",
                          "You must provide a valid momento auth token via the 'authorization "
                          "header' or the 'auth_token' query parameter.")
        if header and " " in header.strip():
            raise Problem(401, "Invalid authorization header format",
                          "Invalid authorization header format")
        if self.which_key(call) is None:
            raise Problem(401, "Unauthorized", "Could not validate authorization header")

    def limit(self, call):
        group = "topics" if call.topic is not None else "cache"
        rate = self.settings["topic_rate" if group == "topics" else "cache_rate"]
        if rate and not self.rates[group].take(rate):
            raise Problem(429, "Resources Exhausted",
                          f"The limit of {rate:g} operations a second was exceeded.")

    # What it does

    def perform(self, call, gone):
        """The answer. `gone` tells whether the client has left."""
        try:
            with self.lock:
                if call.kind == "other":
                    raise Problem(404, "Not Found", "No such operation.")
                self.admit(call)
                if call.problem:
                    raise call.problem
                self.limit(call)
                if call.cache not in self.caches:
                    raise Problem(404, "Not Found", "Cache not found")
                return getattr(self, f"do_{call.kind}")(call, gone)
        except Problem as problem:
            return refusal(problem, self.settings["errors"])

    def remove(self, at):
        item = self.items.pop(at, None)
        if item:
            self.items_bytes -= len(at[1]) + len(item.value) + OVERHEAD
        return item

    def item(self, at):
        item = self.items.get(at)
        if item and item.ends <= self.now():
            self.remove(at)
            return None
        return item

    def do_get(self, call, _):
        item = self.item((call.cache, call.key))
        if not item:
            raise Problem(404, "Key Not Found",
                          "The specified key was not present in the cache.")
        return Answer(200, item.value, "application/octet-stream")

    def do_set(self, call, _):
        ttl = integer(call.query, "ttl_seconds", largest=MAX_TTL)
        size = len(call.key) + len(call.body)
        if size > MAX_ITEM:
            raise Problem(413, "Content Too Large", "Key and value are larger than 5 MB.")
        at = (call.cache, call.key)
        self.remove(at)  # first: a value that is set again is the newest
        self.items[at] = Item(call.body, ttl, self.now() + ttl)
        self.items_bytes += size + OVERHEAD
        while self.items_bytes > MAX_ITEMS_BYTES:
            self.remove(next(iter(self.items)))
            self.evicted += 1
        return Answer()

    def do_delete(self, call, _):
        self.remove((call.cache, call.key))
        return Answer()

    def topic(self, cache, name):
        topic = self.topics.get((cache, name))
        if not topic:
            if len(self.topics) >= MAX_TOPICS:
                raise Problem(429, "Resources Exhausted", "There are too many topics.")
            topic = self.topics[cache, name] = Topic(cache, name, self.lock)
        return topic

    def do_publish(self, call, _):
        kind = call.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if not kind:
            raise bad("The header 'Content-Type' is required.")
        largest = self.settings["max_message"]
        if largest and len(call.body) > largest:
            raise bad(f"The message is larger than {largest} bytes.")
        is_text = kind != "application/octet-stream"
        if is_text:
            try:
                call.body.decode()
            except UnicodeDecodeError:
                raise bad("The message is not UTF-8.") from None
        topic = self.topic(call.cache, call.topic)
        self.messages.append(topic.add(call.body, is_text, self.settings["keep"]))
        self.messages_bytes += len(call.body) + OVERHEAD
        while self.messages_bytes > MAX_MESSAGES_BYTES:
            oldest = self.messages.popleft()
            self.messages_bytes -= len(oldest.data) + OVERHEAD
            self.forgotten += 1
            if oldest.topic.kept and oldest.topic.kept[0] is oldest:
                oldest.topic.kept.popleft()
        return Answer()

    def do_poll(self, call, gone):
        number = integer(call.query, "sequence_number", 0)
        page = integer(call.query, "sequence_page", 0)
        topic = self.topic(call.cache, call.topic)
        if not page:
            # With no page a number counts in the one there is, and 0 is "the latest".
            page, number = topic.page, number or topic.next
        if self.waiting >= MAX_WAITING:
            raise Problem(429, "Resources Exhausted", "There are too many subscriptions.")
        self.waiting += 1
        topic.waiting += 1
        topic.most_waiting = max(topic.most_waiting, topic.waiting)
        try:
            entries = self.wait(topic, page, number, gone)
            return Answer(200, b'{"items":[%s]}' % b",".join(entries))
        finally:
            topic.waiting -= 1
            self.waiting -= 1

    def wait(self, topic, page, number, gone):
        started = time.monotonic()
        while True:
            entries = topic.after(page, number)
            waited = time.monotonic() - started
            left = (self.settings["poll_limit"] or float("inf")) - waited
            if entries or left <= 0 or gone():
                return entries
            if topic.cache not in self.caches:
                raise Problem(404, "Not Found", "Cache not found")
            topic.changed.wait(min(left, LOOK_S))

    # Faults and the record of calls

    def take_fault(self, call):
        with self.lock:
            for fault in self.faults:
                if fault.fits(call):
                    if fault.left is not None:
                        fault.left -= 1
                        if not fault.left:
                            self.faults.remove(fault)
                    return fault
        return None

    def record(self, call, status, fault):
        with self.lock:
            by_status = self.counts.setdefault(call.kind, {})
            by_status[str(status)] = by_status.get(str(status), 0) + 1
            self.number += 1
            told = call.told(status, fault, self.which_key(call))
            self.calls.append({"number": self.number, **told})


class Admin:
    """What is below /_local."""

    TOPIC = {"cache": str, "topic": str, "page": (bool, int), "next": int, "drop": int,
             "skip": int, "forget": (bool, int), "repeat": int}

    def __init__(self, service):
        self.service = service

    def answer(self, method, target, body):
        path, _, query = target.partition("?")
        name = path[len("/_local"):].strip("/")
        if method == "GET" and not name:
            return Answer(200, ADMIN_HELP.encode(), "text/plain; charset=utf-8")
        act = getattr(self, f"{method.lower()}_{name}", None) if name.isalpha() else None
        if not act:
            return as_json(404, {"error": f"no {method} of {path}; GET /_local lists what is"})
        try:
            found = {}
            parse_query(query, found)
            query = {name: value.decode() for name, value in found.items()}
            document = json.loads(body) if body else {}
            with self.service.lock:
                return as_json(200, act(document, query))
        except (ValueError, Problem) as problem:
            return as_json(400, {"error": str(problem)})

    def get_items(self, _, query):
        service = self.service
        now = service.now()
        items = [{"cache": cache, "key_base64": encode(key), "value_base64": encode(item.value),
                  "ttl_seconds": item.ttl, "expires_in": item.ends - now}
                 for (cache, key), item in service.items.items()
                 if query.get("cache", cache) == cache and item.ends > now]
        return {"caches": sorted(service.caches), "evicted": service.evicted, "items": items}

    def get_messages(self, _, query):
        def wanted(topic):
            return (query.get("cache", topic.cache) == topic.cache
                    and query.get("topic", topic.name) == topic.name)

        service = self.service
        messages = [{"cache": message.topic.cache, "topic": message.topic.name,
                     "page": message.page, "number": message.number,
                     "kind": "text" if message.is_text else "binary",
                     "data_base64": encode(message.data), "lost": message.lost}
                    for message in service.messages if wanted(message.topic)]
        return {"topics": [topic.state() for topic in service.topics.values() if wanted(topic)],
                "forgotten": service.forgotten, "messages": messages}

    def get_calls(self, _, query):
        after = int(query.get("after", 0))
        return {"counts": self.service.counts, "waiting": self.service.waiting,
                "calls": [call for call in self.service.calls if call["number"] > after
                          and query.get("kind", call["kind"]) == call["kind"]]}

    def get_faults(self, *_):
        return {"faults": [fault.state() for fault in self.service.faults]}

    def post_faults(self, document, _):
        fault = Fault(document)
        self.service.faults.append(fault)
        return {"id": fault.id}

    def delete_faults(self, *_):
        self.service.faults = []
        return {}

    def post_caches(self, document, _):
        check_members(document, {"create": list, "delete": list})
        service = self.service
        if not all(isinstance(name, str) for names in document.values() for name in names):
            raise ValueError("a cache's name is not a string")
        service.caches |= set(document.get("create", []))
        gone = set(document.get("delete", []))
        service.caches -= gone
        for at in [at for at in service.items if at[0] in gone]:
            service.remove(at)
        for topic in [topic for topic in service.topics.values() if topic.cache in gone]:
            del service.topics[topic.cache, topic.name]
            topic.changed.notify_all()
        return {"caches": sorted(service.caches)}

    def post_settings(self, document, _):
        check_members(document, Service.SETTINGS)
        if document.get("errors", "detail") not in ("detail", "description"):
            raise ValueError('"errors" is not "detail" or "description"')
        if not all(isinstance(key, str) and key for key in document.get("keys", [])):
            raise ValueError("a key is not a string, or empty")
        if document.get("keep") == 0:
            raise ValueError('"keep" is 0')
        self.service.settings.update(document)
        return {name: value for name, value in self.service.settings.items() if name != "keys"}

    def post_topic(self, document, _):
        check_members(document, self.TOPIC)
        if document.get("cache") not in self.service.caches or "topic" not in document:
            raise ValueError("no such cache, or no topic")
        topic = self.service.topic(document["cache"], document["topic"])
        for name in ("drop", "skip", "repeat"):
            setattr(topic, name, document.get(name, getattr(topic, name)))
        topic.change(document.get("page"), document.get("next"), document.get("forget"))
        return topic.state()

    def post_reset(self, *_):
        topics = list(self.service.topics.values())
        self.service.reset()
        for topic in topics:
            topic.changed.notify_all()
        return {}


# HTTP


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection, on a thread of its own."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "momento-local", ""
    disable_nagle_algorithm = True
    timeout = IDLE_S

    def setup(self):
        super().setup()
        self.connection_number = next(self.server.service.connections)

    def handle(self):
        try:
            if self.server.tls:
                self.connection.do_handshake()
            super().handle()
        except (OSError, ValueError):
            pass  # the client has left, or does not speak TLS

    def read_chunks(self):
        body = bytearray()
        while True:
            line = self.rfile.readline(1024).split(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", line):
                raise bad("A chunk's size is malformed.")
            size = int(line, 16)
            if not size:
                while self.rfile.readline(65536).strip():
                    pass  # trailers
                return bytes(body)
            if len(body) + size > MAX_BODY:
                raise Problem(413, "Content Too Large", "The body is larger than 5 MB.")
            body += self.rfile.read(size)
            self.rfile.readline(8)

    def read_body(self):
        if "Transfer-Encoding" in self.headers:
            return self.read_chunks()
        length = self.headers.get("Content-Length", "0")
        if not re.fullmatch(r"[0-9]{1,12}", length):
            raise bad("'Content-Length' is malformed.")
        if int(length) > MAX_BODY:
            for _ in range(0, min(int(length), MAX_DRAIN), 1 << 16):
                self.rfile.read(1 << 16)
            raise Problem(413, "Content Too Large", "The body is larger than 5 MB.")
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            raise ConnectionError("the client has left")
        return body

    def gone(self):
        """Whether the client has closed the connection, so that nobody waits any more."""
        if self.server.stopping.is_set():
            return True
        look = select.poll()
        look.register(self.connection, getattr(select, "POLLRDHUP", 0) | select.POLLHUP)
        return bool(look.poll(0))

    def serve(self):
        service, started = self.server.service, time.monotonic()
        try:
            body = self.read_body()
        except Problem as problem:
            self.close_connection = True
            return self.send(refusal(problem, service.settings["errors"]))
        if self.path == "/_local" or self.path.startswith(("/_local/", "/_local?")):
            return self.send(self.server.admin.answer(self.command, self.path, body))
        call = Call(self.command, self.path, self.headers, body, self.connection_number)
        fault = service.take_fault(call)
        answer = self.run(call, fault)
        service.record(call, answer.status, fault)
        self.server.log(call, answer, time.monotonic() - started)
        return self.send(answer, fault.get("cut") if fault else None)

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = serve

    def run(self, call, fault):
        service = self.server.service
        if not fault:
            return service.perform(call, self.gone)
        answer = service.perform(call, self.gone) if fault.get("effect") else None
        self.server.stopping.wait(fault.get("delay", 0))
        answer = (fault.replacement(service.settings["errors"]) or answer
                  or service.perform(call, self.gone))
        missing = fault.get("size", 0) - len(answer.body) if answer.status else 0
        if missing > 0 and answer.body.startswith(b"{"):
            answer.body = b'{"padding":"%s",%s' % (b"x" * missing, answer.body[1:])
        elif missing > 0:
            answer = Answer(200, answer.body + b"x" * missing, "application/octet-stream")
        return answer

    def send(self, answer, cut=None):
        if cut in ("before", "reset"):
            return self.hang_up(cut == "reset")
        head = [f"HTTP/1.1 {answer.status} {title_of(answer.status)}",
                f"Server: {self.server_version}", f"Date: {self.date_time_string()}"]
        body = answer.body
        if answer.status in (204, 304):
            body = b""
        else:
            head += [f"Content-Type: {answer.kind}", f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        if self.close_connection:
            head.append("Connection: close")
        head = "\r\n".join(head).encode("latin-1", "replace") + b"\r\n\r\n"
        if self.command == "HEAD":
            body = b""
        if cut == "middle":
            data = head + body[:len(body) // 2] if body else head[:len(head) // 2]
            self.wfile.write(data)
            return self.hang_up()
        self.wfile.write(head + body)
        return None

    def hang_up(self, by_reset=False):
        """At once, without a word of TLS: that could say that the answer is whole."""
        self.close_connection = True
        if by_reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def send_error(self, code, message=None, explain=None):
        """Of requests that are no HTTP."""
        self.close_connection = True
        self.command = getattr(self, "command", None)
        self.send(refusal(Problem(code, title_of(code), message or title_of(code)),
                          self.server.service.settings["errors"]))

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, port, service, tls=None, log=None):
        self.service, self.tls, self.log_file = service, tls, log
        self.admin = Admin(service)
        self.stopping = threading.Event()
        self.free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self):
        # Not HTTPServer's, which would look up the host's name.
        super(http.server.HTTPServer, self).server_bind()
        self.server_name, self.server_port = self.server_address[:2]

    def get_request(self):
        connection, address = super().get_request()
        if self.tls:
            # The handshake belongs to the connection's own thread.
            connection = self.tls.wrap_socket(connection, server_side=True,
                                              do_handshake_on_connect=False,
                                              suppress_ragged_eofs=True)
        return connection, address

    def process_request(self, request, client_address):
        if not self.free.acquire(blocking=False):
            return self.shutdown_request(request)
        return super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()

    def handle_error(self, request, client_address):
        # What a client does is dealt with where it happens: this is a bug.
        if not self.stopping.is_set():
            super().handle_error(request, client_address)

    def log(self, call, answer, seconds):
        if not self.log_file:
            return
        # Of the query only what is not the key; the path as it came is without blanks.
        query = "&".join(f"{name}={urllib.parse.quote(call.query[name][:100])}" for name in
                         ("key", "key_base64", "ttl_seconds", "sequence_number", "sequence_page")
                         if name in call.query)
        path = urllib.parse.quote(call.path[:300], safe="/%")
        print(f"{call.method} {path}{'?' if query else ''}{query} {answer.status} "
              f"{len(call.body)} {len(answer.body)} {1000 * seconds:.1f}ms",
              file=self.log_file, flush=True)


def make_key(port):
    """As Momento's keys of the first kind: base64 of where it leads, and of a token."""
    return encode(json.dumps({"endpoint": f"localhost:{port}",
                              "api_key": os.urandom(24).hex()},
                             separators=(",", ":")).encode())


def read_keys(path):
    with open(path, encoding="utf-8") as file:
        keys = [line.strip() for line in file if line.strip()]
    if not keys:
        raise OSError(f"{path} is empty")
    return keys


def number(kind, least, largest):
    def parse(text):
        value = kind(text)
        if not least <= value <= largest:
            raise ValueError
        return value
    parse.__name__ = f"number from {least} to {largest}"
    return parse


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        prog="momento-local.py", description=__doc__.split("\n\n")[0], epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--port", type=number(int, 0, 65535), default=8089,
        help="of 127.0.0.1; 0: a free one, which is printed (default: 8089)")
    add("--cache", metavar="NAME", action="append", default=[],
        help="a cache that is there from the start; may be given again")
    add("--key", metavar="KEY", action="append", default=[],
        help="an API key that is accepted; may be given again. Without any, and without "
             "--key-file, one is made and printed")
    add("--key-file", metavar="FILE",
        help="where API keys are, one a line; made, with a key in it, if it is not there")
    add("--tls", nargs=2, metavar=("CERT", "KEY"), help="speak TLS with this chain and this key")
    add("--keep", type=number(int, 1, 1_000_000), default=1000, metavar="N",
        help="messages that a topic keeps for who comes late (default: 1000)")
    add("--topic-rate", type=number(float, 0, 1e6), default=0, metavar="N",
        help="topic calls a second, then 429; Momento's default is 10 (default: 0, no limit)")
    add("--cache-rate", type=number(float, 0, 1e6), default=0, metavar="N",
        help="cache calls a second, then 429; Momento's default is 100 (default: 0, no limit)")
    add("--poll-limit", type=number(float, 0, 86400), default=0, metavar="SECONDS",
        help="how long a poll waits until it is answered without items (default: 0, for ever)")
    add("--max-message", type=number(int, 0, MAX_ITEM), default=MAX_MESSAGE, metavar="BYTES",
        help="a message's size, 0: no limit of its own (default: 4096, Momento's)")
    add("--errors", choices=("description", "detail"), default="description",
        help="the member with an error's text: Momento's description names one, clients in use "
             "another (default: description)")
    add("--log", action="store_true",
        help="one line a call on standard error: method, path, status, bytes in and out, time")
    return parser.parse_args(arguments)


def tls_context(chain, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(chain, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def set_up_keys(options, port, settings):
    """Those that count. Returns one to be printed, if nobody knows it yet."""
    settings["keys"] = list(options.key)
    if options.key_file:
        if not os.path.exists(options.key_file):
            made = os.open(options.key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(made, "w", encoding="utf-8") as file:
                file.write(make_key(port) + "\n")
        settings["keys"] += read_keys(options.key_file)
    if settings["keys"]:
        return None
    settings["keys"] = [make_key(port)]
    return settings["keys"][0]


def main(arguments=None):
    options = parse_arguments(arguments)
    settings = {name: getattr(options, name) for name in
                ("keep", "topic_rate", "cache_rate", "poll_limit", "max_message", "errors")}
    settings.update(clock=0, keys=[])
    try:
        tls = tls_context(*options.tls) if options.tls else None
        server = Server(options.port, Service(settings, options.cache), tls,
                        sys.stderr if options.log else None)
        made = set_up_keys(options, server.server_port, settings)
    except OSError as error:
        sys.exit(f"momento-local.py: {error}")
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: server.stopping.set())
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    print(f"endpoint {'https' if tls else 'http'}://127.0.0.1:{server.server_port}")
    if made:
        print(f"api_key {made}")
    sys.stdout.flush()
    server.stopping.wait()
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
