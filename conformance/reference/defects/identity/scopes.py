"""Defects in which scopes a token gets, and what each scope opens."""

from __future__ import annotations

import re
from collections.abc import Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import is_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import SCOPES, Client

Scopes = tuple[str, ...]
Within = Callable[[Client, Scopes], bool]


class UnknownScopeGranted(Defect):
    """RFC 6749 section 3.3: an unknown scope is not granted."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/unknown-is-not-granted#alone",
        "oauth/scope/unknown-is-not-granted#mixed",
        "oauth/scope/unknown-is-not-granted#mixed-first",
        "oauth/scope/any-text-stays-within-the-credential",
    )

    def within_credential(self, original: Within, client: Client, scopes: Scopes) -> bool:
        return original(client, tuple(scope for scope in scopes if scope in SCOPES))


class ScopeBeyondCredentialGranted(Defect):
    """API Reference, Permissions: a token never has a scope that its credential was not given."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/beyond-the-credential-is-not-granted#alone",
        "oauth/scope/beyond-the-credential-is-not-granted#between",
        "oauth/scope/beyond-the-credential-is-not-granted#by-basic",
        "oauth/scope/beyond-the-credential-is-not-granted#mixed",
        "oauth/scope/beyond-the-credential-is-not-granted#mixed-first",
    )

    def within_credential(self, original: Within, client: Client, scopes: Scopes) -> bool:
        return set(scopes) <= set(SCOPES)


class ListOfScopesRefused(Defect):
    """RFC 6749 section 3.3: scope is a list, with blanks between."""

    surface = "identity"
    noticed_by = ("oauth/scope/order-does-not-matter",)

    def within_credential(self, original: Within, client: Client, scopes: Scopes) -> bool:
        return len(scopes) == 1 and original(client, scopes)


class ScopeComparedWithoutCase(Defect):
    """RFC 6749 section 3.3: scope strings are case-sensitive."""

    surface = "identity"
    noticed_by = ("oauth/scope/is-case-sensitive",)

    def split_scopes(self, original: Callable[[str], Scopes], text: str) -> Scopes:
        return original(text.lower())


class ScopesSplitAtCommas(Defect):
    """RFC 6749 section 3.3: scopes are delimited by single spaces; a comma is part of a name."""

    surface = "identity"
    noticed_by = ("oauth/scope/only-names-between-blanks-are-scopes#comma",)

    def split_scopes(self, original: Callable[[str], Scopes], text: str) -> Scopes:
        return original(text.replace(",", " "))


class ScopeGrammarNotChecked(Defect):
    """RFC 6749 section 3.3: a scope outside the grammar is invalid."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/only-names-between-blanks-are-scopes#newline",
        "oauth/scope/only-names-between-blanks-are-scopes#tab",
    )

    def is_scope(self, original: Callable[[str], bool], text: str) -> bool:
        return True

    def split_scopes(self, original: Callable[[str], Scopes], text: str) -> Scopes:
        return tuple(dict.fromkeys(re.split(r"[\s\x00-\x1f\x7f-\xa0]+", text.strip())))


class WildcardScopeGranted(Defect):
    """RFC 6749 section 3.3: a scope is one of the documented names; there is no wildcard."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/only-names-between-blanks-are-scopes#prefix-star",
        "oauth/scope/only-names-between-blanks-are-scopes#star",
    )

    def split_scopes(self, original: Callable[[str], Scopes], text: str) -> Scopes:
        asked = [scope for scope in original(text) if "*" in scope]
        patterns = [re.compile(re.escape(scope).replace(r"\*", ".*")) for scope in asked]
        matched = tuple(scope for scope in SCOPES if any(pattern.fullmatch(scope) for pattern in patterns))
        return matched or original(text)


class ScopeAllIsEverything(Defect):
    """RFC 6749 section 3.3: a scope is one of the documented names; no word stands for all of them."""

    surface = "identity"
    noticed_by = ("oauth/scope/tricks-never-widen#all",)

    def granted_scopes(
        self, original: Callable[[Client, str | None], Scopes], client: Client, asked: str | None
    ) -> Scopes:
        return SCOPES if asked == "all" else original(client, asked)


class FirstOfManyScopesCompared(Defect):
    """RFC 6749 section 3.3: a scope beyond the credential is refused, however many stand before it."""

    surface = "identity"
    noticed_by = ("oauth/scope/tricks-never-widen#behind-many",)

    def granted_scopes(
        self, original: Callable[[Client, str | None], Scopes], client: Client, asked: str | None
    ) -> Scopes:
        named = (asked or "").split(" ")
        granted = original(client, " ".join(named[:10]) if asked else asked)
        return (*granted, *(scope for scope in SCOPES if scope in named[10:] and scope not in granted))


