"""An application whose webhooks are verified for it: momento_webhook_verify."""

from .events import SECRET
from .nginx import Nginx
from .webhook import ACCESS_LOG, STATUS, Webhook

GATE = f"momento_webhook_verify on; momento_webhook_secret {SECRET};"
ZONE = "momento_replay_zone signatures 1m;"
REPLAY = "momento_webhook_replay signatures;"


class Gate(Webhook):
    """An nginx with a gated application at /app, and no spool. `handler`: the directives that
    answer there; `location`: what stands beside them."""

    def __init__(self, handler, location="", server="", http="", **parts):
        app = f"location /app {{ {GATE} {location} {handler} }}"
        Nginx.__init__(self, http=ACCESS_LOG + http, server="\n".join((app, STATUS, server)),
                       **parts)

    def send(self, body=None, headers=None, path="/app", secret=SECRET, tls=False):
        return super().send(body, headers, path, secret, tls)
