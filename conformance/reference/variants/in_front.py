"""What stands in front of services and speaks for them: each surface behind a firewall that also compresses."""

from __future__ import annotations

import gzip

from conformance.reference.defects.base import Variant
from conformance.reference.http import Answer, Request


class _BehindAFirewall(Variant):
    """Refuses who does not say who asks, and compresses for who does not say how content may come.

    RFC 9110 section 10.1.5: a user agent should send User-Agent; common rules of firewalls take one that does not for
    an attack. Section 12.5.3: without Accept-Encoding any content coding is acceptable.
    """

    def intercept(self, request: Request) -> Answer | None:
        if "user-agent" in request.headers:
            return None
        refused = Answer(403, body=b"<html><title>Request blocked</title></html>")
        refused.headers["Content-Type"] = "text/html"
        return refused

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


class AnswersCompressedWhereAsked(Variant):
    """RFC 9110 section 8.4: who accepts gzip gets it, and is told so."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "gzip" in request.headers.get("accept-encoding", "") and answer.body:
            answer.body = gzip.compress(answer.body)
            answer.headers["Content-Encoding"] = "x-gzip" if answer.status == 404 else "gzip"
            answer.headers["Vary"] = "Accept-Encoding"
            del answer.headers["Content-Length"]
        return answer
