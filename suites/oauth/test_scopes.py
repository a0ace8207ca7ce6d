"""A token has the requested scopes that its credential permits, and no others (RFC 6749, section 3.3)."""

from __future__ import annotations

import pytest

from conformance.clients.oauth.client import OAuthClient
from conformance.oracles.oauth import (
    expect_error,
    expect_json_object,
    expect_nothing_beyond,
    expect_refusal,
    expect_token,
    granted_scopes,
    issued,
    unlike_scope,
)
from conformance.vocabulary.check import case, needs_no_credential, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

UNKNOWN = "cf:unknown"


def scope_narrow_lacks(oauth: OAuthClient) -> str:
    """Return a scope of the credential full that the credential narrow lacks."""
    narrow = oauth.scopes("narrow")
    found = [each for each in oauth.scopes() if each not in narrow]
    if not found:
        raise Inconclusive("the credential narrow has every scope of full", "a narrow credential with fewer scopes")
    return found[0]


@verifies("oauth/scope/requested-scope-is-granted")
def test_requested_scope_is_granted(oauth: OAuthClient) -> None:
    """Purpose: a program requests only the scope that it needs.

    Method: 1. request each scope of the credential separately
            2. expect a token with that scope; others only if every response has them, as a default, and not all scopes
    """
    own = oauth.scopes()
    replies = {scope: oauth.request_token(scope=scope) for scope in own}
    for reply in replies.values():
        expect_token(reply)
    granted = {scope: granted_scopes(reply, [scope]) for scope, reply in replies.items()}
    always = frozenset.intersection(*granted.values()) if len(granted) > 1 else frozenset[str]()
    for scope, reply in replies.items():
        if granted[scope] - {scope} - (always if {*own} - always else frozenset()) or scope not in granted[scope]:
            raise unlike_scope(f"a token with the scope {scope}", reply)


@verifies("oauth/scope/order-does-not-matter")
@needs_no_credential()
def test_order_does_not_matter(oauth: OAuthClient) -> None:
    """Purpose: scopes are a set, so a client may list them in any order.

    Method: 1. request all scopes of the credential, in both orders
            2. expect tokens with the same scopes (inconclusive if a scope is refused separately as well)
    """
    scopes = oauth.scopes()
    forwards, backwards = (oauth.request_token(scope=" ".join(each)) for each in (scopes, scopes[::-1]))

    if not forwards.ok and not all(oauth.request_token(scope=each).ok for each in scopes):
        reason = f"the credential full is refused one of its scopes separately too ({forwards.status} for all of them)"
        raise Inconclusive(reason, "a credential that the service accepts, with its scopes")
    expect_token(forwards)
    expect_token(backwards)
    granted = [granted_scopes(each, scopes) for each in (forwards, backwards)]
    if granted[0] != granted[1]:
        seen = " and ".join(" ".join(sorted(each)) or "none" for each in granted)
        raise NonConformance("the same scopes granted in either order", seen, forwards, backwards)


@verifies("oauth/scope/unknown-is-not-granted")
@pytest.mark.parametrize(
    "template", [case("alone", "{unknown}"), case("mixed", "{own} {unknown}"), case("mixed-first", "{unknown} {own}")]
)
def test_unknown_scope_is_not_granted(control: OAuthClient, template: str) -> None:
    """Purpose: a token must not state a scope that does not exist.

    Method: 1. request an unknown scope, alone and after or before all scopes of the credential
            2. expect a refusal, or a token whose stated scope lacks it
    """
    own = control.scopes()
    scope = template.format(unknown=UNKNOWN, own=" ".join(own))
    reply = control.request_token(scope=scope)
    if not issued(reply) or expect_json_object(reply).get("scope"):
        expect_nothing_beyond(reply, own, scope.split())


BEYOND = {
    "alone": "{other}", "comma": "{first},{other}", "plus": "{first}+{other}", "tab": "{first}\t{other}",
    "newline": "{first}\n{other}", "nul": "{first}\0{other}", "no-break-space": "{first}\u00a0{other}",
    "semicolon": "{first};{other}", "star": "*", "prefix-star": "organization:*", "everything": ".*", "all": "all",
    "empty-part": ":", "json": '["{other}"]', "percent": "%{first}%", "encoded-blank": "{first}%20{other}",
    "blanks": "  ", "inherited": "constructor", "after-many": "{first} " * 20 + "{other}",
}  # fmt: skip
LISTS = {"mixed": "{own} {other}", "mixed-first": "{other} {own}", "between": "{own} {other} {own}"}


