"""Defects that break the promise "A token carries exactly the requested scopes, limited to what the credential
permits"."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import SCOPES, Client
from conformance.reference.support.identity import edited, is_token_request, surface_of
from tests.defects.rows import row
from tests.defects.support.identity import INHERITED

Document = dict[str, Any]
Documents = Callable[[str, Client, tuple[str, ...]], dict[str, Any]]
Granted = Callable[[Client, str | None], tuple[str, ...]]
Scopes = tuple[str, ...]
Within = Callable[[Client, tuple[str, ...]], bool]

ROWS = (
    row(
        "scope-compared-without-case",
        "RFC 6749 section 3.3: scope strings are case-sensitive.",
        "oauth/scope/is-case-sensitive",
        split_scopes=lambda original, text: original(text.lower()),
    ),
    row(
        "omitted-scope-grants-everything",
        "RFC 9700 section 2.3: leaving scope out gives no more than the credential has.",
        "oauth/scope/beyond-the-credential-is-not-granted#omitted",
        default_scopes=lambda original, client: SCOPES,
    ),
    row(
        "scopes-split-at-commas",
        "RFC 6749 section 3.3: scopes are delimited by single spaces; a comma is part of a name.",
        "oauth/scope/only-spaces-separate-scopes#comma",
        split_scopes=lambda original, text: original(text.replace(",", " ")),
    ),
    row(
        "list-of-scopes-refused",
        "RFC 6749 section 3.3: scope is a list, with blanks between.",
        "oauth/scope/order-does-not-matter",
        within_credential=lambda original, client, scopes: len(scopes) == 1 and original(client, scopes),
    ),
    row(
        "scope-all-is-everything",
        "RFC 6749 section 3.3: a scope is one of the documented names; no word stands for all of them.",
        "oauth/scope/beyond-the-credential-is-not-granted#all",
        granted_scopes=lambda original, client, asked: SCOPES if asked == "all" else original(client, asked),
    ),
    row(
        "documented-scope-replaced",
        "API Reference, Authentication: the token of the documented request has the scope that it names.",
        "oauth/scope/documented-scope-is-granted",
        split_scopes=lambda original, text: ("project:read",) if text == "organization:read" else original(text),
    ),
)


class GrantedScopeNotStated(Defect):
    """RFC 6749 sections 3.3 and 5.1: a scope that is not the one asked for is stated."""

    surface = "identity"
    noticed_by = ("authorization/matrix/stated-scope-is-enforced#narrow",)

    def token_document(self, original: Documents, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
        document = original(token, client, scopes)
        del document["scope"]
        return document


class DefaultScopeIsStatedOnly(Defect):
    """RFC 6749 section 3.3: the scope that is stated for a request without one is that of its token."""

    surface = "identity"
    noticed_by = ("authorization/matrix/stated-scope-is-enforced#full",)

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        answer = await original(request)
        if b"scope=" in request.body or answer.status != 200:
            return answer
        surface = surface_of(original)
        form = surface.token_form(request)
        client = surface.find_client(form.get("client_id", ""))
        if client is None:
            return answer
        token = surface.make_access_token(surface.access_token_claims(client, client.scopes[:1]))
        return edited(answer, lambda document: document.update(access_token=token))


class ScopeBeyondGrantedInSilence(Defect):
    """RFC 6749 section 5.1: a scope that is not stated is the one that was asked for, and not more than is had."""

    surface = "identity"
    noticed_by: ClassVar[tuple[str, ...]] = ("authorization/matrix/unstated-scope-opens-nothing#beyond",)
    silent = False

    def granted_scopes(
        self, original: Callable[[Client, str | None], tuple[str, ...]], client: Client, asked: str | None
    ) -> tuple[str, ...]:
        granted = self._in_silence(client, asked or "")
        self.silent = bool(granted)
        return granted or original(client, asked)

    def token_document(self, original: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
        document = original(*given)
        return {name: value for name, value in document.items() if name != "scope" or not self.silent}

    def _in_silence(self, client: Client, asked: str) -> tuple[str, ...]:
        return (asked,) if asked in SCOPES and asked not in client.scopes else ()


class UnknownScopeIsEveryScope(ScopeBeyondGrantedInSilence):
    """RFC 6749 section 3.3: a scope that is ignored does not stand for all others, without a word of that."""

    noticed_by = (
        "authorization/matrix/unstated-scope-opens-nothing#capitals",
        "authorization/matrix/unstated-scope-opens-nothing#comma",
        "authorization/matrix/unstated-scope-opens-nothing#star",
        "authorization/matrix/unstated-scope-opens-nothing#unknown",
    )

    def _in_silence(self, client: Client, asked: str) -> tuple[str, ...]:
        return client.scopes if asked and not set(asked.split(" ")) & set(SCOPES) else ()


def beyond_the_bmp(text: str) -> bool:
    """Whether a character needs four bytes in UTF-8."""
    return any(ord(each) > 0xFFFF for each in text)


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


class NarrowingIgnored(Defect):
    """RFC 6749 section 3.3: a token has no more than was asked for."""

    surface = "identity"
    noticed_by = ("oauth/scope/requested-scope-is-granted",)

    def granted_scopes(
        self, original: Callable[[Client, str | None], Scopes], client: Client, asked: str | None
    ) -> Scopes:
        original(client, asked)
        return client.scopes


class WritingNeedsReading(Defect):
    """RFC 6749 section 3.3: each scope of a credential can be asked for, without another one beside it."""

    surface = "identity"
    noticed_by = ("oauth/scope/requested-scope-is-granted",)

    def within_credential(
        self, original: Callable[[Client, tuple[str, ...]], bool], client: Client, scopes: tuple[str, ...]
    ) -> bool:
        return original(client, scopes) and not ("project:write" in scopes and "project:read" not in scopes)


class ScopeStatedAsArray(Defect):
    """RFC 6749 section 5.1: scope is a string of space-delimited values."""

    surface = "identity"
    noticed_by = ("oauth/scope/requested-scope-is-granted",)

    def token_document(self, original: Documents, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
        return original(token, client, scopes) | {"scope": list(scopes)}


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


class ScopeTwiceInOneListCrashes(Defect):
    """The contract's table of errors: a scope that stands twice in a list is no reason for a 5xx."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/malformed-is-refused-or-ignored#many",
        "oauth/scope/malformed-is-refused-or-ignored#twice",
    )
    crashes = (RuntimeError,)

    def split_scopes(self, original: Callable[[str], tuple[str, ...]], text: str) -> tuple[str, ...]:
        scopes = original(text)
        if len(scopes) < len(text.split(" ")):
            raise RuntimeError("duplicate key value violates unique constraint")
        return scopes


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


