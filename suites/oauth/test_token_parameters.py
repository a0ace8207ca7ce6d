"""Unknown, empty, repeated and misplaced parameters of a token request (RFC 6749, section 3.2)."""

from __future__ import annotations

import pytest

from conformance.clients.oauth.client import FORM_TYPE, OAuthClient, Pairs, encoded
from conformance.oracles.oauth import (
    expect_error,
    expect_refusal,
    expect_token,
    granted_scopes,
    issued,
    unlike_scope,
)
from conformance.oracles.status import expect_no_server_error
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable


def repeated(oauth: OAuthClient, name: str, *values: str) -> Pairs:
    """A good form in which one parameter stands several times."""
    kept = oauth.form("full", **{name: None})
    return [*kept, *((name, value) for value in values)]


@verifies("oauth/token/unknown-parameters-are-ignored")
@pytest.mark.parametrize(
    "name",
    [
        case("plain", "x_unknown"),
        case("code", "code"),
        case("bracketed", "scope[]"),
        case("unicode", "ünknown"),
        case("of-every-object", "constructor"),
    ],
)
def test_unknown_parameters_are_ignored(control: OAuthClient, name: str) -> None:
    """Purpose: a parameter that the endpoint does not know changes nothing.

    Method: 1. add a parameter of no meaning to the good form
            2. expect a token
    """
    expect_token(control.post([*control.form(), (name, "something")]))


@verifies("oauth/token/unknown-parameters-are-ignored")
@pytest.mark.parametrize("name", [case("beside-basic", "x_unknown")])
def test_unknown_parameters_beside_basic_are_ignored(oauth: OAuthClient, name: str) -> None:
    """Purpose: nor does it to who authenticates by Basic, whose form is read by another way.

    Method: 1. send the form by Basic; go on where that gets a token
            2. send it with a parameter of no meaning; expect a token
    """
    oauth.needs_basic()
    expect_token(oauth.request_by_basic(**{name: "something"}))


WIDER = {
    "other-case": [("SCOPE", "{all}")],
    "blank-behind": [("scope ", "{all}")],
    "bracketed": [("scope[]", "{all}")],
    "semicolon": [("cf_unknown", "1;scope={all}")],
    "encoded-ampersand": [("cf_unknown", "1&scope={all}")],
}


@verifies("oauth/token/unknown-parameters-change-nothing")
@pytest.mark.parametrize("name", [case(name, name) for name in WIDER])
def test_unknown_parameters_change_nothing(control: OAuthClient, name: str) -> None:
    """Purpose: what only resembles a parameter, or stands in the value of another, is not taken for it.

    Method: 1. ask for one scope; ask again with a parameter of no meaning that would be all scopes to a parser that
               folds case, cuts blanks and brackets, or separates at a semicolon
            2. expect a token of the same scope; a semicolon, which a form writes as %3B, may be 400 as well
    """
    scopes = control.scopes()
    plain = control.request_token(scope=scopes[0])
    form = encoded(control.form(scope=scopes[0])) + b"&"
    further = encoded([(key, value.replace("{all}", " ".join(scopes))) for key, value in WIDER[name]])
    reply = control.post(
        form + (further.replace(b"%3B", b";").replace(b"%3D", b"=") if name == "semicolon" else further)
    )

    if name == "semicolon" and not reply.ok:
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
    """Purpose: a parameter without a value is as if it had not been sent.

    Method: 1. send the form without the parameter, then with the parameter empty
            2. expect the same status, a token in both answers or in neither, and where they state a scope the same
               (nothing where the endpoint fails without it)
    """
    left_out = control.request_token("full", **{name: None})
    if left_out.status >= 500:
        raise NotApplicable(f"without {name} the endpoint fails ({left_out.status}), which is a finding of its own")
    empty = control.request_token("full", **{name: ""})

    if (empty.status, issued(empty)) != (left_out.status, issued(left_out)):
        raise NonConformance(
            f"{left_out.status} as without {name}", f"{empty.status} with {name} empty", left_out, empty
        )
    stated = [each.member("scope") for each in (left_out, empty)]
    if issued(empty) and None not in stated and granted_scopes(empty, ()) != granted_scopes(left_out, ()):
        raise unlike_scope(f"the scope {stated[0]}, as without {name}", empty, left_out)


