"""Other right ways for an identity service to take requests."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.identity.support import edited, is_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import SCOPES, Call, Segments
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import scheme_and_rest, strict_object
from conformance.reference.seeds import Client
from conformance.reference.variants.later import Later

Api = Callable[[Request, Segments], Awaitable[Answer]]
Create = Callable[[Organization, Project], Awaitable[bool]]
Operation = Callable[[Call], Awaitable[Answer]]
Scopes = tuple[str, ...]
Form = dict[str, str]
Grants = Callable[[Client, str | None], Scopes]


class SlugsMadeOfNames(Variant):
    """Organization Settings: a project has a slug; one that is left out is made of the name, which may be taken."""

    surface = "identity"

    def new_project(
        self, original: Callable[..., Project], organization: Organization, body: dict[str, Any]
    ) -> Project:
        name = body.get("name")
        if body.get("slug") or body.get("slug", "") not in (None, "") or not isinstance(name, str):
            return original(organization, body)
        made = re.sub(r"[^a-z0-9]+", "-", name.lower())[:50].strip("-")
        if not made:
            raise Refused(surface_of(original).conflict("There is an untitled project."))
        return original(organization, {**body, "slug": f"{made}-{secrets.token_hex(4)}"})


class ScopeMustBeNamed(Variant):
    """RFC 6749 section 3.3: a request without scope may be refused as invalid_scope, against the page's own example."""

    surface = "identity"
    misses = ("oauth/token/scope-may-be-left-out",)

    def default_scopes(self, original: Callable[[Client], Scopes], client: Client) -> Scopes:
        raise Refused(surface_of(original).oauth_error(400, "invalid_scope", "name the scope"))