class _ScopeRefusedAs(Defect):
    """Refuses some scopes under another code than invalid_scope."""

    code: ClassVar[str] = ""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and b'"invalid_scope"' in answer.body and self._is_meant(answer):
            return edited(answer, lambda document: document.update(error=self.code))
        return answer

    def _is_meant(self, answer: Answer) -> bool:
        raise NotImplementedError


class MalformedScopeIsUnauthorized(_ScopeRefusedAs):
    """RFC 6749 section 5.2: invalid_scope is for a scope that is malformed."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/malformed-is-refused-or-ignored#non-ascii",
        "oauth/scope/malformed-is-refused-or-ignored#quote",
        "oauth/scope/malformed-is-refused-or-ignored#two-blanks",
    )
    code = "unauthorized_client"

    def _is_meant(self, answer: Answer) -> bool:
        return b"malformed" in answer.body


class OmittedScopeIs403(Defect):
    """RFC 6749 section 3.3: an omitted scope has a default, or is refused as invalid_scope."""

    surface = "identity"
    noticed_by = ("oauth/scope/omitted-is-default-or-invalid-scope",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 200 and b"scope=" not in request.body:
            return Answer.json(403, {"error": "access_denied"})
        return answer


class ScopeNotAskedIsInvalidRequest(Defect):
    """RFC 6749 section 3.3: without a scope the server takes its default, or fails with invalid_scope."""

    surface = "identity"
    noticed_by = ("oauth/scope/omitted-is-default-or-invalid-scope",)

    def default_scopes(self, original: Callable[[Client], tuple[str, ...]], client: Client) -> tuple[str, ...]:
        raise Refused(surface_of(original).oauth_error(400, "invalid_request", "scope is missing"))


class ScopeFoundByItsBeginning(Defect):
    """RFC 6749 section 3.3: a scope is a name, compared whole; its beginning stands for nothing."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/only-spaces-separate-scopes#beginning",
        "oauth/scope/only-spaces-separate-scopes#beginning-and-colon",
    )

    def granted_scopes(self, original: Granted, client: Client, asked: str | None) -> Scopes:
        begun = tuple(scope for scope in client.scopes if asked and scope.startswith(f"{asked.rstrip(':')}:"))
        return begun or original(client, asked)


