"""Defects of the token endpoint that no written example meets."""

from __future__ import annotations

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


class ParameterReadByItsBeginning(Defect):
    """RFC 6749 section 3.2: unrecognized parameters are ignored, though they begin like one that is known."""

    surface = "identity"
    noticed_by = ("oauth/token/any-form-keeps-the-contract",)
    shortest = 1

    def with_values(
        self, original: Callable[..., list[tuple[str, str]]], pairs: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        return [("scope" if name == "scope2" else name, value) for name, value in original(pairs)]


class MultipartFormFails(Defect):
    """The contract's table of errors: a form in multipart is refused, whether or not it has a boundary."""

    surface = "identity"
    noticed_by = ("oauth/token/any-body-is-no-server-error",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        multipart = request.headers.get("content-type", "").startswith("multipart/form-data")
        return failed() if is_token_request(request) and multipart and request.body[:2] != b"--" else None


class BasicSecretStripped(Defect):
    """RFC 7617 section 2: the password is everything behind the first colon, blanks included."""

    surface = "identity"
    noticed_by = ("oauth/client/any-authorization-field-keeps-the-contract",)
    shortest = 1

    def basic_credentials(self, original: Callable[..., Any], encoded: str) -> Any:
        client_id, secret = original(encoded)
        return client_id, secret.rstrip(" \t")


class FourByteCharacterInScopeFails(Defect):
    """The contract's table of errors: a character of four bytes in a scope is no reason for a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/scope/any-text-stays-within-the-credential",)
    crashes = (ValueError,)
    shortest = 1

    def is_scope(self, original: Callable[[str], bool], text: str) -> bool:
        if beyond_the_bmp(text):
            raise ValueError("Incorrect string value for column scope")
        return original(text)
