"""Other right ways for an identity service to write its answers."""

from __future__ import annotations

import itertools
import random
import secrets
import time

from conformance.reference.defects.base import Variant
from conformance.reference.defects.identity.support import edited
from conformance.reference.http import Answer, Request


class VolatileAnswers(Variant):
    """RFC 9110 section 6.3: ids, quotas, times of few values and server names may differ from answer to answer."""

    surface = "identity"

    def __init__(self) -> None:
        self.numbers = itertools.count()

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["X-Request-Id"] = secrets.token_hex(8)
        answer.headers["X-RateLimit-Remaining"] = str(1000 - next(self.numbers) % 1000)
        answer.headers["X-RateLimit-Reset"] = str(int(time.time()) + 60)
        answer.headers["X-Response-Time"] = random.choice(["1ms", "1ms", "1ms", "2ms"])
        answer.headers["X-Served-By"] = random.choice(["node-a", "node-b"])
        if answer.status >= 400 and b'"error": {' in answer.body:
            return edited(answer, lambda document: document["error"].update(request_id=secrets.token_hex(8)))
        return answer
