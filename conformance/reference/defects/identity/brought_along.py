"""Defects in what a verifier takes from a token itself, and in what it is compared with."""

from __future__ import annotations

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import is_api_request
from conformance.reference.http import Answer, Request


class KnownCopyIs412(Defect):
    """RFC 9110 section 13.1.2: where a copy is the present one, GET is answered 304, and never 412."""

    surface = "identity"
    noticed_by = ("errors/reads/not-modified-tells-its-fields",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 304:
            answer.status = 412
        return answer
