"""An index behind Elasticsearch's bulk API, and what it says when it is not well: whole requests or single items refused,
answers that are cut, short, or another's.

Real ones answer item by item, in the order of the request: 201 made, 409 there already, 429 and 503 later, 400 never
(Elasticsearch reference, "Bulk API"; read 2026). `mood(n, ids)` says what becomes of the n-th request:
    {}                          all is well
    {"whole": STATUS}           of the request; nothing was taken
    {"whole": ..., "after": 1}  of the request, though all was taken
    {"items": [STATUS, ...]}    of each; what is 201 was taken
    {..., "cut": 1}             half of the answer comes
    {..., "short": 1}           the first item is not spoken of
SPDX-License-Identifier: Apache-2.0
"""

import gzip
import json
import random

from flow import http_way

ERRORS = {400: "document_parsing_exception", 409: "version_conflict_engine_exception",
          429: "es_rejected_execution_exception", 503: "unavailable_shards_exception"}
MOODS = [
    lambda r, ids: {"whole": r.choice((429, 429, 500, 502, 503, 504, 401, 403))},
    lambda r, ids: {"whole": 413} if len(ids) > r.randrange(1, 4) else {},
    lambda r, ids: {"whole": r.choice((429, 500, 504)), "after": 1},
    lambda r, ids: {"items": [r.choice((201, 429, 503)) for _ in ids]},
    lambda r, ids: {"items": [r.choice((201, 201, 400)) for _ in ids]},
    lambda r, ids: {"items": [r.choice((201, 400, 429)) for _ in ids]},
    lambda r, ids: {"items": [r.choice((201, 429)) for _ in ids], "cut": 1},
    lambda r, ids: {"items": [r.choice((201, 429)) for _ in ids], "short": 1},
]


def chance(seed, share):
    """A mood: so large a share of requests meets something. Same seed, same moods."""
    def mood(n, ids):
        r = random.Random("%s/%d" % (seed, n))
        return r.choice(MOODS)(r, ids) if r.random() < share else {}
    return mood


class Index:
    """`docs`: bodies by _id, in the order in which they were made; `refused`: ids that were once refused for good."""

    def __init__(self, api_key):
        self.authorization, self.docs, self.refused, self.mood, self.requests = "ApiKey " + api_key, {}, set(), None, 0
        self.receiver = http_way.Receiver()
        self.receiver.say = self._say
        self.port = self.receiver.port

    def _say(self, _method, path, headers, body):
        if headers.get("Authorization") != self.authorization or not path.startswith("/_bulk?"):
            return 401, b'{"error":{"type":"security_exception"}}'
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert body.endswith(b"\n")
        lines = [json.loads(x) for x in body.splitlines()]
        docs = [(action["create"]["_id"], doc) for action, doc in zip(lines[::2], lines[1::2])]
        self.requests += 1
        return self._answer([i for i, _ in docs], dict(docs))

    def _answer(self, ids, docs):
        mood = self.mood(self.requests, ids) if self.mood else {}
        whole = mood.get("whole")
        if whole and not mood.get("after"):
            return whole, b'{"error":{"type":"made_up"}}'
        items = [self._take(i, docs[i], status) for i, status in zip(ids, mood.get("items", [201] * len(ids)))]
        if whole:
            return whole, b'{"error":{"type":"made_up"}}'
        errors = any("error" in x["create"] for x in items)
        said = json.dumps({"errors": errors, "items": items[mood.get("short", 0):]}).encode()
        return 200, said[:len(said) // 2] if mood.get("cut") else said

    def _take(self, id_, doc, status):
        if status == 201 and id_ in self.docs:
            status = 409
        if status == 201:
            self.docs[id_] = doc
            return {"create": {"status": 201}}
        if status == 400:
            self.refused.add(id_)
        return {"create": {"status": status, "error": {"type": ERRORS[status], "reason": "made up"}}}

    def close(self):
        self.receiver.__exit__()