class ScopeGrammarNotChecked(Defect):
    """RFC 6749 section 3.3: a scope outside the grammar is invalid."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/only-spaces-separate-scopes#newline",
        "oauth/scope/only-spaces-separate-scopes#tab",
    )

    def is_scope(self, original: Callable[[str], bool], text: str) -> bool:
        return True

    def split_scopes(self, original: Callable[[str], Scopes], text: str) -> Scopes:
        return tuple(dict.fromkeys(re.split(r"[\s\x00-\x1f\x7f-\xa0]+", text.strip())))


class WildcardScopeGranted(Defect):
    """RFC 6749 section 3.3: a scope is one of the documented names; there is no wildcard."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/only-spaces-separate-scopes#prefix-star",
        "oauth/scope/only-spaces-separate-scopes#star",
    )

    def split_scopes(self, original: Callable[[str], Scopes], text: str) -> Scopes:
        asked = [scope for scope in original(text) if "*" in scope]
        patterns = [re.compile(re.escape(scope).replace(r"\*", ".*")) for scope in asked]
        matched = tuple(scope for scope in SCOPES if any(pattern.fullmatch(scope) for pattern in patterns))
        return matched or original(text)


class OrderOfScopesMatters(Defect):
    """RFC 6749 section 3.3: the order of scopes does not matter."""

    surface = "identity"
    noticed_by = ("oauth/scope/order-does-not-matter",)

    def within_credential(self, original: Within, client: Client, scopes: Scopes) -> bool:
        return original(client, scopes) and list(scopes) == [scope for scope in client.scopes if scope in scopes]


class ScopesAreReadInOrder(Defect):
    """RFC 6749 section 3.3: the order of scopes does not matter (each is looked for behind the one before it)."""

    surface = "identity"
    noticed_by = ("oauth/scope/order-does-not-matter",)

    def granted_scopes(
        self, original: Callable[[Client, str | None], tuple[str, ...]], client: Client, asked: str | None
    ) -> tuple[str, ...]:
        known = list(client.scopes)
        granted: list[str] = []
        for each in original(client, asked):
            if each in known:
                granted.append(each)
                known = known[known.index(each) + 1 :]
        return tuple(granted)


class InvalidScopeIs403(Defect):
    """RFC 6749 section 5.2: invalid_scope is answered with 400."""

    surface = "identity"
    noticed_by = ("oauth/scope/refusal-is-invalid-scope#beyond", "oauth/scope/refusal-is-invalid-scope#unknown")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and b'"invalid_scope"' in answer.body:
            answer.status = 403
        return answer


class ScopeBeyondIsUnauthorized(_ScopeRefusedAs):
    """RFC 6749 section 5.2: invalid_scope is for a scope that is unknown or exceeds what was granted."""

    surface = "identity"
    noticed_by = ("oauth/scope/refusal-is-invalid-scope#beyond",)
    code = "unauthorized_client"

    def _is_meant(self, answer: Answer) -> bool:
        return b"exceeds" in answer.body


class InheritedScopeGranted(Defect):
    """RFC 6749 section 3.3: a scope that is the name of what objects inherit is an unknown one."""

    surface = "identity"
    noticed_by = ("oauth/scope/beyond-the-credential-is-not-granted#inherited",)

    def within_credential(
        self, original: Callable[[Client, tuple[str, ...]], bool], client: Client, scopes: tuple[str, ...]
    ) -> bool:
        return original(client, tuple(scope for scope in scopes if scope not in INHERITED))


class FirstOfManyScopesCompared(Defect):
    """RFC 6749 section 3.3: a scope beyond the credential is refused, however many stand before it."""

    surface = "identity"
    noticed_by = ("oauth/scope/beyond-the-credential-is-not-granted#after-many",)

    def granted_scopes(
        self, original: Callable[[Client, str | None], Scopes], client: Client, asked: str | None
    ) -> Scopes:
        named = (asked or "").split(" ")
        granted = original(client, " ".join(named[:10]) if asked else asked)
        return (*granted, *(scope for scope in SCOPES if scope in named[10:] and scope not in granted))


class WildcardScopeWidens(Defect):
    """RFC 6749 section 3.3: a scope is a name; none stands for others, least of all for those one lacks."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/beyond-the-credential-is-not-granted#everything",
        "oauth/scope/beyond-the-credential-is-not-granted#prefix-star",
        "oauth/scope/beyond-the-credential-is-not-granted#star",
    )

    def granted_scopes(self, original: Granted, client: Client, asked: str | None) -> tuple[str, ...]:
        return SCOPES if asked and "*" in asked else original(client, asked)


class ScopesBehindACommaUnchecked(Defect):
    """RFC 6749 section 3.3: what follows a comma is part of the name, and is checked with it."""

    surface = "identity"
    noticed_by = ("oauth/scope/beyond-the-credential-is-not-granted#comma",)

    def granted_scopes(self, original: Granted, client: Client, asked: str | None) -> tuple[str, ...]:
        first, *others = (asked or "").split(",")
        return (*original(client, first), *others) if others else original(client, asked)


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
