"""Unknown, empty, repeated and misplaced parameters of a token request (RFC 6749, section 3.2)."""

from __future__ import annotations

import pytest

from conformance.clients.oauth.client import FORM, OAuthClient, Pairs, encoded
from conformance.oracles.oauth import expect_error, expect_refusal, expect_token, granted_scopes, issued, unlike_scope
from conformance.oracles.status import expect_no_server_error
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable


def repeated(oauth: OAuthClient, name: str, *values: str) -> Pairs:
    """Return a valid form in which one parameter has several values."""
    return [*oauth.form("full", **{name: None}), *((name, value) for value in values)]


@pytest.mark.parametrize(
    ("extra", "media_type"),
    [
        row("oauth/token/unknown-parameters-are-ignored#plain", [("x_unknown", "something")], FORM),
        row("oauth/token/unknown-parameters-are-ignored#code", [("code", "something")], FORM),
        row("oauth/token/unknown-parameters-are-ignored#bracketed", [("scope[]", "something")], FORM),
        row("oauth/token/unknown-parameters-are-ignored#unicode", [("ünknown", "something")], FORM),
        row("oauth/token/unknown-parameters-are-ignored#of-every-object", [("constructor", "something")], FORM),
        row("oauth/token/media-type-is-compared-without-case#upper-case", [], FORM.upper()),
        row("oauth/token/media-type-is-compared-without-case#charset", [], f"{FORM}; charset=UTF-8"),
        row("oauth/token/media-type-is-compared-without-case#quoted-charset", [], f'{FORM};charset="utf-8"'),
        row("oauth/token/media-type-is-compared-without-case#blank-before", [], f"{FORM} ; charset=UTF-8"),
    ],
)
def test_unusual_valid_forms_get_a_token(control: OAuthClient, extra: Pairs, media_type: str) -> None:
    """Purpose: HTTP libraries write the media type in any case, add a charset, and send unknown parameters.

    Method: 1. send the valid form with an unknown parameter, or another valid form of its media type; 2. expect a token
    """
    expect_token(control.post([*control.form(), *extra], [("Content-Type", media_type)]))


WIDER = {
    "scope-in-other-case": encoded([("SCOPE", "{all}")]),
    "scope-with-blank-behind": encoded([("scope ", "{all}")]),
    "scope-in-brackets": encoded([("scope[]", "{all}")]),
    "scope-behind-semicolon": b"cf_unknown=1;scope=" + encoded([("", "{all}")])[1:],
    "scope-behind-encoded-ampersand": encoded([("cf_unknown", "1&scope={all}")]),
}


@verifies("oauth/token/unknown-parameters-are-ignored")
@pytest.mark.parametrize("name", WIDER)
def test_parameters_that_resemble_scope_are_ignored(control: OAuthClient, name: str) -> None:
    """Purpose: a parameter that only resembles scope, or is part of another value, must not widen the scope.

    Method: 1. request one scope, without and with a further parameter that is scope only to a parser that folds case,
               trims blanks and brackets, or splits at semicolons
            2. expect tokens of the same scope; a semicolon may also get 400 invalid_request
    """
    scopes = control.scopes()
    plain = control.request_token(scope=scopes[0])
    extra = WIDER[name].replace(encoded([("", "{all}")])[1:], encoded([("", " ".join(scopes))])[1:])
    reply = control.post(encoded(control.form(scope=scopes[0])) + b"&" + extra)

    if name == "scope-behind-semicolon" and not reply.ok:
        expect_refusal(reply, {400})
        expect_error(reply, "invalid_request")
        return
    expect_token(reply)
    if granted_scopes(reply, scopes[:1]) != granted_scopes(plain, scopes[:1]):
        raise unlike_scope(f"a token of the scope {scopes[0]}", reply, plain)


