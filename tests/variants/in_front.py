"""What stands in front of services and speaks for them: each surface behind a firewall that also compresses."""

from __future__ import annotations

import gzip
import itertools
import re
from typing import Any
from urllib.parse import unquote_plus

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.surface import Surface

ATTACKS = re.compile(r"'\s*OR\s+'?1'?\s*=\s*'?1|[\0\r\n]|(^|/)[.][.](/|$)", re.IGNORECASE)
IN_BODIES = re.compile(rb"\0|%00|\\u0000|<script", re.IGNORECASE)


class _BehindAFirewall(Variant):
    """Refuses who does not say who asks, and compresses for who does not say how content may come.

    RFC 9110 section 10.1.5: a user agent should send User-Agent; common rules of firewalls take one that does not for
    an attack. Section 12.5.3: without Accept-Encoding any content coding is acceptable.
    """

    def intercept(self, request: Request) -> Answer | None:
        return None if "user-agent" in request.headers else refused_by_a_page()

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.body and "accept-encoding" not in request.headers and "content-encoding" not in answer.headers:
            answer.body = gzip.compress(answer.body)
            answer.headers["Content-Encoding"] = "gzip"
            del answer.headers["Content-Length"]
        return answer


class IdentityBehindAFirewall(_BehindAFirewall):
    """RFC 9110 section 12.5.3: the token endpoint and the organization APIs, behind it."""

    surface = "identity"


class RegistryBehindAFirewall(_BehindAFirewall):
    """RFC 9110 section 12.5.3: the registry, behind it."""

    surface = "registry"


class StorageBehindAFirewall(_BehindAFirewall):
    """RFC 9110 section 12.5.3: the gateway, behind it."""

    surface = "storage"


class WebhooksBehindAFirewall(_BehindAFirewall):
    """RFC 9110 section 12.5.3: the webhooks, behind it."""

    surface = "webhooks"


class _RefusesBeforeTheBody(Variant):
    """Refuses by the head of a request, while its body is still under way, and closes each other time.

    RFC 9112 section 9.3: a server may answer before it has read all of a request, and close.
    """

    impatient = True

    def __init__(self) -> None:
        self.refusals = itertools.count()

    async def refused_early(self, original: Any, request: Request) -> Answer | None:
        refusal = await self._refusal(original, request)
        if refusal is not None and next(self.refusals) % 2:
            refusal.headers["Connection"] = "close"
        return refusal

    async def _refusal(self, original: Any, request: Request) -> Answer | None:
        """Without credentials every write is refused, but where they may stand in a form."""
        written = request.method in ("POST", "PUT", "PATCH") and "token" not in request.path
        if not written or "authorization" in request.headers:
            return None
        surface: Surface = original.__self__
        return await surface.handle(request)


class IdentityRefusesBeforeTheBody(_RefusesBeforeTheBody):
    """RFC 9112 section 9.3: writes to the organization APIs without a token, before their bodies."""

    surface = "identity"


class RegistryRefusesBeforeTheBody(_RefusesBeforeTheBody):
    """RFC 9112 section 9.3: pushes without credentials, before their bodies."""

    surface = "registry"


class StorageRefusesBeforeTheBody(_RefusesBeforeTheBody):
    """RFC 9112 section 9.3: whatever a signature refuses, before its body."""

    surface = "storage"

    async def _refusal(self, original: Any, request: Request) -> Answer | None:
        return await original(request)


@variant(surface="identity")
def answers_compressed_where_requested(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.4: who accepts gzip gets it, and is told so."""
    accepted = request.headers.get("accept-encoding", "")
    if "gzip" in accepted and "gzip;q=0" not in accepted and answer.body:
        answer.body = gzip.compress(answer.body)
        answer.headers["Content-Encoding"] = "x-gzip" if answer.status == 404 else "gzip"
        answer.headers["Vary"] = "Accept-Encoding"
        del answer.headers["Content-Length"]
    return answer


class RegistryBehindAGuardOfFields(Variant):
    """RFC 9110 section 15.5.4: what stands before it may refuse fields that it alone sets, where callers send them."""

    surface = "registry"
    ITS_OWN = ("x-forwarded-user", "x-remote-user", "remote-user", "x-original-url", "x-rewrite-url")

    def intercept(self, request: Request) -> Answer | None:
        return refused_by_a_page() if any(each in request.headers for each in self.ITS_OWN) else None


@variant(surface="identity")
def behind_rules_against_attacks(request: Request) -> Answer | None:
    """RFC 9110 section 15.5.4: what stands before an API may refuse an address that reads like an attack."""
    decoded = unquote_plus(request.raw_path), unquote_plus(request.query_string)
    attacks = any(map(ATTACKS.search, decoded)) and request.raw_path.startswith("/api/")
    return refused_by_a_page() if attacks else None


class _BodiesBehindRulesAgainstAttacks(Variant):
    """Refuses a body in which there is what no honest text has, or a script, before anybody reads it."""

    def intercept(self, request: Request) -> Answer | None:
        return refused_by_a_page() if IN_BODIES.search(request.body) else None


class IdentityBodiesBehindRulesAgainstAttacks(_BodiesBehindRulesAgainstAttacks):
    """RFC 9110 section 15.5.4: in front of the token endpoint and of the organization APIs."""

    surface = "identity"


class WebhooksBodiesBehindRulesAgainstAttacks(_BodiesBehindRulesAgainstAttacks):
    """RFC 9110 section 15.5.4: in front of the webhooks, where events may have scripts in their texts."""

    surface = "webhooks"

    def intercept(self, request: Request) -> Answer | None:
        return refused_by_a_page() if b"\0" in request.body else None


def refused_by_a_page() -> Answer:
    """What a firewall says: 403 with a page for browsers."""
    refused = Answer(403, body=b"<html><title>Request blocked</title></html>")
    refused.headers["Content-Type"] = "text/html"
    return refused
