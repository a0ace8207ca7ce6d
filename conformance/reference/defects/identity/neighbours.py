"""Promises that are kept where they are mostly looked at, and not by some methods, or between two others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jwt

from conformance.reference.defects.base import Defect
from conformance.reference.http import Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.seeds import Client

Claims = dict[str, Any]


class _SignatureNotVerified(Defect):
    """The signature of a token is not looked at by some methods."""

    methods: ClassVar[tuple[str, ...]]
    overlooked = False

    def caller(self, original: Callable[[Request], Caller], request: Request) -> Caller:
        self.overlooked = request.method in self.methods
        return original(request)

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        try:
            unproved: Claims = jwt.decode(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, RecursionError):
            return original(token)
        return unproved if self.overlooked else original(token)


class SignatureOfChangesNotVerified(_SignatureNotVerified):
    """RFC 9068 section 4: the signature is validated, by the service that writes as by the one that reads."""

    surface = "identity"
    noticed_by = ("authorization/bearer/invalid-token-is-401",)
    methods = ("POST", "PUT", "PATCH", "DELETE")


class SignatureOfHeadsNotVerified(_SignatureNotVerified):
    """RFC 9110 section 9.3.2: HEAD is GET without content, and a token that was altered opens neither."""

    surface = "identity"
    noticed_by = ("authorization/bearer/invalid-token-is-401",)
    methods = ("HEAD",)


class FirstAndLastScopeAloneChecked(Defect):
    """API Reference, Permissions: a token never has a scope beyond its credential, wherever in the list that stood."""

    surface = "identity"
    noticed_by = ("oauth/scope/beyond-the-credential-is-not-granted",)

    def split_scopes(self, original: Callable[[str], tuple[str, ...]], text: str) -> tuple[str, ...]:
        return tuple(text.split(" "))

    def within_credential(
        self, original: Callable[[Client, tuple[str, ...]], bool], client: Client, scopes: tuple[str, ...]
    ) -> bool:
        return original(client, (scopes[0], scopes[-1]))
