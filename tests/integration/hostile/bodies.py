"""Bodies: authentic ones that are no event, and what only looks like one."""

import json
import struct

from harness.events import compact, fields, now_ms, sign

from .exchange import hostile, post, post_chunked

BAD_REQUEST = {400}
NOT_ACCEPTED = {400, 403}

HUGE = "1" + "0" * 400


def judged(v, body):
    """Authentic but not to be accepted, or forged."""
    return post(body, v.random.choice([sign(body), v.forged(body)]))


def with_member(v, text):
    """An event with one more member, given as text."""
    return v.event()[:-1] + b"," + (text.encode() if isinstance(text, str) else text) + b"}"


@hostile("deep nesting")
def deep(v):
    depth = v.pick(10, 500, 998, 999, 1000, 1001, 1002, 5_000, 100_000)
    opening, closing = v.random.choice([("[", "]"), ('{"a":', "}"), ("[", ""), ('[{"":', "}]")])
    body = with_member(v, '"deep":' + opening * depth + "1" + closing * depth)
    return post(body, v.tolerated(body) if depth < 1000 and closing else sign(body))


@hostile("members that stand twice", NOT_ACCEPTED)
def twice(v):
    name = v.pick("cache", "topic", "publish_timestamp", "topic_sequence_number", "token_id",
                  "c\\u0061che", "topi\\u0063", "publish\\u005ftimestamp")
    value = v.random.choice(['"chat"', str(now_ms()), "null", "[]", '{"cache":"x"}'])
    return judged(v, with_member(v, f'"{name}":{value}'))


@hostile("unknown members that stand twice", answered=True)
def unknown_twice(v):
    name = v.pick("text", "x", "", "Cache", "cache ", "__proto__", "\\u0000", "detail")
    body = with_member(v, f'"{name}":1,"{name}":2')
    return post(body, v.accepted(body))


@hostile("numbers out of every range", NOT_ACCEPTED)
def huge_numbers(v):
    number = v.pick("9223372036854775808000", "-9223372036854775809", HUGE, "-" + HUGE,
                    "18446744073709551616", "01", "+1", "1.", ".5", "1e", "0x10", "NaN",
                    "Infinity", "-", "--1", "1_000", "1e999999")
    return judged(v, with_member(v, f'"n":{number}'))