class OmittedScopeGrantsEverything(Defect):
    """RFC 9700 section 2.3: leaving scope out gives no more than the credential has."""

    surface = "identity"
    noticed_by = ("oauth/scope/omitted-never-exceeds-the-credential",)

    def default_scopes(self, original: Callable[[Client], Scopes], client: Client) -> Scopes:
        return SCOPES


class OmittedScopeRefused(Defect):
    """Credentials & Webhooks: grant_type, client_id and client_secret are enough for a token."""

    surface = "identity"
    noticed_by = ("oauth/token/scope-may-be-left-out",)

    def default_scopes(self, original: Callable[[Client], Scopes], client: Client) -> Scopes:
        raise Refused(surface_of(original).oauth_error(400, "invalid_scope", "scope is missing"))


class NarrowingIgnored(Defect):
    """RFC 6749 section 3.3: a token has no more than was asked for."""

    surface = "identity"
    noticed_by = ("oauth/scope/asked-is-granted",)

    def granted_scopes(
        self, original: Callable[[Client, str | None], Scopes], client: Client, asked: str | None
    ) -> Scopes:
        original(client, asked)
        return client.scopes


class OrderOfScopesMatters(Defect):
    """RFC 6749 section 3.3: the order of scopes does not matter."""

    surface = "identity"
    noticed_by = ("oauth/scope/order-does-not-matter",)

    def within_credential(self, original: Within, client: Client, scopes: Scopes) -> bool:
        return original(client, scopes) and list(scopes) == [scope for scope in client.scopes if scope in scopes]


class InvalidScopeIs403(Defect):
    """RFC 6749 section 5.2: invalid_scope is answered with 400."""

    surface = "identity"
    noticed_by = ("oauth/scope/refusal-is-invalid-scope#beyond", "oauth/scope/refusal-is-invalid-scope#unknown")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and b'"invalid_scope"' in answer.body:
            answer.status = 403
        return answer


class AnyScopeOpensEverything(Defect):
    """The contract's table of errors: 403 where a valid token lacks the scope."""

    surface = "identity"
    noticed_by = (
        "authorization/matrix/lacking-scope-is-403#create",
        "authorization/matrix/lacking-scope-is-403#delete",
        "authorization/matrix/lacking-scope-is-403#read",
        "authorization/matrix/lacking-scope-is-403#read-item",
        "authorization/matrix/lacking-scope-is-403#update",
        "errors/table/403-lacking-scope",
    )

    def has_scope(self, original: Callable[[Caller, str], bool], caller: Caller, scope: str) -> bool:
        return True


class NeededScopeRefused(Defect):
    """API Reference, Permissions: the scope of an operation opens it without a second one."""

    surface = "identity"
    noticed_by = (
        "authorization/matrix/needed-scope-opens#create",
        "authorization/matrix/needed-scope-opens#delete",
        "authorization/matrix/needed-scope-opens#read",
        "authorization/matrix/needed-scope-opens#read-item",
        "authorization/matrix/needed-scope-opens#update",
    )

    def has_scope(self, original: Callable[[Caller, str], bool], caller: Caller, scope: str) -> bool:
        return original(caller, scope) and original(caller, "organization:read")


class LongScopeCrashes(Defect):
    """RFC 6749 section 5.2: a scope of which there is none is invalid_scope, however long it is."""

    surface = "identity"
    noticed_by = ("oauth/scope/malformed-is-refused-or-ignored#long",)
    crashes = (ValueError,)

    def is_scope(self, original: Callable[[str], bool], text: str) -> bool:
        if len(text) > 4000:
            raise ValueError("value too long for the column")
        return original(text)


class MalformedScopeGranted(Defect):
    """RFC 6749 section 3.3: text outside the grammar of scope is not granted as if it were one."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/malformed-is-refused-or-ignored#backslash",
        "oauth/scope/malformed-is-refused-or-ignored#control",
        "oauth/scope/malformed-is-refused-or-ignored#nul",
    )

    def is_scope(self, original: Callable[[str], bool], text: str) -> bool:
        return True

    def within_credential(self, original: Callable[..., bool], client: Client, scopes: tuple[str, ...]) -> bool:
        malformed = any(re.search(r"[^\x21\x23-\x5b\x5d-\x7e]", scope) for scope in scopes)
        return malformed or original(client, scopes)
