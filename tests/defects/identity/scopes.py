"""Defects that break the promise "A token carries exactly the requested scopes, limited to what the credential
permits"."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import SCOPES, Client
from conformance.reference.support.identity import edited, is_token_request, surface_of
from tests.defects.support.identity import INHERITED

Document = dict[str, Any]
Scopes = tuple[str, ...]

ROWS = (
    row(
        "scope-compared-without-case",
        "RFC 6749 section 3.3: scopes are compared without case.",
        "oauth/scope/is-case-sensitive",
        split_scopes=lambda original, text: original(text.lower()),
    ),
    row(
        "omitted-scope-grants-everything",
        "RFC 9700 section 2.3: an omitted scope grants more than the credential has.",
        "oauth/scope/beyond-the-credential-is-not-granted#omitted",
        default_scopes=lambda original, client: SCOPES,
    ),
    row(
        "scopes-split-at-commas",
        "RFC 6749 section 3.3: a comma separates scopes.",
        "oauth/scope/only-spaces-separate-scopes#comma",
        split_scopes=lambda original, text: original(text.replace(",", " ")),
    ),
    row(
        "list-of-scopes-refused",
        "RFC 6749 section 3.3: a list of scopes is refused.",
        "oauth/scope/order-does-not-matter",
        within_credential=lambda original, client, scopes: len(scopes) == 1 and original(client, scopes),
    ),
    row(
        "scope-all-is-everything",
        "RFC 6749 section 3.3: the scope all stands for all scopes.",
        "oauth/scope/beyond-the-credential-is-not-granted#all",
        granted_scopes=lambda original, client, asked: SCOPES if asked == "all" else original(client, asked),
    ),
    row(
        "documented-scope-replaced",
        "API Reference, Authentication: the token of the documented request has another scope.",
        "oauth/scope/documented-scope-is-granted",
        split_scopes=lambda original, text: ("project:read",) if text == "organization:read" else original(text),
    ),
)


@defect("authorization/matrix/stated-scope-is-enforced#narrow")
def granted_scope_not_stated(token_document: Any, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
    """RFC 6749 sections 3.3 and 5.1: a granted scope that differs from the requested one is not stated."""
    document = token_document(token, client, scopes)
    del document["scope"]
    return document


@defect("authorization/matrix/stated-scope-is-enforced#full")
async def default_scope_is_stated_only(token: Any, request: Request) -> Answer:
    """RFC 6749 section 3.3: the stated default scope differs from the scope of the token."""
    answer = await token(request)
    if b"scope=" in request.body or answer.status != 200:
        return answer
    surface = surface_of(token)
    form = surface.token_form(request)
    client = surface.find_client(form.get("client_id", ""))
    if client is None:
        return answer
    issued = surface.make_access_token(surface.access_token_claims(client, client.scopes[:1]))
    return edited(answer, lambda document: document.update(access_token=issued))


class ScopeBeyondGrantedInSilence(Defect):
    """RFC 6749 section 5.1: a scope beyond the credential is granted, and not stated."""

    noticed_by: ClassVar[tuple[str, ...]] = ("authorization/matrix/unstated-scope-opens-nothing#beyond",)
    silent = False

    def granted_scopes(self, original: Any, client: Client, requested: str | None) -> tuple[str, ...]:
        granted = self._in_silence(client, requested or "")
        self.silent = bool(granted)
        return granted or original(client, requested)

    def token_document(self, original: Any, *given: Any) -> dict[str, Any]:
        document = original(*given)
        return {name: value for name, value in document.items() if name != "scope" or not self.silent}

    def _in_silence(self, client: Client, requested: str) -> tuple[str, ...]:
        return (requested,) if requested in SCOPES and requested not in client.scopes else ()


class UnknownScopeIsEveryScope(ScopeBeyondGrantedInSilence):
    """RFC 6749 section 3.3: an unknown scope grants all scopes, and they are not stated."""

    noticed_by = ("authorization/matrix/unstated-scope-opens-nothing#capitals,comma,star,unknown",)

    def _in_silence(self, client: Client, requested: str) -> tuple[str, ...]:
        return client.scopes if requested and not set(requested.split(" ")) & set(SCOPES) else ()


def beyond_the_bmp(text: str) -> bool:
    """Return whether a character needs four bytes in UTF-8."""
    return any(ord(each) > 0xFFFF for each in text)


@defect("oauth/scope/any-text-stays-within-the-credential", crashes=(ValueError,), shortest=1)
def four_byte_character_in_scope_fails(is_scope: Any, text: str) -> bool:
    """The contract's table of errors: a character of four bytes in a scope is answered 500."""
    if beyond_the_bmp(text):
        raise ValueError("Incorrect string value for column scope")
    return is_scope(text)


