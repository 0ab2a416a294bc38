"""Requests nobody should send, as a table of classes: hostile.exchange.TABLE."""

from . import bodies, framing, headers, http2, requests, signatures  # noqa: F401: fill the table
