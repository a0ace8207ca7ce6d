"""Variants of what is in front of a service: firewalls, proxies and compression."""

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

FIELDS_OF_PROXIES = ("x-forwarded-user", "x-remote-user", "remote-user", "x-original-url", "x-rewrite-url")

ATTACKS = re.compile(r"'\s*OR\s+'?1'?\s*=\s*'?1|[\0\r\n]|(^|/)[.][.](/|$)", re.IGNORECASE)
IN_BODIES = re.compile(rb"\0|%00|\\u0000|<script", re.IGNORECASE)


class _BehindAFirewall(Variant):
    """Refuses requests without User-Agent, and compresses if Accept-Encoding is missing."""

    def intercept(self, request: Request) -> Answer | None:
        return None if "user-agent" in request.headers else refused_by_a_page()

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.body and "accept-encoding" not in request.headers and "content-encoding" not in answer.headers:
            answer.body = gzip.compress(answer.body)
            answer.headers["Content-Encoding"] = "gzip"
            del answer.headers["Content-Length"]
        return answer


class IdentityBehindAFirewall(_BehindAFirewall):
    """RFC 9110 section 12.5.3: the token endpoint and the organization APIs behind a firewall."""

    surface = "identity"


class RegistryBehindAFirewall(_BehindAFirewall):
    """RFC 9110 section 12.5.3: the registry behind a firewall."""

    surface = "registry"


class StorageBehindAFirewall(_BehindAFirewall):
    """RFC 9110 section 12.5.3: the gateway behind a firewall."""

    surface = "storage"


class WebhooksBehindAFirewall(_BehindAFirewall):
    """RFC 9110 section 12.5.3: the webhooks behind a firewall."""

    surface = "webhooks"


class _RefusesBeforeTheBody(Variant):
    """Refuses a request by its head, before its body has come, and closes every other time."""

    impatient = True

    def __init__(self) -> None:
        self.refusals = itertools.count()

    async def refused_early(self, original: Any, request: Request) -> Answer | None:
        refusal = await self._refusal(original, request)
        if refusal is not None and next(self.refusals) % 2:
            refusal.headers["Connection"] = "close"
        return refusal

    async def _refusal(self, original: Any, request: Request) -> Answer | None:
        """Refuse a write without credentials, unless a form may contain them."""
        written = request.method in ("POST", "PUT", "PATCH") and "token" not in request.path
        if not written or "authorization" in request.headers:
            return None
        surface: Surface = original.__self__
        return await surface.handle(request)


class IdentityRefusesBeforeTheBody(_RefusesBeforeTheBody):
    """RFC 9112 section 9.3: writes without a token are refused before their bodies are read."""

    surface = "identity"


class RegistryRefusesBeforeTheBody(_RefusesBeforeTheBody):
    """RFC 9112 section 9.3: pushes without credentials are refused before their bodies are read."""

    surface = "registry"


class StorageRefusesBeforeTheBody(_RefusesBeforeTheBody):
    """RFC 9112 section 9.3: wrongly signed requests are refused before their bodies are read."""

    surface = "storage"

    async def _refusal(self, original: Any, request: Request) -> Answer | None:
        return await original(request)


@variant(surface="identity")
def answers_compressed_where_requested(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.4: responses are compressed for clients that accept gzip."""
    accepted = request.headers.get("accept-encoding", "")
    if "gzip" in accepted and "gzip;q=0" not in accepted and answer.body:
        answer.body = gzip.compress(answer.body)
        answer.headers["Content-Encoding"] = "x-gzip" if answer.status == 404 else "gzip"
        answer.headers["Vary"] = "Accept-Encoding"
        del answer.headers["Content-Length"]
    return answer


@variant(surface="registry")
def registry_behind_a_guard_of_fields(request: Request) -> Answer | None:
    """RFC 9110 section 15.5.4: a proxy may refuse fields that only it may set."""
    return refused_by_a_page() if any(each in request.headers for each in FIELDS_OF_PROXIES) else None


@variant(surface="identity")
def behind_rules_against_attacks(request: Request) -> Answer | None:
    """RFC 9110 section 15.5.4: a firewall may refuse an address that resembles an attack."""
    decoded = unquote_plus(request.raw_path), unquote_plus(request.query_string)
    attacks = any(map(ATTACKS.search, decoded)) and request.raw_path.startswith("/api/")
    return refused_by_a_page() if attacks else None


class _BodiesBehindRulesAgainstAttacks(Variant):
    """Refuses a body with control characters or a script."""

    def intercept(self, request: Request) -> Answer | None:
        return refused_by_a_page() if IN_BODIES.search(request.body) else None


class IdentityBodiesBehindRulesAgainstAttacks(_BodiesBehindRulesAgainstAttacks):
    """RFC 9110 section 15.5.4: a firewall checks the bodies of token and organization requests."""

    surface = "identity"


class WebhooksBodiesBehindRulesAgainstAttacks(_BodiesBehindRulesAgainstAttacks):
    """RFC 9110 section 15.5.4: a firewall checks the bodies of events, except for scripts."""

    surface = "webhooks"

    def intercept(self, request: Request) -> Answer | None:
        return refused_by_a_page() if b"\0" in request.body else None


def refused_by_a_page() -> Answer:
    """Return a firewall's refusal: 403 with a page for browsers."""
    refused = Answer(403, body=b"<html><title>Request blocked</title></html>")
    refused.headers["Content-Type"] = "text/html"
    return refused
