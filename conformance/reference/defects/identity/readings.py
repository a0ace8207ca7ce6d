"""Defects in how a request is read: by parsers that fold, cut, split and nest more than a form or an object says."""

from __future__ import annotations

import dataclasses
import json
import time
import unicodedata
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, is_api_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.records import Project
from conformance.reference.seeds import SCOPES, Client

Form = dict[str, str]
Scopes = tuple[str, ...]
Authenticates = Callable[[Request, Form], Client]
Finds = Callable[[str], Client | None]
Parse = Callable[[bytes], dict[str, Any]]
Reads = Callable[[Request], Form]
Granted = Callable[[Client, str | None], Scopes]
Token = Callable[[Request], Awaitable[Answer]]


class ListTakenForSecret(Defect):
    """RFC 6749 section 3.2.1: a client must authenticate; a list in place of the secret compares equal to nothing."""

    surface = "identity"
    noticed_by = ("oauth/client/secret-is-one-text#list",)
    bracket = "client_secret[]"

    def authenticated_client(self, original: Authenticates, request: Request, form: Form) -> Client:
        client = surface_of(original).clients.get(form.get("client_id", ""))
        return client if client and self.bracket in form else original(request, form)


class ConditionTakenForSecret(ListTakenForSecret):
    """RFC 6749 section 3.2.1: a client must authenticate; "any but this" in place of the secret is no proof."""

    noticed_by = ("oauth/client/secret-is-one-text#condition",)

    bracket = "client_secret[$ne]"


class BasicPasswordCutAtColon(Defect):
    """RFC 7617 section 2: text after the first colon is part of the password, further colons included."""

    surface = "identity"
    noticed_by = ("oauth/client/basic-password-is-whole",)

    def basic_credentials(self, original: Callable[[str], tuple[str, str]], encoded: str) -> tuple[str, str]:
        client_id, secret = original(encoded)
        return client_id, secret.partition(":")[0]


class AccentsInClientIdIgnored(Defect):
    """RFC 6749 section 2.2: a client identifier is compared exactly, not as a database collates texts."""

    surface = "identity"
    noticed_by = ("oauth/client/client-id-is-compared-exactly#accent",)

    def find_client(self, original: Finds, client_id: str) -> Client | None:
        letters = unicodedata.normalize("NFD", client_id)
        return original("".join(each for each in letters if not unicodedata.combining(each)))


class ClientIdNormalised(Defect):
    """RFC 6749 section 2.2: a client identifier is compared exactly; letters of full width are other letters."""

    surface = "identity"
    noticed_by = ("oauth/client/client-id-is-compared-exactly#full-width",)

    def find_client(self, original: Finds, client_id: str) -> Client | None:
        return original(unicodedata.normalize("NFKC", client_id))


class FormDecodedTwice(Defect):
    """RFC 6749 appendix B: a form is decoded once; what is then left of percent signs is text."""

    surface = "identity"
    noticed_by = ("oauth/client/client-id-is-compared-exactly#encoded-twice",)

    def token_form(self, original: Reads, request: Request) -> Form:
        return {name: unquote(value) for name, value in original(request).items()}


class ParameterNamesFolded(Defect):
    """RFC 6749 section 1.9: names of parameters are case sensitive; SCOPE is an unrecognized one, and ignored."""

    surface = "identity"
    noticed_by = ("oauth/token/unknown-parameters-change-nothing#other-case",)

    def token_form(self, original: Reads, request: Request) -> Form:
        form = original(request)
        return form | {name.lower(): value for name, value in form.items() if name != name.lower()}


class ParameterNamesTidied(Defect):
    """RFC 6749 section 3.2: unrecognized parameters are ignored, though blanks and brackets are all that differs."""

    surface = "identity"
    noticed_by = (
        "oauth/token/unknown-parameters-change-nothing#blank-behind",
        "oauth/token/unknown-parameters-change-nothing#bracketed",
    )

    def token_form(self, original: Reads, request: Request) -> Form:
        form = original(request)
        return form | {name.rstrip(" []"): value for name, value in form.items() if name != name.rstrip(" []")}


class SemicolonSeparatesParameters(Defect):
    """RFC 6749 appendix B: parameters are separated by ``&``; a semicolon is part of a value."""

    surface = "identity"
    noticed_by = ("oauth/token/unknown-parameters-change-nothing#semicolon",)

    def token_form(self, original: Reads, request: Request) -> Form:
        form = original(request)
        further = (part.partition("=") for value in form.values() for part in value.split(";")[1:])
        return form | {name: value for name, equals, value in further if equals}


class RepeatedMemberAccepted(Defect):
    """RFC 8259 section 4: names within an object are unique; here of two the last is kept and the first is told."""

    surface = "identity"
    noticed_by = ("errors/400/repeated-member",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status != 201 or not is_api_request(request):
            return answer
        pairs = json.loads(request.body, object_pairs_hook=list)
        firsts = dict(reversed(pairs))
        return edited(answer, lambda made: made.update({name: firsts[name] for name in made if name in firsts}))

    def parsed(self, original: Parse, body: bytes) -> dict[str, Any]:
        try:
            return original(body)
        except ValueError:
            document = json.loads(body.decode(), parse_constant=lambda name: int(name))
            if isinstance(document, dict):
                return document
            raise


class DecodedBeforeItIsSplit(Defect):
    """RFC 6749 appendix B: a form is split first and decoded then; an encoded ``&`` is part of a value."""

    surface = "identity"
    noticed_by = ("oauth/token/unknown-parameters-change-nothing#encoded-ampersand",)

    async def token(self, original: Token, request: Request) -> Answer:
        return await original(
            dataclasses.replace(request, body=request.body.replace(b"%26", b"&").replace(b"%3D", b"="))
        )


class BlankScopeIsEverything(Defect):
    """API Reference, Permissions: a token never has a scope that its credential was not given, whatever was asked."""

    surface = "identity"
    noticed_by = ("oauth/scope/tricks-never-widen#blanks",)

    def granted_scopes(self, original: Granted, client: Client, asked: str | None) -> Scopes:
        return SCOPES if asked is not None and not asked.strip() else original(client, asked)


class ScopeFoundByItsBeginning(Defect):
    """RFC 6749 section 3.3: a scope is a name, compared whole; its beginning stands for nothing."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/only-names-between-blanks-are-scopes#beginning",
        "oauth/scope/only-names-between-blanks-are-scopes#beginning-and-colon",
    )

    def granted_scopes(self, original: Granted, client: Client, asked: str | None) -> Scopes:
        begun = tuple(scope for scope in client.scopes if asked and scope.startswith(f"{asked.rstrip(':')}:"))
        return begun or original(client, asked)


class DateGoesBeforeTheEntityTag(Defect):
    """RFC 9110 section 13.1.3: a recipient MUST ignore If-Modified-Since if the request has If-None-Match."""

    surface = "identity"
    noticed_by = ("errors/reads/not-modified-is-what-is-unchanged",)

    def if_none_match_holds(
        self, original: Callable[[Request, Project], bool], request: Request, project: Project
    ) -> bool:
        try:
            since = parsedate_to_datetime(request.headers.get("if-modified-since", "")).timestamp()
        except (TypeError, ValueError):
            return original(request, project)
        lately = since > time.time() - 60
        return original(request, project) and not (lately and "if-none-match" in request.headers)
