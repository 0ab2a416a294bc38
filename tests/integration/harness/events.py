"""Momento's events and signatures."""

import hashlib
import hmac
import json
import time

SECRET = "1234567890"
FORGED = {"Momento-Signature": "0" * 64}


def sign(body, secret=SECRET):
    """Momento-Signature: lower-case hex of HMAC-SHA3-256 over the raw body."""
    if isinstance(body, str):
        body = body.encode()
    return hmac.new(secret.encode(), body, hashlib.sha3_256).hexdigest()


def signed(body, secret=SECRET):
    """The headers Momento sends with `body`."""
    return {
        "Momento-Signature": sign(body, secret),
        "User-Agent": "Momento/1.0 (Webhooks; "
                      "+https://docs.momentohq.com/topics/webhooks)",
    }


def now_ms():
    return time.time_ns() // 1_000_000


def compact(event):
    """JSON as Momento writes it: no blanks, raw UTF-8."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def fields(age_ms=0, **changes):
    """The documented sample event, published `age_ms` ago. A change to None drops a member."""
    published = now_ms() - age_ms
    event = {
        "cache": "chat",
        "topic": "room-281",
        "event_timestamp": published - 1,
        "publish_timestamp": published,
        "topic_sequence_number": 1,
        "token_id": "mo-the-squirrel",
        "text": "Here I am!!",
    }
    event.update(changes)
    return {name: value for name, value in event.items() if value is not None}


def documented_event(age_ms=0, **changes):
    return compact(fields(age_ms, **changes))


def captured_event(age_ms=0, **changes):
    """An event as a public capture of Momento's webhook shows it."""
    capture = {
        "cache": "serverless",
        "topic": "test",
        "topic_sequence_number": 3,
        "token_id": "",
        "text": '"testfile2.txt"',
    }
    return compact(fields(age_ms, **{**capture, **changes}))
