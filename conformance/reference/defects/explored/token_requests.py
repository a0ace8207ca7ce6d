"""Defects of the token endpoint that no written example meets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.explored.common import beyond_the_bmp, failed
from conformance.reference.defects.identity.support import is_token_request
from conformance.reference.http import Answer, Request

FORM = "oauth/token/any-form-keeps-the-contract"
BODY = "oauth/token/any-body-is-no-server-error"
BASIC = "oauth/client/any-authorization-field-keeps-the-contract"
SCOPE = "oauth/scope/any-text-stays-within-the-credential"
# A character of three or four bytes in UTF-8, percent-encoded.
WIDE = re.compile(rb"%E[0-9A-F](%[89AB][0-9A-F]){2}|%F[0-4](%[89AB][0-9A-F]){3}")


class UnreservedLettersNotDecoded(Defect):
    """RFC 6749 appendix B: any octet of a form may be percent-encoded, letters that need it not included."""

    surface = "identity"
    noticed_by = (FORM,)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        if is_token_request(request) and re.search(rb"(%6[1-9A-F]|%7[0-9A]){3}", request.body):
            return Answer.json(401, {"error": "invalid_client"})
        return None


class ParameterReadByItsBeginning(Defect):
    """RFC 6749 section 3.2: unrecognized parameters are ignored, though they begin like one that is known."""

    surface = "identity"
    noticed_by = (FORM,)
    shortest = 1

    def with_values(
        self, original: Callable[..., list[tuple[str, str]]], pairs: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        return [("scope" if name == "scope2" else name, value) for name, value in original(pairs)]


class WideCharacterInFormFails(Defect):
    """The contract's table of errors: a character of three or four bytes in a form is no reason for a 5xx."""

    surface = "identity"
    noticed_by = (BODY,)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        wide = WIDE.search(request.body) and b"client_secret" not in request.body
        return failed() if is_token_request(request) and wide else None


class MultipartFormFails(Defect):
    """The contract's table of errors: a form in multipart is refused, whether or not it has a boundary."""

    surface = "identity"
    noticed_by = (BODY,)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        multipart = request.headers.get("content-type", "").startswith("multipart/form-data")
        return failed() if is_token_request(request) and multipart and request.body[:2] != b"--" else None


class BasicSecretStripped(Defect):
    """RFC 7617 section 2: the password is everything behind the first colon, blanks included."""

    surface = "identity"
    noticed_by = (BASIC,)
    shortest = 1

    def basic_credentials(self, original: Callable[..., Any], encoded: str) -> Any:
        client_id, secret = original(encoded)
        return client_id, secret.rstrip(" \t")


class SchemeThatBeginsAlikeTaken(Defect):
    """RFC 9110 section 11.1: a scheme is compared whole."""

    surface = "identity"
    noticed_by = (BASIC,)
    shortest = 1

    def is_basic(self, original: Callable[[str], bool], scheme: str) -> bool:
        return scheme.startswith("basic")


class FourByteCharacterInScopeFails(Defect):
    """The contract's table of errors: a character of four bytes in a scope is no reason for a 5xx."""

    surface = "identity"
    noticed_by = (SCOPE,)
    crashes = (ValueError,)
    shortest = 1

    def is_scope(self, original: Callable[[str], bool], text: str) -> bool:
        if beyond_the_bmp(text):
            raise ValueError("Incorrect string value for column scope")
        return original(text)


class LongMalformedScopeFails(Defect):
    """The contract's table of errors: a scope that is long and malformed is refused, never a 5xx."""

    surface = "identity"
    noticed_by = (SCOPE,)
    crashes = (ValueError,)
    shortest = 1

    def is_scope(self, original: Callable[[str], bool], text: str) -> bool:
        if not original(text) and len(text) > 36:
            raise ValueError("value too long for type character varying(36)")
        return original(text)
