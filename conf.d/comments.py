#!/usr/bin/env python3
"""Stores the comments that conf.d/comments.conf lets through, and lists them.

Usage: comments.py PORT DATABASE

POST stores the text of a webhook under X-Token-Id, which nginx sets once the webhook is
verified: nobody can write under another's name. GET lists what is stored. Listens on
127.0.0.1 only: whoever reaches it directly is believed.
"""

import http.server
import json
import sqlite3
import sys


class Comments(http.server.BaseHTTPRequestHandler):
    database = None

    def do_POST(self):
        author = self.headers.get("X-Token-Id")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        text = json.loads(body).get("text")
        if not author or not isinstance(text, str):
            # A 4xx tells nginx that the webhook had no effect: it may come again.
            return self.answer(422, {"error": "no token_id, or no text"})
        with self.database:
            self.database.execute("INSERT INTO comments VALUES (?, ?, ?)",
                                  (self.headers.get("X-Topic"), author, text))
        return self.answer(201, {"stored": text})

    def do_GET(self):
        rows = self.database.execute("SELECT topic, author, text FROM comments")
        self.answer(200, [dict(zip(("topic", "author", "text"), row)) for row in rows])

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    Comments.database = sqlite3.connect(sys.argv[2])
    Comments.database.execute("CREATE TABLE IF NOT EXISTS comments (topic, author, text)")
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Comments).serve_forever()


if __name__ == "__main__":
    main()