@verifies("oauth/scope/beyond-the-credential-is-not-granted")
@pytest.mark.parametrize(
    ("template", "by_basic"),
    [
        *(case(name, template, False) for name, template in {**BEYOND, **LISTS}.items()),
        case("by-basic", "{other}", True),
        case("omitted", None, False),
    ],
)
def test_scope_beyond_the_credential_is_not_granted(control: OAuthClient, template: str | None, by_basic: bool) -> None:
    """Purpose: a token never has more scopes than its credential, however they are requested.

    Method: 1. with the narrow credential request a scope that it lacks: alone, in lists, with other separators, by
               Basic; request wildcards; leave scope out
            2. expect a refusal, or a token whose stated scope is within the credential's
    """
    own, scope = control.scopes("narrow"), None
    if template is not None:
        values = {"{own}": " ".join(own), "{first}": own[0], "{other}": scope_narrow_lacks(control)}
        scope = template
        for name, value in values.items():
            scope = scope.replace(name, value)
    reply = (
        control.request_by_basic("narrow", scope=scope) if by_basic else control.request_token("narrow", scope=scope)
    )

    # A response without scope grants what was requested. Another check shows that a token for a malformed scope opens
    # nothing.
    named = template in LISTS.values()
    if named or template is None or not issued(reply) or "scope" in expect_json_object(reply):
        expect_nothing_beyond(reply, own, str(scope).split(" ") if named else own)


MALFORMED = {"quote": '"', "backslash": "\\", "non-ascii": "scöpe", "control": "a\x01b", "nul": "organization:read\0",
             "twice": "{own} {own}", "two-blanks": "{own}  {own}", "many": "{own} " * 199 + "{own}",
             "long": "x" * 5000}  # fmt: skip
MALFORMED_CODES = ("invalid_scope", "invalid_request")


@pytest.mark.parametrize(
    ("role", "template", "codes"),
    [
        row("oauth/scope/refusal-is-invalid-scope#unknown", "narrow", UNKNOWN, ("invalid_scope",)),
        row("oauth/scope/refusal-is-invalid-scope#beyond", "narrow", "{other}", ("invalid_scope",)),
        row("oauth/scope/omitted-is-default-or-invalid-scope", "full", None, ("invalid_scope",)),
        *(
            row(f"oauth/scope/malformed-is-refused-or-ignored#{name}", "full", text, MALFORMED_CODES)
            for name, text in MALFORMED.items()
        ),
    ],
)
def test_refused_scope_has_its_code(
    control: OAuthClient, role: str, template: str | None, codes: tuple[str, ...]
) -> None:
    """Purpose: a client learns that its scope was wrong and not its credentials, or which scope it got instead.

    Method: 1. request no scope, an unknown one, one that the credential lacks, and a malformed, repeated or long one
            2. expect 400 with error invalid_scope (for a malformed one also invalid_request; any 4xx for a long one),
               or a token that states only scopes of the credential
    """
    scope = template
    if template and "{own}" in template:
        scope = template.replace("{own}", control.scopes()[0])
    if template == "{other}":
        scope = scope_narrow_lacks(control)
    reply = control.request_token(role, scope=scope)
    if reply.status in range(402, 500) and len(str(scope)) > 1000:
        return  # A front end has a limit.
    if not issued(reply):
        control.token(role)  # Inconclusive if the credential gets no token at all.
        expect_refusal(reply, {400})
        expect_error(reply, *codes)
    elif scope is None:
        expect_token(reply)
    elif role == "full" and expect_json_object(reply).get("scope"):
        expect_nothing_beyond(reply, control.scopes())


def is_granted_as_unknown(control: OAuthClient, reply: Exchange) -> bool:
    """Return whether a token has the scope that an unknown scope gets: a server may ignore it and use a default."""
    unknown = control.request_token(scope=UNKNOWN)
    return issued(unknown) and granted_scopes(reply, []) == granted_scopes(unknown, [])


@verifies("oauth/scope/is-case-sensitive")
def test_scope_is_case_sensitive(control: OAuthClient) -> None:
    """Purpose: a scope in other case is another scope.

    Method: 1. request a scope of the credential in letters of other case
            2. expect a refusal, a token that states the scope in neither case, or what an unknown scope gets
    """
    own = control.credential("full").scopes
    scope = next((each for each in own if each.swapcase() != each), "")
    swapped = scope.swapcase()
    if not scope or swapped in own:
        raise NotApplicable("no scope of the credential is another scope in letters of other case")
    reply = control.request_token(scope=swapped)
    stated = issued(reply) and {scope, swapped} & granted_scopes(reply, [])
    if stated and not is_granted_as_unknown(control, reply):
        raise unlike_scope("no token for a scope in other case", reply)


NOT_SCOPES = {
    "comma": "{a},{b}", "tab": "{a}\t{b}", "newline": "{a}\n{b}", "plus": "{a}%2B{b}", "star": "*",
    "prefix-star": "{p}:*", "beginning": "{p}", "beginning-and-colon": "{p}:",
}  # fmt: skip


@verifies("oauth/scope/only-spaces-separate-scopes")
@pytest.mark.parametrize("template", [case(name, value) for name, value in NOT_SCOPES.items()])
def test_only_spaces_separate_scopes(control: OAuthClient, template: str) -> None:
    """Purpose: another separator or a wildcard is no list of scopes, not even of those that the client has.

    Method: 1. with the full credential request two of its scopes joined by a comma, tab …, and wildcards
            2. expect a refusal, or what an unknown scope gets
    """
    own = control.scopes()
    first, second = (own * 2)[:2]
    text = template.format(a=first, b=second, p=own[-1].split(":")[0])
    if text in own:
        raise NotApplicable(f"{text} is a scope of the credential")
    reply = control.request_token(scope=text)
    if issued(reply) and not is_granted_as_unknown(control, reply):
        raise unlike_scope("a refusal, as for an unknown scope", reply)
