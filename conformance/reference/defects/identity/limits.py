"""Defects of the rate limit on the token endpoint."""

from __future__ import annotations

from collections.abc import Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import LimitShared, surface_of
from conformance.reference.http import Answer
from conformance.reference.seeds import Client

Wait = Callable[[Client, int, float], float]
Exceeded = Callable[[float], Answer]


class LimitNotEnforced(Defect):
    """The contract's table of errors: 429 above the rate limit."""

    surface = "identity"
    noticed_by = ("errors/429/above-the-limit",)

    def seconds_until_allowed(self, original: Wait, client: Client, requests: int, seconds: float) -> float:
        return 0.0


class LimitTwiceAsHigh(Defect):
    """The stated rate limit is the one that is kept."""

    surface = "identity"
    noticed_by = ("errors/429/limit-is-the-stated-one",)

    def seconds_until_allowed(self, original: Wait, client: Client, requests: int, seconds: float) -> float:
        return original(client, requests * 2, seconds)


class LimitHalfAsHigh(Defect):
    """The stated rate limit is the one that is kept: as many requests are let through."""

    surface = "identity"
    noticed_by = ("errors/429/limit-is-the-stated-one",)

    def seconds_until_allowed(self, original: Wait, client: Client, requests: int, seconds: float) -> float:
        return original(client, requests // 2, seconds)


class LimitExceededIsInvalidClient(Defect):
    """The contract's table of errors: 429 above the rate limit; the right secret is never told to be wrong."""

    surface = "identity"
    noticed_by = ("errors/429/above-the-limit",)

    def limit_exceeded(self, original: Exceeded, wait: float) -> Answer:
        return surface_of(original).client_refused("wrong secret")


class RetryAfterIsAFraction(Defect):
    """RFC 9110 section 10.2.3: Retry-After is a date or a whole number of seconds."""

    surface = "identity"
    noticed_by = ("errors/429/retry-after-is-told",)

    def limit_exceeded(self, original: Exceeded, wait: float) -> Answer:
        answer = original(wait)
        answer.headers["Retry-After"] = f"{wait:.3f}"
        return answer


class RefusedRequestsProlongTheWait(Defect):
    """RFC 9110 section 10.2.3: after Retry-After a request is let through, though others were refused meanwhile."""

    surface = "identity"
    noticed_by = ("errors/429/served-after-retry-after",)

    def seconds_until_allowed(self, original: Wait, client: Client, requests: int, seconds: float) -> float:
        wait = original(client, requests, seconds)
        if wait > 0:
            surface = surface_of(original)
            window = surface.window_of(client)
            window.extend([surface.monotonic() + 1] * len(window))
        return wait


class LimitSharedByAll(LimitShared, Defect):
    """OWASP API4: one credential's haste is not the trouble of another organization's."""

    surface = "identity"
    noticed_by = ("errors/429/others-are-served",)

    def _shared_by(self, client: Client) -> str:
        return "all"