@defect("oauth/scope/requested-scope-is-granted")
def narrowing_ignored(granted_scopes: Any, client: Client, requested: str | None) -> Scopes:
    """RFC 6749 section 3.3: a token has all scopes of the credential instead of the requested one."""
    granted_scopes(client, requested)
    return client.scopes


@defect("oauth/scope/requested-scope-is-granted")
def writing_needs_reading(within_credential: Any, client: Client, scopes: tuple[str, ...]) -> bool:
    """RFC 6749 section 3.3: a scope to write is refused without the scope to read."""
    return within_credential(client, scopes) and not ("project:write" in scopes and "project:read" not in scopes)


@defect("oauth/scope/requested-scope-is-granted")
def scope_stated_as_array(token_document: Any, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
    """RFC 6749 section 5.1: scope is an array instead of a string."""
    return token_document(token, client, scopes) | {"scope": list(scopes)}


@defect("oauth/scope/beyond-the-credential-is-not-granted#alone,between,by-basic,mixed,mixed-first")
def scope_beyond_credential_granted(within_credential: Any, client: Client, scopes: Scopes) -> bool:
    """API Reference, Permissions: a scope that the credential lacks is granted."""
    return set(scopes) <= set(SCOPES)


@defect("oauth/scope/malformed-is-refused-or-ignored#many,twice", crashes=(RuntimeError,))
def scope_twice_in_one_list_crashes(split_scopes: Any, text: str) -> tuple[str, ...]:
    """The contract's table of errors: a scope named twice in a list is answered 500."""
    scopes = split_scopes(text)
    if len(scopes) < len(text.split(" ")):
        raise RuntimeError("duplicate key value violates unique constraint")
    return scopes


@defect("oauth/scope/malformed-is-refused-or-ignored#long", crashes=(ValueError,))
def long_scope_crashes(is_scope: Any, text: str) -> bool:
    """RFC 6749 section 5.2: a long unknown scope is answered 500 instead of invalid_scope."""
    if len(text) > 4000:
        raise ValueError("value too long for the column")
    return is_scope(text)


class MalformedScopeGranted(Defect):
    """RFC 6749 section 3.3: a malformed scope is granted."""

    noticed_by = ("oauth/scope/malformed-is-refused-or-ignored#backslash,control,nul",)

    def is_scope(self, original: Any, text: str) -> bool:
        return True

    def within_credential(self, original: Any, client: Client, scopes: tuple[str, ...]) -> bool:
        malformed = any(re.search(r"[^\x21\x23-\x5b\x5d-\x7e]", scope) for scope in scopes)
        return malformed or original(client, scopes)


@defect("oauth/scope/malformed-is-refused-or-ignored#non-ascii,quote,two-blanks")
def malformed_scope_is_unauthorized(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: a malformed scope is unauthorized_client instead of invalid_scope."""
    if is_token_request(request) and b'"invalid_scope"' in answer.body and b"malformed" in answer.body:
        return edited(answer, lambda document: document.update(error="unauthorized_client"))
    return answer


@defect("oauth/scope/omitted-is-default-or-invalid-scope")
def omitted_scope_is403(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 3.3: an omitted scope is answered 403."""
    if is_token_request(request) and answer.status == 200 and b"scope=" not in request.body:
        return Answer.json(403, {"error": "access_denied"})
    return answer


@defect("oauth/scope/only-spaces-separate-scopes#beginning,beginning-and-colon")
def scope_found_by_its_beginning(granted_scopes: Any, client: Client, requested: str | None) -> Scopes:
    """RFC 6749 section 3.3: the beginning of a scope grants it."""
    begun = tuple(scope for scope in client.scopes if requested and scope.startswith(f"{requested.rstrip(':')}:"))
    return begun or granted_scopes(client, requested)


class ScopeGrammarNotChecked(Defect):
    """RFC 6749 section 3.3: the grammar of scopes is not checked."""

    noticed_by = ("oauth/scope/only-spaces-separate-scopes#newline,tab",)

    def is_scope(self, original: Any, text: str) -> bool:
        return True

    def split_scopes(self, original: Any, text: str) -> Scopes:
        return tuple(dict.fromkeys(re.split(r"[\s\x00-\x1f\x7f-\xa0]+", text.strip())))


@defect("oauth/scope/only-spaces-separate-scopes#prefix-star,star")
def wildcard_scope_granted(split_scopes: Any, text: str) -> Scopes:
    """RFC 6749 section 3.3: a scope with a wildcard is granted."""
    wildcards = [scope for scope in split_scopes(text) if "*" in scope]
    patterns = [re.compile(re.escape(scope).replace(r"\*", ".*")) for scope in wildcards]
    matched = tuple(scope for scope in SCOPES if any(pattern.fullmatch(scope) for pattern in patterns))
    return matched or split_scopes(text)


@defect("oauth/scope/order-does-not-matter")
def order_of_scopes_matters(within_credential: Any, client: Client, scopes: Scopes) -> bool:
    """RFC 6749 section 3.3: scopes in another order are refused."""
    return within_credential(client, scopes) and list(scopes) == [scope for scope in client.scopes if scope in scopes]


@defect("oauth/scope/order-does-not-matter")
def scopes_are_read_in_order(granted_scopes: Any, client: Client, requested: str | None) -> tuple[str, ...]:
    """RFC 6749 section 3.3: scopes in another order are refused: each is searched after the one before."""
    known = list(client.scopes)
    granted: list[str] = []
    for each in granted_scopes(client, requested):
        if each in known:
            granted.append(each)
            known = known[known.index(each) + 1 :]
    return tuple(granted)


@defect("oauth/scope/refusal-is-invalid-scope#beyond,unknown")
def invalid_scope_is403(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: invalid_scope is answered 403 instead of 400."""
    if is_token_request(request) and b'"invalid_scope"' in answer.body:
        answer.status = 403
    return answer


@defect("oauth/scope/beyond-the-credential-is-not-granted#inherited")
def inherited_scope_granted(within_credential: Any, client: Client, scopes: tuple[str, ...]) -> bool:
    """RFC 6749 section 3.3: the name of a member that every JavaScript object inherits is granted as a scope."""
    return within_credential(client, tuple(scope for scope in scopes if scope not in INHERITED))


@defect("oauth/scope/beyond-the-credential-is-not-granted#after-many")
def first_of_many_scopes_compared(granted_scopes: Any, client: Client, requested: str | None) -> Scopes:
    """RFC 6749 section 3.3: only the first scopes of a long list are checked."""
    named = (requested or "").split(" ")
    granted = granted_scopes(client, " ".join(named[:10]) if requested else requested)
    return (*granted, *(scope for scope in SCOPES if scope in named[10:] and scope not in granted))


@defect("oauth/scope/beyond-the-credential-is-not-granted#everything,prefix-star,star")
def wildcard_scope_widens(granted_scopes: Any, client: Client, requested: str | None) -> tuple[str, ...]:
    """RFC 6749 section 3.3: a scope with a wildcard grants scopes that the credential lacks."""
    return SCOPES if requested and "*" in requested else granted_scopes(client, requested)


@defect("oauth/scope/beyond-the-credential-is-not-granted#comma")
def scopes_after_a_comma_unchecked(granted_scopes: Any, client: Client, requested: str | None) -> tuple[str, ...]:
    """RFC 6749 section 3.3: the text after a comma in a scope is granted unchecked."""
    first, *others = (requested or "").split(",")
    return (*granted_scopes(client, first), *others) if others else granted_scopes(client, requested)


@defect(
    "oauth/scope/unknown-is-not-granted#alone,mixed,mixed-first", "oauth/scope/any-text-stays-within-the-credential"
)
def unknown_scope_granted(within_credential: Any, client: Client, scopes: Scopes) -> bool:
    """RFC 6749 section 3.3: an unknown scope is granted."""
    return within_credential(client, tuple(scope for scope in scopes if scope in SCOPES))