@verifies("oauth/token/empty-parameters-count-as-omitted")
@pytest.mark.parametrize(
    "name",
    [case("client-secret-beside-basic", "client_secret"), case("client-id-beside-basic", "client_id")],
)
def test_empty_credentials_beside_basic_count_as_omitted(oauth: OAuthClient, name: str) -> None:
    """Purpose: a client library that sends its empty fields along authenticates by one method all the same.

    Method: 1. send the form by Basic; go on where that gets a token
            2. send it with an empty client_secret, or client_id, in the body; expect a token
    """
    oauth.needs_basic()
    pairs = oauth.form(client_id=None, client_secret=None)

    expect_token(oauth.post([*pairs, (name, "")], (FORM_TYPE, oauth.basic())))


@verifies("oauth/client/id-may-be-repeated-beside-basic")
def test_id_may_be_repeated_beside_basic(oauth: OAuthClient) -> None:
    """Purpose: a client library that names the client in the body, whatever way it authenticates by, is served.

    Method: 1. send the form by Basic; go on where that gets a token
            2. send it with the same client_id, and no secret, in the body; expect a token
    """
    oauth.needs_basic()

    expect_token(oauth.post(oauth.form(client_secret=None), (FORM_TYPE, oauth.basic())))


@verifies("oauth/token/repeated-credentials-issue-nothing")
@pytest.mark.parametrize(
    ("name", "wrong", "wrong_first"),
    [
        case("grant-type-wrong-last", "grant_type", "password", False),
        case("grant-type-wrong-first", "grant_type", "password", True),
        case("client-id-wrong-last", "client_id", "cf-nobody", False),
        case("client-id-wrong-first", "client_id", "cf-nobody", True),
        case("client-secret-wrong-last", "client_secret", "cf-not-the-secret", False),
        case("client-secret-wrong-first", "client_secret", "cf-not-the-secret", True),
    ],
)
def test_repeated_credentials_issue_nothing(control: OAuthClient, name: str, wrong: str, wrong_first: bool) -> None:
    """Purpose: two values for one parameter never get a token, whichever of them a parser prefers.

    Method: 1. send a parameter twice, right and wrong, in both orders
            2. expect 400 or 401 and no token
    """
    right = dict(control.form())[name]
    values = (wrong, right) if wrong_first else (right, wrong)

    expect_refusal(control.post(repeated(control, name, *values)))


@verifies("oauth/token/repeated-parameter-is-invalid-request")
@pytest.mark.parametrize(
    "name", [case("grant-type", "grant_type"), case("client-id", "client_id"), case("scope", "scope")]
)
def test_repeated_parameter_is_invalid_request(control: OAuthClient, name: str) -> None:
    """Purpose: a parameter that stands twice is told as a malformed request, even if both values agree.

    Method: 1. send a parameter twice with the same good value
            2. expect 400 with error invalid_request
    """
    value = control.scopes()[0] if name == "scope" else dict(control.form())[name]
    reply = control.post(repeated(control, name, value, value))

    expect_refusal(reply, {400})
    expect_error(reply, "invalid_request")


@verifies("oauth/token/repeated-scope-never-adds-up")
def test_repeated_scope_never_adds_up(control: OAuthClient) -> None:
    """Purpose: two scope parameters never give the union of both.

    Method: 1. send scope twice with one scope of the credential each
            2. expect a refusal, or a token with at most one of the two
    """
    first, second = (control.scopes() * 2)[:2]
    reply = control.post(repeated(control, "scope", first, second))

    if not issued(reply):
        expect_refusal(reply)
    elif first != second and {first, second} <= granted_scopes(reply, [first]):
        raise unlike_scope("a refusal, or one of the two scopes", reply)


@verifies("oauth/token/query-breaks-nothing")
def test_query_breaks_nothing(oauth: OAuthClient) -> None:
    """Purpose: a query component on the endpoint's URL, which the standard permits, breaks nothing.

    Method: 1. send the good form to the endpoint with ?x=1
            2. expect a token, or a 4xx; never a 5xx
    """
    reply = oauth.post(oauth.form(), query="?x=1")

    expect_no_server_error(reply)
    if reply.ok:
        expect_token(reply)


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
    """Purpose: a secret in the URL, which logs keep, gets no token.

    Method: 1. move the credentials, or the whole form, from the body into the query
            2. expect 400 or 401 and no token
    """
    pairs = control.form()
    query = encoded(pair for pair in pairs if pair[0] in moved).decode()

    expect_refusal(control.post([pair for pair in pairs if pair[0] not in moved], query=f"?{query}"))
