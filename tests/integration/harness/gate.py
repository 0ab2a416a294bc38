"""An application whose webhooks are verified for it: momento_webhook_verify."""

from .events import SECRET, documented_event, signed
from .nginx import Nginx
from .webhook import ACCESS_LOG, BAD_REQUEST, STATUS, UNAUTHORIZED, Webhook

GATE = f"momento_webhook_verify on; momento_webhook_secret {SECRET};"
ZONE = "momento_replay_zone signatures 1m;"
REPLAY = "momento_webhook_replay signatures;"

# A body in one read, one in a buffer, and one in a file.
SIZES = [1, 20_000, 200_000]


def body_of(size):
    """An event of about `size` bytes, with blanks behind it that a parser would drop."""
    return documented_event(text="é" + "x" * size) + b" \n"


def refused_requests():
    """By verdict: a body, its headers, and the status and the body of the answer."""
    body = documented_event()
    stale, early = documented_event(age_ms=70_000), documented_event(age_ms=-70_000)
    return {
        "unsigned": (body, {}, 403, UNAUTHORIZED),
        "forged": (body, signed(body, "wrong"), 403, UNAUTHORIZED),
        "stale": (stale, signed(stale), 403, UNAUTHORIZED),
        "early": (early, signed(early), 403, UNAUTHORIZED),
        "malformed": (b"[]", signed(b"[]"), 400, BAD_REQUEST),
    }


class Gate(Webhook):
    """An nginx with a gated application at /app, and no spool. `handler`: the directives that
    answer there; `location`: what stands beside them."""

    def __init__(self, handler, location="", server="", http="", **parts):
        app = f"location /app {{ {GATE} {location} {handler} }}"
        Nginx.__init__(self, http=ACCESS_LOG + http, server="\n".join((app, STATUS, server)),
                       **parts)

    def send(self, body=None, headers=None, path="/app", secret=SECRET, tls=False):
        return super().send(body, headers, path, secret, tls)

    def send_chunked(self, body):
        with self.connect() as connection:
            return connection.request("POST", "/app", iter([body[:9], body[9:]]), signed(body),
                                      chunked=True)

    def refuse_all(self):
        """Sends what must be refused, and checks the answers."""
        requests = refused_requests()
        for body, headers, status, content in requests.values():
            answer = self.post("/app", body, headers)
            assert (answer.status, answer.body) == (status, content)
        assert self.verdicts(len(requests)) == list(requests)
