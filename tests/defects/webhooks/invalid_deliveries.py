"""Defects that break the promise "An invalid delivery is rejected without side effects"."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from tests.defects.support.common import server_error_page

ROWS = (
    row(
        "unknown-webhook-not-challenged",
        "RFC 9110 section 15.5.2: the 401 of an unknown URL has no WWW-Authenticate field.",
        "webhooks/errors/401-has-a-challenge",
        unknown_url=lambda original: Answer.json(401, {"error": "unauthorized"}),
    ),
    row(
        "large-event-crashes",
        "The contract's table of errors: a body over the limit is answered with 502.",
        "webhooks/errors/no-delivery-is-a-server-error#too-large",
        intercept=lambda request: Answer(502, b"Bad Gateway") if len(request.body) > 1024 * 1024 else None,
    ),
)


@defect("webhooks/errors/no-delivery-is-a-server-error#changed-events", crashes=(ValueError,), shortest=1)
def half_of_a_surrogate_pair_fails(is_json: Any, body: bytes) -> bool:
    """RFC 8259 section 8.2: an unpaired surrogate in JSON is answered with a 5xx."""
    if b'\\ud800"' in body:
        raise ValueError("surrogates not allowed")
    return is_json(body)


@defect("webhooks/errors/no-delivery-is-a-server-error#generated-bodies", shortest=1)
def other_json_type_fails(request: Request) -> Answer | None:
    """The contract's table of errors: JSON under another media type or with parameters is answered with a 5xx."""
    other = re.search(r"json.+|\+json|^json", request.headers.get("content-type", ""))
    return server_error_page() if other and not request.body.startswith(b"{") else None


@defect("webhooks/errors/no-delivery-is-a-server-error#generated-headers", shortest=1)
def unusual_content_coding_fails(request: Request) -> Answer | None:
    """The contract's table of errors: a Content-Encoding or Cookie with non-ASCII characters is answered with a 5xx."""
    given = request.headers.get("content-encoding") or request.headers.get("cookie")
    return server_error_page() if given and not re.fullmatch("[ -~]+", given) else None


@defect("webhooks/errors/json-is-valid")
def accepted_in_cut_json(accepted: Any) -> Answer:
    """RFC 8259 section 10: the JSON response to an accepted event is truncated."""
    answer = accepted()
    answer.body = answer.body[:-1]
    return answer


class _RefusesNext(Defect):
    """Refuses the delivery after a response of ``status``, as a restarting worker would."""

    status: ClassVar[int] = 0
    shut = False

    def receive(self, original: Any, request: Request) -> Answer:
        if self.shut:
            self.shut = False
            return Answer.json(503, {"error": "unavailable"})
        answer = original(request)
        self.shut = answer.status == self.status
        return answer


class NextAfterMalformedRefused(_RefusesNext):
    """API Reference, Webhooks: the event after one that is no JSON is refused."""

    noticed_by = (
        "webhooks/errors/malformed-json-is-refused#comment,cut,line-in-a-string,bytes,numbers,single-quotes",
        "webhooks/errors/malformed-json-is-refused#trailing-comma",
    )
    status = 400


@defect("webhooks/errors/malformed-json-is-refused#ten-in-a-row", state=lambda: SimpleNamespace(in_a_row=0))
def shut_after_refusals(state: Any, receive: Any, request: Request) -> Answer:
    """API Reference, Webhooks: events after a few refused ones are refused."""
    answer = receive(request)
    if answer.status not in (202, 400):
        return answer
    shut = state.in_a_row >= 5
    state.in_a_row = state.in_a_row + 1 if answer.status == 400 or shut else 0
    return Answer.json(410, {"error": "disabled"}) if shut else answer


@defect("webhooks/errors/no-internals#bytes,cut,deep")
def malformed_event_shows_the_program(request: Request, answer: Answer) -> Answer:
    """OWASP API8: the error for a malformed event shows the program's file and line."""
    if answer.status == 400:
        return Answer.json(400, {"error": 'File "/srv/hooks/receive.py", line 41, in receive'})
    return answer


class NextAfterTooLargeRefused(_RefusesNext):
    """API Reference, Webhooks: the event after a too large one is refused."""

    noticed_by = ("webhooks/errors/no-delivery-is-a-server-error#too-large",)
    status = 413
