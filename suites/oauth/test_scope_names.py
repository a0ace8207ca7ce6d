"""What is a scope (RFC 6749 section 3.3): a name between blanks, compared with case, and nothing that resembles one."""

from __future__ import annotations

import pytest

from conformance.clients.oauth.client import OAuthClient
from conformance.oracles.oauth import granted_scopes, issued, unlike_scope
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable

UNKNOWN = "cf:unknown"


def is_as_unknown(control: OAuthClient, reply: Exchange) -> bool:
    """Whether a token is the one that an unknown scope is granted: a server may ignore that, and give its default."""
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
    if stated and not is_as_unknown(control, reply):
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

    if issued(reply) and not is_as_unknown(control, reply):
        raise unlike_scope("a refusal, as for an unknown scope", reply)
