"""Defects that break what programs do with a token as soon as they have it."""

from __future__ import annotations

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import is_api_request
from conformance.reference.http import Answer, Request


class NewTokenNotYetKnown(Defect):
    """API Reference, Authentication: the token of a response opens what it may, the first time it is sent, too."""

    surface = "identity"
    noticed_by = ("authorization/bearer/authorization-field-is-accepted", "interoperability/identity/curl-bearer-token")

    def __init__(self) -> None:
        self.known: set[str] = set()

    def intercept(self, request: Request) -> Answer | None:
        token = request.headers.get("authorization") or ""
        if not is_api_request(request) or token in self.known:
            return None
        self.known.add(token)
        return Answer.json(401, {"error": {"code": "unauthorized", "message": "The token is not known."}})