@hostile("times that are none", NOT_ACCEPTED)
def odd_times(v):
    now = now_ms()
    time = v.pick(f'"{now}"', f"{now}.0", f"{now}e0", "null", "true", f"[{now}]", "{}", "-1",
                  "0", str(now - 61_000), str(now + 3_600_000), str(2**63 - 1), str(-2**63),
                  str(now // 1000), str(2**64 + now), "1e13", f"-{now}", str(2**32))
    body = v.event().replace(b'"publish_timestamp":', b'"publish_timestamp":%s,"old":'
                             % time.encode())
    return judged(v, body)


@hostile("members of the wrong kind", NOT_ACCEPTED)
def wrong_kinds(v):
    name = v.pick("cache", "topic")
    value = v.random.choice([1, None, True, [], ["chat"], {}, {"cache": "chat"}, "", 1.5])
    event = fields(text=v.name)
    event[name] = value
    if value is None and v.random.random() < 0.5:
        del event[name]
    return judged(v, compact(event))


@hostile("bytes that are not UTF-8", NOT_ACCEPTED)
def not_utf8(v):
    wrong = v.pick(b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xc3",
                   b"\xf5MR\xff", b"\xe2\x82", b"\xfe\xff", b"\xf0\x80\x80\xaf", b"\xc3\x28")
    place = v.random.choice([b'"x":"%s"', b'"%s":1', b'"x":"abc%s'])
    return judged(v, with_member(v, place % wrong))


@hostile("NULs and control characters", NOT_ACCEPTED)
def control_characters(v):
    body = v.event()
    at = v.pick(1, len(body) - 2, body.index(b"chat") + 1, body.index(b"hostile"), len(body), 0)
    wrong = v.random.choice([b"\0", b"\x01", b"\x1f", b"\0" * 64, b"\x0b"])
    return judged(v, body[:at] + wrong + body[at:])


@hostile("escapes", answered=True)
def escapes(v):
    text = v.pick("\\u0000", "\\u2028", "\\\\\\\"", "\\ud83d\\ude00", "\\/", "\\u007f",
                  '\\"},{\\"Source\\":\\"x', "%00%0d%0a", "${jndi:ldap://x}", "$(reboot)",
                  "\\r\\n\\r\\nGET / HTTP/1.1", "<script>", "' OR 1=1 --", "{{7*7}}")
    body = with_member(v, f'"x":"{text}"')
    return post(body, v.accepted(body))


@hostile("surrogates alone")
def surrogates(v):
    text = v.pick("\\ud800", "\\udfff", "\\ud800\\ud800", "\\ud83dx", "\\uDC00\\uD800")
    body = with_member(v, f'"x":"{text}"')
    return post(body, v.tolerated(body))


@hostile("byte order marks and other encodings")
def encodings(v):
    body = v.event()
    body = v.pick(b"\xef\xbb\xbf" + body, body.decode().encode("utf-16"),
                  body.decode().encode("utf-16-be"), body.decode().encode("utf-32"),
                  b"\xff\xfe" + body, body + b"\xef\xbb\xbf", b"+/v8-" + body)
    # A mark in front of UTF-8 may be forgiven.
    return post(body, v.tolerated(body) if body.startswith(b"\xef\xbb\xbf") else sign(body))


@hostile("JSON that is no event", NOT_ACCEPTED)
def not_an_event(v):
    body = v.event()
    return judged(v, v.pick(
        b"", b"{}", b"[]", b"null", b"1", b'""', b"[" + body + b"]", body + body, body[:-1],
        body + b",", b"{" + body, b'{"event":' + body + b"}", body + b"x", b"(" + body + b")",
        body.replace(b'"', b"'"), body.replace(b",", b",,", 1), body.replace(b":", b"=", 1),
        body[:-1] + b",}", body + b"//", b"/**/" + body, json.dumps(body.decode()).encode()))


@hostile("names that are too long", NOT_ACCEPTED)
def long_names(v):
    name = v.pick("topic", "cache", "topic", "cache")
    value = v.random.choice(["x" * 129, "x" * 5_000, "é" * 128, "x" * 60_000])
    return judged(v, v.event(**{name: value}))


@hostile("names that are odd", answered=True)
def odd_names(v):
    name = v.pick("../../etc", "a/b", "a#b", '"', "\\", "\n", "\0", "%s%n", "é", "\U0001f600", " ",
                  ".", "-", "a\r\nb", "$momento_cache", "'; --", "\u202e", "*", "\x7f")
    body = v.event(**{v.random.choice(["cache", "topic", "token_id"]): name})
    body = body.replace(b"\x7f", b"\\u007f")
    return post(body, v.accepted(body))


@hostile("bodies that are too large", {403, 413}, answered=False)
def too_large(v):
    body = v.event(padding="x" * v.pick(262_144, 300_000, 1_100_000))
    return v.random.choice([post, post_chunked])(body, v.forged(body))


@hostile("bodies as large as they may be", answered=True)
def large(v):
    body = v.event(padding="x" * v.random.randrange(100_000, 250_000))
    return v.random.choice([post, post_chunked])(body, v.accepted(body))


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF


def spool_record(body, salt=bytes(16), kind=1):
    """A record as core/spool/record.h describes it, in a segment with a salt one can guess."""
    cache, topic = b"chat", b"forged"
    now = now_ms()
    size = 112 + len(body) + len(cache) + len(topic)
    rest = (struct.pack("<BBHQQqq", kind, 0, 0, 1, 0, now, now) + bytes(16)
            + struct.pack("<IIqqqHHHHHHI", 0, len(body), 0, 0, 0, len(cache), len(topic),
                          0, 0, 0, 0, 0) + body + cache + topic)
    assert len(rest) == size - 12
    magic = b"\xf5MR\xff" + struct.pack("<I", size)
    crc = crc32c(salt + magic + bytes(4) + rest)
    return magic + struct.pack("<I", crc) + rest


@hostile("spool records in a body", NOT_ACCEPTED)
def spool_records(v):
    inside = v.event()
    salt = v.random.choice([bytes(16), b"\xff" * 16, v.random.randbytes(16)])
    record = spool_record(inside, salt, v.random.choice([1, 2]))
    # Authentic ones are kept as dead letters: with the record, on disk.
    return judged(v, v.pick(
        record, record * 20, with_member(v, b'"x":"' + record + b'"'), bytes(4096) + record,
        record[:50] + record, v.random.randbytes(512) + record * 3, record[:112]))


@hostile("spool records in text", answered=True)
def spool_records_in_text(v):
    record = spool_record(v.event())
    text = v.pick(record.hex(), record.decode("latin-1"), record[4:].decode("latin-1"),
                  "\\xf5MR\\xff")
    body = v.event(record=text).replace(b"\x7f", b"\\u007f")
    return post(body, v.accepted(body))