@verifies("oauth/token/empty-parameters-count-as-omitted")
@pytest.mark.parametrize(
    "name",
    [
        case("scope", "scope"),
        case("grant-type", "grant_type"),
        case("client-secret", "client_secret"),
        case("unknown", "audience"),
    ],
)
def test_empty_parameters_count_as_omitted(control: OAuthClient, name: str) -> None:
    """Purpose: client libraries send parameters without a value, which count as omitted.

    Method: 1. send the form without the parameter, then with the parameter empty
            2. expect the same status and scope, and a token in both responses or in neither
    """
    omitted = control.request_token("full", **{name: None})
    if omitted.status >= 500:
        raise NotApplicable(f"without {name} the endpoint fails ({omitted.status}); another check reports that")
    empty = control.request_token("full", **{name: ""})

    if (empty.status, issued(empty)) != (omitted.status, issued(omitted)):
        expected, seen = f"{omitted.status} as without {name}", f"{empty.status} with {name} empty"
        raise NonConformance(expected, seen, omitted, empty)
    stated = [each.member("scope") for each in (omitted, empty)]
    if issued(empty) and None not in stated and granted_scopes(empty, ()) != granted_scopes(omitted, ()):
        raise unlike_scope(f"the scope {stated[0]}, as without {name}", empty, omitted)


@verifies("oauth/token/repeated-scope-never-adds-up")
def test_repeated_scope_never_adds_up(control: OAuthClient) -> None:
    """Purpose: two scope parameters must not widen a token to the union of both.

    Method: 1. send scope twice with one scope of the credential each; 2. expect a refusal, or a token with at most one
    """
    first, second = (control.scopes() * 2)[:2]
    reply = control.post(repeated(control, "scope", first, second))
    if not issued(reply):
        expect_refusal(reply)
    elif first != second and {first, second} <= granted_scopes(reply, [first]):
        raise unlike_scope("a refusal, or one of the two scopes", reply)


@verifies("oauth/token/query-component-is-tolerated")
def test_query_component_is_tolerated(oauth: OAuthClient) -> None:
    """Purpose: RFC 6749 permits a query component in the endpoint's URL.

    Method: 1. send the valid form to the endpoint with ?x=1; 2. expect a token or a 4xx, and never a 5xx
    """
    reply = oauth.post(oauth.form(), query="?x=1")
    expect_no_server_error(reply)
    if reply.ok:
        expect_token(reply)


@verifies("oauth/token/repeated-credentials-issue-nothing")
@pytest.mark.parametrize("position", [case("wrong-last", -1), case("wrong-first", 0)])
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        case("grant-type", "grant_type", "password"),
        case("client-id", "client_id", "cf-nobody"),
        case("client-secret", "client_secret", "cf-not-the-secret"),
    ],
)
def test_repeated_credentials_issue_nothing(control: OAuthClient, name: str, wrong: str, position: int) -> None:
    """Purpose: a proxy and the server may read different ones of two values, so neither gets a token.

    Method: 1. send a parameter twice, with a right and a wrong value, in both orders; 2. expect 400 or 401 and no token
    """
    right = dict(control.form())[name]
    expect_refusal(control.post(repeated(control, name, *((wrong, right) if position == 0 else (right, wrong)))))


@verifies("oauth/token/credentials-in-the-query-are-refused")
@pytest.mark.parametrize(
    "moved",
    [
        case("all", ("grant_type", "client_id", "client_secret", "scope")),
        case("secret", ("client_secret",)),
        case("id", ("client_id",)),
        case("both", ("client_id", "client_secret")),
    ],
)
def test_credentials_in_the_query_are_refused(control: OAuthClient, moved: tuple[str, ...]) -> None:
    """Purpose: URLs are logged, so a secret in the URL gets no token.

    Method: 1. move the credentials, or the whole form, from the body into the query; 2. expect 400 or 401 and no token
    """
    query = encoded(pair for pair in control.form() if pair[0] in moved).decode()
    expect_refusal(control.post([pair for pair in control.form() if pair[0] not in moved], query=f"?{query}"))
