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
from conformance.vocabulary.check import case, of_strangers, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

UNKNOWN = "cf:unknown"


def beyond_narrow(oauth: OAuthClient) -> str:
    """A scope that the credential narrow was not given, though it exists."""
    narrow = oauth.scopes("narrow")
    found = [each for each in oauth.scopes() if each not in narrow]
    if not found:
        raise Inconclusive("the credential narrow has every scope of full", "a narrow credential with fewer scopes")
    return found[0]


@verifies("oauth/scope/asked-is-granted")
def test_asked_scope_is_granted(oauth: OAuthClient) -> None:
    """Purpose: each scope of a credential can be had alone.

    Method: 1. ask for each scope of the credential by itself
            2. expect a token whose granted scope is that one; beside it those alone that are granted and stated each
               time, as a default may be, unless they are all
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
@of_strangers()
def test_order_does_not_matter(oauth: OAuthClient) -> None:
    """Purpose: the order in which scopes are listed means nothing.

    Method: 1. ask for all scopes of the credential, forwards and backwards; where they are refused, for each alone
            2. expect the same granted set; nothing is known of lists where a scope is refused by itself
    """
    scopes = oauth.scopes()
    forwards, backwards = (oauth.request_token(scope=" ".join(each)) for each in (scopes, scopes[::-1]))

    if not forwards.ok and not all(oauth.request_token(scope=each).ok for each in scopes):
        told = f"the credential full is refused one of its scopes alone too ({forwards.status} for all of them)"
        raise Inconclusive(told, "a credential that the service accepts, with its scopes")
    expect_token(forwards)
    expect_token(backwards)
    granted = [granted_scopes(each, scopes) for each in (forwards, backwards)]
    if granted[0] != granted[1]:
        told = " and ".join(" ".join(sorted(each)) or "none" for each in granted)
        raise NonConformance("the same scopes granted in either order", told, forwards, backwards)


def mixed_with(good: list[str], other: str, how: str) -> list[str]:
    """A scope alone, behind good ones, before them or between them: each is looked at, wherever it stands."""
    lists = {"alone": [other], "mixed": [*good, other], "mixed-first": [other, *good], "between": [*good, other, *good]}
    return lists[how]


beside_a_good_one = pytest.mark.parametrize("how", [case(name, name) for name in ("alone", "mixed", "mixed-first")])


@verifies("oauth/scope/unknown-is-not-granted")
@beside_a_good_one
def test_unknown_scope_is_not_granted(control: OAuthClient, how: str) -> None:
    """Purpose: a scope that does not exist is not granted.

    Method: 1. ask for an unknown scope, alone, behind all good ones and before them
            2. expect a refusal, or a token whose stated scope lacks it
    """
    good = control.scopes()
    asked = mixed_with(good, UNKNOWN, how)
    reply = control.request_token(scope=" ".join(asked))

    if issued(reply) and not expect_json_object(reply).get("scope"):
        return  # A token with an empty grant says so by stating no scope; that it opens nothing is a check of its own.
    expect_nothing_beyond(reply, good, asked)


@verifies("oauth/scope/beyond-the-credential-is-not-granted")
@pytest.mark.parametrize("how", [case(name, name) for name in ("alone", "mixed", "mixed-first", "between")])
def test_scope_beyond_the_credential_is_not_granted(control: OAuthClient, how: str) -> None:
    """Purpose: a token never has more than its credential was created with.

    Method: 1. ask with the narrow credential for a scope that it lacks, alone, behind those that it has, before
               them and between them
            2. expect a refusal, or a token whose stated scope lacks it
    """
    own = control.scopes("narrow")
    asked = mixed_with(own, beyond_narrow(control), how)
    reply = control.request_token("narrow", scope=" ".join(asked))

    if issued(reply) and "scope" not in expect_json_object(reply) and how == "alone":
        return
    expect_nothing_beyond(reply, own, asked)


@verifies("oauth/scope/refusal-is-invalid-scope")
@pytest.mark.parametrize("kind", [case("unknown", "unknown"), case("beyond", "beyond")])
def test_refused_scope_is_invalid_scope(control: OAuthClient, kind: str) -> None:
    """Purpose: where a scope is refused, the client is told that it was the scope.

    Method: 1. ask for an unknown scope, and for one beyond the credential
            2. where no token is issued, expect 400 with error invalid_scope
    """
    reply = control.request_token("narrow", scope=UNKNOWN if kind == "unknown" else beyond_narrow(control))

    if not issued(reply):
        # Who is refused whatever it asks for tells nothing.
        control.token("narrow")
        expect_refusal(reply, {400})
        expect_error(reply, "invalid_scope")


MALFORMED = {"quote": '"', "backslash": "\\", "non-ascii": "scöpe", "control": "a\x01b", "nul": "organization:read\0",
             "twice": "{own} {own}", "two-blanks": "{own}  {own}", "many": "{own} " * 199 + "{own}",
             "long": "x" * 5000}  # fmt: skip


@verifies("oauth/scope/malformed-is-refused-or-ignored")
@pytest.mark.parametrize("scope", [case(name, value) for name, value in MALFORMED.items()])
def test_malformed_scope_is_refused_or_ignored(control: OAuthClient, scope: str) -> None:
    """Purpose: text that can be no scope is not guessed at: a client learns that it did not get what it asked for.

    Method: 1. ask for a scope with characters outside its grammar, of 5,000 characters, for one twice, many times, or
               with two blanks
            2. expect 400 with error invalid_scope or invalid_request (413 for a long one); or, since a server may
               ignore a scope in part or whole, a token that states another scope, one of the credential's, or states
               none and grants none
    """
    reply = control.request_token(scope=scope.replace("{own}", control.scopes()[0]))

    if reply.status == 413 and len(scope) > 1000:
        return
    if not issued(reply):
        expect_refusal(reply, {400})
        expect_error(reply, "invalid_scope", "invalid_request")
    elif expect_json_object(reply).get("scope"):
        expect_nothing_beyond(reply, control.scopes())


TRICKS = {
    "comma": "{own},{other}",
    "plus": "{own}+{other}",
    "tab": "{own}\t{other}",
    "newline": "{own}\n{other}",
    "nul": "{own}\0{other}",
    "no-break-space": "{own}\u00a0{other}",
    "semicolon": "{own};{other}",
    "star": "*",
    "prefix-star": "organization:*",
    "everything": ".*",
    "all": "all",
    "empty-part": ":",
    "json": '["{other}"]',
    "percent": "%{own}%",
    "encoded-blank": "{own}%20{other}",
    "blanks": "  ",
    "inherited": "constructor",
    "behind-many": "{own} " * 20 + "{other}",
}


@verifies("oauth/scope/tricks-never-widen")
@pytest.mark.parametrize("trick", [case(name, value) for name, value in TRICKS.items()])
def test_tricks_never_widen(control: OAuthClient, trick: str) -> None:
    """Purpose: no strange separator, long list or wildcard gives a scope beyond the credential.

    Method: 1. ask with the narrow credential for its scope joined to another by a comma, tab, NUL …, for another
               behind its own twenty times, and for wildcards
            2. expect a refusal, or a token within the credential
    """
    own = control.scopes("narrow")
    scope = trick.replace("{own}", own[0] if own else "x").replace("{other}", beyond_narrow(control))
    reply = control.request_token("narrow", scope=scope)

    if issued(reply) and "scope" not in expect_json_object(reply):
        return
    expect_nothing_beyond(reply, own)


@verifies("oauth/scope/omitted-is-default-or-invalid-scope")
def test_omitted_scope_is_default_or_invalid_scope(control: OAuthClient) -> None:
    """Purpose: a request without a scope has a defined outcome.

    Method: 1. ask without a scope
            2. expect a token, or 400 with error invalid_scope
    """
    reply = control.request_token(scope=None)

    if issued(reply):
        expect_token(reply)
    else:
        expect_refusal(reply, {400})
        expect_error(reply, "invalid_scope")


@verifies("oauth/scope/omitted-never-exceeds-the-credential")
def test_omitted_scope_never_exceeds_the_credential(control: OAuthClient) -> None:
    """Purpose: leaving the scope out gives no more than the credential was created with.

    Method: 1. ask with the narrow credential without a scope
            2. expect the stated scope within the credential's own
    """
    own = control.scopes("narrow")

    expect_nothing_beyond(control.request_token("narrow", scope=None), own, own)


@verifies("oauth/scope/beyond-the-credential-is-not-granted")
@pytest.mark.parametrize("role", [case("by-basic", "narrow")])
def test_scope_beyond_the_credential_by_basic(control: OAuthClient, role: str) -> None:
    """Purpose: a token has no more than its credential, where that is shown in the Authorization field as well.

    Method: 1. ask by Basic with the narrow credential for a scope that it lacks
            2. expect a refusal, or a token whose stated scope lacks it
    """
    own = control.credential(role).scopes
    beyond = [each for each in control.credential("full").scopes if each not in own]
    if not beyond:
        raise Inconclusive("the credential narrow has every scope of full", "a narrow credential with fewer scopes")
    reply = control.request_by_basic(role, scope=beyond[0])

    if not issued(reply) or "scope" in expect_json_object(reply):
        expect_nothing_beyond(reply, own, beyond[:1])


def is_answered_like_unknown_scope(control: OAuthClient, reply: Exchange) -> bool:
    """Return whether a token has the scope that an unknown scope yields: a server may ignore it and use a default."""
    unknown = control.request_token(scope=UNKNOWN)
    return issued(unknown) and granted_scopes(reply, []) == granted_scopes(unknown, [])


def in_other_case(scope: str) -> str:
    """A scope in letters of other case; nothing where it has no letters."""
    return scope.swapcase() if scope.swapcase() != scope else ""


@verifies("oauth/scope/is-case-sensitive")
def test_scope_is_case_sensitive(control: OAuthClient) -> None:
    """Purpose: a scope in other case is another scope.

    Method: 1. ask for a scope of the credential in letters of other case
            2. expect a refusal, a token that does not state the scope in either case, or what an unknown one is granted
    """
    scope = next(filter(in_other_case, own := control.credential("full").scopes), None)
    if scope is None or (other := in_other_case(scope)) in own:
        raise NotApplicable("no scope of the credential is another one in letters of other case")
    reply = control.request_token(scope=other)

    stated = issued(reply) and {scope, other} & granted_scopes(reply, [])
    if stated and not is_answered_like_unknown_scope(control, reply):
        raise unlike_scope("no token for a scope in other case", reply)


NO_NAMES = {
    "comma": "{a},{b}",
    "tab": "{a}\t{b}", "newline": "{a}\n{b}", "plus": "{a}%2B{b}", "star": "*", "prefix-star": "{p}:*",
    "beginning": "{p}", "beginning-and-colon": "{p}:",
}  # fmt: skip


@verifies("oauth/scope/only-names-between-blanks-are-scopes")
@pytest.mark.parametrize("template", [case(name, value) for name, value in NO_NAMES.items()])
def test_only_names_between_blanks_are_scopes(control: OAuthClient, template: str) -> None:
    """Purpose: neither another separator nor a wildcard stands for scopes, not even for those that one has.

    Method: 1. ask with the full credential for two of its scopes joined by a comma, tab …, and for wildcards
            2. expect a refusal, or what an unknown scope is granted. (The beginning of a scope may be one itself.)
    """
    own = control.scopes()
    first, second = (own * 2)[:2]
    text = template.replace("{a}", first).replace("{b}", second).replace("{p}", own[-1].split(":")[0])
    if text in own:
        raise NotApplicable(f"{text} is a scope of the credential")
    reply = control.request_token(scope=text)

    if issued(reply) and not is_answered_like_unknown_scope(control, reply):
        raise unlike_scope("a refusal, as for an unknown scope", reply)
