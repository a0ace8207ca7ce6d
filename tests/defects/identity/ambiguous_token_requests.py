"""Defects that break the promise "An ambiguous token request (repeated parameters, two authentication methods) is
rejected"."""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import Headers

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import Client
from conformance.reference.support.identity import edited, is_token_request, surface_of

Form = dict[str, str]
Pairs = list[tuple[str, str]]

KNOWN = frozenset({"grant_type", "client_id", "client_secret", "scope", "resource", "audience"})

ROWS = (
    row(
        "basic-wins-over-other-client-id",
        "RFC 6749 section 3.2.1: a client_id in the form that differs from the one in Basic is ignored.",
        "oauth/client/two-clients-at-once-are-refused#first-by-basic,second-by-basic",
        credentials_of_header=lambda original, authorization, form: original(authorization, {}),
    ),
    row(
        "empty-parameter-not-omitted",
        "RFC 6749 section 3.2: a parameter without a value is not treated as omitted.",
        "oauth/token/empty-parameters-count-as-omitted#client-id-with-basic,client-secret-with-basic,scope",
        with_values=lambda original, pairs: pairs,
    ),
    row(
        "token-content-type-ignored",
        "RFC 6749 section 4.4.2: a token request in any media type is read as a form.",
        "oauth/token/other-encodings-are-refused#form-as-json,none,text",
        is_form=lambda original, request: True,
    ),
    row(
        "duplicate-grant-type-accepted",
        "RFC 6749 section 3.2: a repeated grant_type is accepted.",
        "oauth/token/repeated-parameter-is-invalid-request#grant-type",
        "oauth/token/repeated-credentials-issue-nothing#grant-type-wrong-first",
        may_repeat=lambda original, name: name == "grant_type" or original(name),
    ),
)


class EmptyScopeIsTheLeast(Defect):
    """RFC 6749 section 3.2: an empty scope is not treated as omitted, but grants the first scope only."""

    noticed_by = ("oauth/token/empty-parameters-count-as-omitted#scope",)
    empty = False

    def with_values(self, original: Any, pairs: Pairs) -> Pairs:
        self.empty = ("scope", "") in pairs
        return original(pairs)

    def default_scopes(self, original: Any, client: Client) -> tuple[str, ...]:
        return original(client)[: 1 if self.empty else None]


@defect("oauth/token/only-post-issues-tokens#delete,get-by-basic,head,patch,put")
def other_methods_answered_emptily(oauth_method_refused: Any, allowed: str) -> Answer:
    """RFC 6749 section 3.2: another method than POST is answered 200 without content."""
    answer = oauth_method_refused(allowed)
    answer.status = 200
    return answer


def as_form(request: Request, body: bytes) -> Request:
    """Return the request as a POST of this form."""
    others = [(name, value) for name, value in request.headers.items() if name != "content-type"]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in others]
    headers = Headers(raw=[*raw, (b"content-type", b"application/x-www-form-urlencoded")])
    return dataclasses.replace(request, method="POST", body=body, query_string="", headers=headers)


@defect("oauth/token/only-post-issues-tokens#get,get-by-basic")
async def token_by_get(token: Any, request: Request) -> Answer:
    """RFC 6749 section 3.2: a GET with the parameters in its query gets a token."""
    if request.method == "GET":
        return await token(as_form(request, request.query_string.encode("latin-1")))
    return await token(request)


@defect("oauth/token/only-post-issues-tokens#get-that-names-post")
async def token_by_overridden_get(token: Any, request: Request) -> Answer:
    """RFC 6749 section 3.2: a GET with X-HTTP-Method-Override: POST gets a token."""
    if request.method == "GET" and request.headers.get("x-http-method-override", "").upper() == "POST":
        return await token(as_form(request, request.query_string.encode("latin-1")))
    return await token(request)


@defect("oauth/token/other-encodings-are-refused#multipart", crashes=(ValueError,))
def form_in_parts_crashes(is_form: Any, request: Request) -> bool:
    """RFC 6749 section 4.4.2: a multipart form is answered 500 instead of refused."""
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise ValueError("a part without its end")
    return is_form(request)


@defect("oauth/token/other-encodings-are-refused#json")
async def token_request_as_json(token: Any, request: Request) -> Answer:
    """RFC 6749 section 4.4.2: a JSON body gets a token."""
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            return await token(as_form(request, urlencode(json.loads(request.body)).encode()))
        except (ValueError, TypeError):
            pass
    return await token(request)


