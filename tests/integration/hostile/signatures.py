"""Momento-Signature in every way but the right one."""

import hashlib
import hmac

from harness.events import SECRET, sign

from .exchange import chunks, head, hostile, keep_alive, post, post_chunked

UNAUTHORIZED = {403}


def with_lines(body, *lines):
    return head(f"Content-Length: {len(body)}", *lines) + body


@hostile("signature in the trailers", UNAUTHORIZED)
def in_trailers(v):
    body = v.event()
    trailers = f"Momento-Signature: {sign(body)}\r\n".encode()
    return post_chunked(body, v.pick(None, "", "0" * 64, v.forged(body)),
                        v.pick("Trailer: Momento-Signature", "TE: trailers"),
                        sent=chunks(body, 50, trailers=trailers))


@hostile("another signature in the trailers", answered=True)
def more_in_trailers(v):
    body = v.event()
    trailers = f"Momento-Signature: {v.forged(body)}\r\nContent-Length: 3\r\n".encode()
    return post_chunked(body, v.accepted(body), sent=chunks(body, 50, trailers=trailers))


@hostile("signature twice", UNAUTHORIZED)
def twice(v):
    body = v.event()
    right = f"{v.pick('Momento-Signature', 'momento-signature')}: {sign(body)}"
    other = v.pick(right, f"MOMENTO-SIGNATURE: {v.forged(body)}", "Momento-Signature:",
                   f"momento-signature: {sign(body).upper()}")
    lines = [right, other, *["X: y"] * v.random.randrange(40)]
    v.random.shuffle(lines)
    return with_lines(body, *lines)


@hostile("signature in upper case", UNAUTHORIZED)
def upper_case(v):
    body = v.event()
    signature = sign(body)
    letters = [at for at, c in enumerate(signature) if c.isalpha()]
    for at in v.random.sample(letters, v.pick(1, 2, len(letters))):
        signature = signature[:at] + signature[at].upper() + signature[at + 1:]
    return post(body, signature)


@hostile("signature with blanks in it", {400, 403})
def blanks(v):
    body = v.event()
    right = sign(body)
    at = v.cut(right)
    blank = v.pick(" ", "\t", "  ", "\x0c", "\xa0", "\x0b")
    return post(body, v.random.choice([
        right[:at] + blank + right[at:], right[:at] + blank + right[at + 1:],
        right + blank + "x", "\t" + right, right + "\t"]))


@hostile("signature that is not 64 digits", {400, 403})
def not_hex(v):
    body = v.event()
    right = sign(body)
    at = v.cut(right)
    return post(body, v.pick(
        "", "0", right[:at], right + right[:at], right + "0", "0" + right, right[:-1],
        right[:at] + "g" + right[at + 1:], right[:at] + "\0" + right[at:], "0x" + right[2:],
        right[:at] + "\xef\xbc\x91" + right[at + 3:], "-" + right[1:], "z" * 64, "\xff" * 64,
        right[:at] + "%30" + right[at + 3:], "0" * 4000))


@hostile("signature with something around it", UNAUTHORIZED)
def decorated(v):
    body = v.event()
    right = sign(body)
    return post(body, v.pick(f'"{right}"', f"sha3-256={right}", f"{right},{right}",
                             f"{right}, {v.forged(body)}", f"v1={right}", f"<{right}>",
                             f"{right};", f"{right}#", f"hmac {right}", f"{right}=="))


@hostile("signature in a folded line", {400, 403})
def folded(v):
    body = v.event()
    right = sign(body)
    at = v.cut(right)
    blank = v.pick(" ", "\t", "  ")
    return with_lines(body, v.random.choice([
        f"Momento-Signature:\r\n{blank}{right}",
        f"Momento-Signature: {right[:at]}\r\n{blank}{right[at:]}",
        f"X: y\r\n{blank}Momento-Signature: {right}"]))


@hostile("signature under almost its name", {400, 403})
def almost_its_name(v):
    body = v.event()
    name = v.pick("Momento_Signature", "Momento-Signature ", " Momento-Signature",
                  "Momento-Signature\t", "Momento--Signature", "Momento-Signature\0",
                  "X-Momento-Signature", "Momento-Signatur", "Momento-Signaturee",
                  "Momento-S\xefgnature", "Momento Signature", "MomentoSignature",
                  "Momento-Signature\x0b", "HTTP_MOMENTO_SIGNATURE", "Signature")
    return with_lines(body, f"{name}: {sign(body)}")


@hostile("signature in another place", UNAUTHORIZED)
def in_another_place(v):
    body = v.event()
    right = sign(body)
    return with_lines(body, v.pick(
        f"Cookie: Momento-Signature={right}", f"Authorization: Bearer {right}",
        f"X-Forwarded-Momento-Signature: {right}", f"X: Momento-Signature: {right}",
        f"Connection: Momento-Signature\r\nX-Signature: {right}"))


@hostile("signature of another body", UNAUTHORIZED)
def of_another_body(v):
    body = v.event()
    at = v.cut(body)
    other = v.pick(
        body[:at] + bytes([body[at] ^ 1 << v.random.randrange(8)]) + body[at + 1:],
        body[:at], body[1:], body + b" ", b" " + body, body + b"\n", body + b"\0",
        body.replace(b"chat", b"chats"), body * 2, b"", body.upper(), v.event())
    return v.random.choice([post, post_chunked])(other, sign(body))


@hostile("signature by another key", UNAUTHORIZED)
def by_another_key(v):
    body = v.event()
    secret = v.pick(SECRET + "\n", SECRET[:-1], SECRET + "0", " " + SECRET, "\0" + SECRET,
                    SECRET[::-1], SECRET * 2, "0", "\0", "x" * 500)
    return post(body, sign(body, secret))


@hostile("signature by another algorithm", UNAUTHORIZED)
def by_another_algorithm(v):
    body = v.event()
    key = SECRET.encode()
    return post(body, v.pick(
        hmac.new(key, body, hashlib.sha256).hexdigest(),
        hmac.new(key, body, hashlib.sha3_512).hexdigest()[:64],
        hmac.new(key, b"", hashlib.sha3_256).hexdigest(),
        hashlib.sha3_256(key + body).hexdigest(), hashlib.sha3_256(body + key).hexdigest(),
        hashlib.sha3_256(body).hexdigest(), hashlib.shake_256(key + body).hexdigest(32),
        hmac.new(key, body, hashlib.sha3_256).digest().decode("latin-1").replace("\n", "")
        .replace("\r", "").replace("\0", "")[:64].strip() or "-"))


@hostile("signature guessed digit by digit", UNAUTHORIZED)
def guessed(v):
    body = v.event()
    right = sign(body)
    guesses = []
    for _ in range(8):
        at = v.random.randrange(64)
        wrong = v.random.choice([digit for digit in "0123456789abcdef" if digit != right[at]])
        guesses.append(post(body, right[:at] + wrong + right[at + 1:]))
    return b"".join(keep_alive(guess) for guess in guesses[:-1]) + guesses[-1]