class UnknownScopesAreIgnored(Variant):
    """RFC 6749 section 3.3: a scope may be ignored in part or whole; a grant of nothing states no scope."""

    surface = "identity"

    def granted_scopes(self, original: Grants, client: Client, asked: str | None) -> Scopes:
        if asked is None:
            return original(client, asked)
        return tuple(scope for scope in client.scopes if scope in asked.split(" "))

    def token_document(self, original: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
        document = original(*given)
        return document if document["scope"] else {name: document[name] for name in document if name != "scope"}


class MoreThanJsonIsRead(Variant):
    """RFC 8259 section 9: a parser may accept extensions, and many read the first document of a body alone."""

    surface = "identity"

    def parsed(self, original: Callable[[bytes], dict[str, Any]], body: bytes) -> dict[str, Any]:
        try:
            return original(body)
        except ValueError:
            text = re.sub(r",\s*}", "}", body.decode(errors="replace").strip().replace("'", '"'))
            try:
                document = json.JSONDecoder(strict=False).raw_decode(text)[0]
            except RecursionError as mistake:
                raise ValueError("nested too deeply") from mistake
            if not isinstance(document, dict):
                raise
            return document


class OtherMethodsAreNotFound(Variant):
    """RFC 9110 section 15.5.5: routers that know a path by its method answer 404 to any other."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return Answer.json(404, {"error": "invalid_request"}) if answer.status == 405 else answer


class MethodsRefusedBeforeTokens(Variant):
    """RFC 9110 section 15.5.6: routers know which methods a path has, and say so before anybody looks at a token."""

    surface = "identity"

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        route = surface.route(segments)
        if route and request.method not in (*SCOPES[route], "HEAD", "OPTIONS"):
            answer: Answer = surface.method_not_allowed(route)
            return answer
        return await original(request, segments)


class WritesSayMore(Variant):
    """The contract leaves open what a body says: here a kind, of few, and in an update the slug of what is updated."""

    surface = "identity"
    kinds = ("small", "large")

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        try:
            document = strict_object(request.body)
        except (ValueError, RecursionError):
            return await original(request, segments)
        slug = segments[-1] if request.method == "PATCH" else document.get("slug")
        if document.pop("kind", self.kinds[0]) not in self.kinds or document.get("slug", slug) != slug:
            document = {"slug": None}
        elif request.method == "PATCH":
            document.pop("slug", None)
        return await original(replace(request, body=json.dumps(document).encode()), segments)


class SlugsAreNeverGivenAgain(Variant):
    """The contract's table of errors: 409 for a duplicate slug, which may be one of what was deleted as well."""

    surface = "identity"
    misses = ("errors/409/slug-is-free-after-deletion",)

    def __init__(self) -> None:
        self.given: set[tuple[str, str]] = set()

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        if (organization.slug, project.slug) in self.given or not await original(organization, project):
            return False
        self.given.add((organization.slug, project.slug))
        return True


class DeletionsComeLater(Variant):
    """RFC 9110 section 9.3.5: 202 for a deletion that has yet to come, which nobody made conditional."""

    surface = "identity"

    def __init__(self) -> None:
        self.later = Later(0.1, Refused)

    async def delete_project(self, original: Operation, call: Call) -> Answer:
        if "if-match" in call.request.headers:
            return await original(call)
        surface_of(original).visible_project(call.caller, call.organization, call.slug)
        self.later.do(lambda: original(call))
        return Answer.json(202, {"state": "deleting"})


class CreationsComeLater(Variant):
    """RFC 9110 section 15.3.3: 202 for a creation that has yet to come; its name is taken from then on."""

    surface = "identity"
    later_s = 0.1

    def __init__(self) -> None:
        self.creations: dict[tuple[str, str], asyncio.Task[Answer]] = {}

    async def post_projects(self, original: Operation, call: Call) -> Answer:
        surface, organization = surface_of(original), call.organization
        project = surface.new_project(organization, surface.body_object(call.request))
        name = organization.slug, project.slug
        if name in self.creations or project.slug in organization.projects:
            return surface.conflict("The slug is taken.")
        self.creations[name] = asyncio.create_task(self._later(original, call))
        self.creations[name].add_done_callback(lambda _: self.creations.pop(name))
        answer = Answer.json(202, {"state": "creating", "slug": "operation-7"})
        answer.headers["Location"] = surface.location(project)
        return answer

    async def _later(self, original: Operation, call: Call) -> Answer:
        await asyncio.sleep(self.later_s)
        return await original(call)


class MissingGrantIsUnsupported(Variant):
    """RFC 6749 section 5.2: many take a missing grant_type for an unsupported one."""

    surface = "identity"
    misses = ("oauth/errors/missing-grant-type-is-invalid-request",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and b"grant_type is missing" in answer.body:
            return edited(answer, lambda document: document.update(error="unsupported_grant_type"))
        return answer


class ClientsHaveOneMethod(Variant):
    """RFC 7591 section 2: a client that is registered for one method of authentication gets no token by another."""

    surface = "identity"
    misses = ("oauth/client/basic-is-accepted",)

    def credentials_of_header(
        self, original: Callable[[str, Form], tuple[str, str]], authorization: str, form: Form
    ) -> tuple[str, str]:
        original(authorization, form)
        raise Refused(surface_of(original).client_refused("registered for client_secret_post"))


class BothAuthenticationsMayAgree(Variant):
    """RFC 6749 section 2.3: one method a request is asked of clients; a server may overlook two that agree."""

    surface = "identity"
    misses = ("oauth/client/two-methods-at-once-are-refused",)

    def presented_credentials(
        self, original: Callable[[Request, dict[str, str]], Any], request: Request, form: dict[str, str]
    ) -> Any:
        if "authorization" not in request.headers or "client_secret" not in form:
            return original(request, form)
        by_header = original(request, {name: form[name] for name in form if not name.startswith("client_")})
        same = by_header == (form.get("client_id"), form["client_secret"])
        return by_header if same else original(request, form)


class TokensAreReused(Variant):
    """RFC 6749 section 5.1 promises a token, and not one that nobody was given before: who asks again gets the same."""

    surface = "identity"
    without = ("identity.jwt",)

    def __init__(self) -> None:
        self.issued: dict[tuple[str, str, int], tuple[str, float]] = {}
        self.ends: dict[str, float] = {}

    def make_access_token(self, original: Callable[[dict[str, Any]], str], claims: dict[str, Any]) -> str:
        key = (claims["client_id"], claims["scope"], claims["credential_version"])
        token, ends = self.issued.get(key, ("", 0.0))
        if ends < time.time() + (claims["exp"] - claims["iat"]) / 2:
            token = original(claims)
            self.issued[key] = token, claims["exp"]
            self.ends[token] = claims["exp"]
        return token

    def token_document(self, original: Callable[..., dict[str, Any]], token: str, *given: Any) -> dict[str, Any]:
        return {**original(token, *given), "expires_in": max(1, int(self.ends[token] - time.time()))}


class TrailingSlashIsTheSame(Variant):
    """RFC 3986 section 6.2.4: a server may take a path with a slash behind for the path without."""

    surface = "identity"

    async def api(
        self, original: Callable[[Request, Segments], Awaitable[Answer]], request: Request, segments: Segments
    ) -> Answer:
        return await original(request, segments[:-1] if segments[-1:] == ("",) and len(segments) > 4 else segments)


class CreationAnsweredWith200(Variant):
    """The contract names no status of success: 200 for a creation, which 201 SHOULD be."""

    surface = "identity"
    misses = ("errors/reads/creation-is-201",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.status = 200 if answer.status == 201 else answer.status
        return answer


def refuse_unconditional(original: Callable[..., Any], request: Request) -> None:
    """RFC 6585 section 3: 428 where the request names no version by If-Match."""
    if "if-match" not in request.headers:
        raise Refused(surface_of(original).api_error(428, "precondition_required", "Send If-Match with the ETag."))


class UpdatesMustBeConditional(Variant):
    """RFC 6585 section 3: a good update of what is there may be required to name the version that it is of."""

    surface = "identity"

    def may_write(
        self, original: Callable[..., bool], request: Request, body: dict[str, Any], project: Project
    ) -> bool:
        if request.method == "PATCH":
            refuse_unconditional(original, request)
        return original(request, body, project)


class UpdatesNameTheirVersion(Variant):
    """The contract leaves open how a concurrent update is told: a good update may have to name a version, or be 400."""

    surface = "identity"

    def may_write(
        self, original: Callable[..., bool], request: Request, body: dict[str, Any], project: Project
    ) -> bool:
        if request.method == "PATCH" and "if-match" not in request.headers and "version" not in body:
            raise Refused(surface_of(original).invalid("version is missing."))
        return original(request, body, project)


class ChangesMustBeConditional(Variant):
    """RFC 6585 section 3: so may a deletion, before anything is looked up and whatever the body says."""

    surface = "identity"

    async def patch_project(self, original: Operation, call: Call) -> Answer:
        refuse_unconditional(original, call.request)
        return await original(call)

    async def delete_project(self, original: Operation, call: Call) -> Answer:
        refuse_unconditional(original, call.request)
        return await original(call)


class WritesMustHaveALength(Variant):
    """RFC 9110 section 15.5.12: a body in chunks may be refused with 411."""

    surface = "identity"

    def body_object(self, original: Callable[[Request], dict[str, Any]], request: Request) -> dict[str, Any]:
        if "transfer-encoding" in request.headers:
            raise Refused(surface_of(original).api_error(411, "length_required", "Say how long the body is."))
        return original(request)


class UnreadableBodiesAreUnsupported(Variant):
    """RFC 9110 section 15.5.16: 415 for a body in another type, charset or coding than the service reads."""

    surface = "identity"

    def is_json(self, original: Callable[[Request], bool], request: Request) -> bool:
        charset = request.headers.get("content-type", "").lower().partition("charset=")[2].strip('" ')
        coded = request.headers.get("content-encoding", "identity") != "identity"
        if coded or charset not in ("", "utf-8") or not original(request):
            raise Refused(surface_of(original).api_error(415, "unsupported_media_type", "Send JSON in UTF-8."))
        return True


class MalformedTokenIsInvalidRequest(Variant):
    """RFC 6750 section 3.1: a field that is otherwise malformed is 400 invalid_request.

    So is one with a character that no token has (section 2.1).
    """

    surface = "identity"

    def bearer_token(self, original: Callable[[Request], str], request: Request) -> str:
        surface = surface_of(original)
        for value in request.headers.getlist("authorization"):
            scheme, rest = scheme_and_rest(value)
            if surface.is_bearer(scheme) and rest and not surface.is_token(rest):
                raise Refused(surface.sent_twice())
        return original(request)