@defect("oauth/token/refused-method-names-post#delete,get,put")
def token_allow_missing(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.5.6: the 405 of the token endpoint has no Allow."""
    if is_token_request(request) and answer.status == 405:
        del answer.headers["Allow"]
    return answer


class LastDuplicateCredentialWins(Defect):
    """RFC 6749 section 3.2: of repeated credentials the last one counts."""

    noticed_by = ("oauth/token/repeated-credentials-issue-nothing#client-id-wrong-first,client-secret-wrong-first",)

    def may_repeat(self, original: Any, name: str) -> bool:
        return name in ("client_id", "client_secret") or original(name)


class FirstDuplicateCredentialWins(LastDuplicateCredentialWins):
    """RFC 6749 section 3.2: of repeated credentials the first one counts."""

    noticed_by = ("oauth/token/repeated-credentials-issue-nothing#client-id-wrong-last,client-secret-wrong-last",)

    def with_values(self, original: Any, pairs: Pairs) -> Pairs:
        return original(pairs[::-1])


@defect("oauth/token/repeated-parameter-is-invalid-request#client-id,scope")
def repeated_parameter_is_invalid_grant(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: a repeated parameter is invalid_grant instead of invalid_request."""
    if is_token_request(request) and b"more than once" in answer.body:
        return edited(answer, lambda document: document.update(error="invalid_grant"))
    return answer


@defect("oauth/token/repeated-scope-never-adds-up", crashes=(AttributeError,))
def repeated_scope_crashes(refuse_duplicates: Any, pairs: list[tuple[str, str]]) -> None:
    """RFC 6749 section 5.2: a repeated scope is answered 500: the parser returns a list instead of a text."""
    if len([name for name, _ in pairs if name == "scope"]) > 1:
        raise AttributeError("'list' object has no attribute 'split'")
    refuse_duplicates(pairs)


class DuplicateScopesUnited(Defect):
    """RFC 6749 section 3.2: a repeated scope is accepted, and its values are joined."""

    noticed_by = ("oauth/token/repeated-scope-never-adds-up",)

    def may_repeat(self, original: Any, name: str) -> bool:
        return name == "scope" or original(name)

    def with_values(self, original: Any, pairs: Pairs) -> Pairs:
        scopes = [value for name, value in pairs if name == "scope" and value]
        rest = [(name, value) for name, value in pairs if name != "scope"]
        return original([*rest, ("scope", " ".join(scopes))])


@defect("oauth/token/unknown-parameters-are-ignored#with-basic,bracketed,code,of-every-object,plain,unicode")
def unknown_parameter_refused(with_values: Any, pairs: Pairs) -> Pairs:
    """RFC 6749 section 3.2: an unrecognized parameter is refused instead of ignored."""
    if not {name for name, _ in pairs} <= KNOWN:
        raise Refused(surface_of(with_values).oauth_error(400, "invalid_request", "unknown parameter"))
    return with_values(pairs)


@defect("oauth/token/unknown-parameters-are-ignored#scope-in-other-case")
def parameter_names_folded(token_form: Any, request: Request) -> Form:
    """RFC 6749 section 1.9: SCOPE is read as scope, although parameter names are case-sensitive."""
    form = token_form(request)
    return form | {name.lower(): value for name, value in form.items() if name != name.lower()}


@defect("oauth/token/unknown-parameters-are-ignored#scope-with-blank-behind,scope-in-brackets")
def parameter_names_tidied(token_form: Any, request: Request) -> Form:
    """RFC 6749 section 3.2: a parameter name is read without its trailing blanks and brackets."""
    form = token_form(request)
    return form | {name.rstrip(" []"): value for name, value in form.items() if name != name.rstrip(" []")}


@defect("oauth/token/unknown-parameters-are-ignored#scope-behind-semicolon")
def semicolon_separates_parameters(token_form: Any, request: Request) -> Form:
    """RFC 6749 appendix B: a semicolon separates parameters as ``&`` does."""
    form = token_form(request)
    further = (part.partition("=") for value in form.values() for part in value.split(";")[1:])
    return form | {name: value for name, equals, value in further if equals}


@defect("oauth/token/unknown-parameters-are-ignored#scope-behind-encoded-ampersand")
async def decoded_before_it_is_split(token: Any, request: Request) -> Answer:
    """RFC 6749 appendix B: a form is decoded before it is split, so an encoded ``&`` separates parameters."""
    return await token(dataclasses.replace(request, body=request.body.replace(b"%26", b"&").replace(b"%3D", b"=")))
