"""Defects that services were released with: what they read, kept and sent otherwise than it was written."""

from __future__ import annotations

import gzip
import re
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import is_api_request, is_token_request, surface_of
from conformance.reference.defects.identity.writes import TextsChanged
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Organization, Project


class RangeOfTypesUnknown(Defect):
    """RFC 9110 section 12.5.1: application/* is each of its subtypes, JSON among them."""

    surface = "identity"
    noticed_by = ("errors/reads/any-form-of-accept-is-read#range",)
    unread = r"[a-z]/\*"

    def intercept(self, request: Request) -> Answer | None:
        if is_api_request(request) and re.search(self.unread, request.headers.get("accept", "")):
            return Answer.json(406, {"error": "not_acceptable", "message": "Nothing of that type is here."})
        return None


class WeightTakenForThePartOfAType(RangeOfTypesUnknown):
    """RFC 9110 section 12.5.1: what stands behind a type as q is how much it is wanted, and no part of its name."""

    noticed_by = ("errors/reads/any-form-of-accept-is-read#weight",)
    unread = "json *;"


class WantedTypeComparedWithCase(RangeOfTypesUnknown):
    """RFC 9110 section 8.3.1: type and subtype are case-insensitive, also of what is wanted."""

    noticed_by = ("errors/reads/any-form-of-accept-is-read#upper-case",)
    unread = "JSON"


class OneTypeWantedAtATime(RangeOfTypesUnknown):
    """RFC 9110 section 12.5.1: of several types that are taken, one that is there will do."""

    noticed_by = ("errors/reads/any-form-of-accept-is-read#any",)
    unread = "^[^,]*image/webp"


class TokenInXmlWhereTaken(Defect):
    """RFC 6749 section 5.1: a token comes in JSON, also to who can read XML."""

    surface = "identity"
    noticed_by = ("oauth/answer/is-json-whatever-is-preferred#token-or-xml",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 200 and "xml" in request.headers.get("accept", ""):
            answer.headers["Content-Type"] = "application/xml"
            answer.body = b"<OAuth2AccessToken><token_type>Bearer</token_type></OAuth2AccessToken>"
            del answer.headers["Content-Length"]
        return answer


class EntityTagOfListIsItsLength(Defect):
    """RFC 9110 section 13.1.2: 304 says that a list is as it was; how many stand there does not tell it."""

    surface = "identity"
    noticed_by = ("errors/reads/lists-tell-what-is-so",)

    async def get_projects(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        answer = await original(call)
        tag = f'"{len(surface_of(original).visible_projects(call.caller, call.organization))}"'
        if call.request.headers.get("if-none-match") == tag:
            return _unchanged(tag)
        answer.headers["ETag"] = tag
        return answer


class DeletedComesBackWithItsName(Defect):
    """RFC 9110 section 9.3.1: what is made is what was sent, and not what was deleted under its name."""

    surface = "identity"
    noticed_by = ("errors/reads/tell-what-was-written",)

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def delete_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        found = call.organization.projects.get(str(call.slug))
        answer = await original(call)
        if found and answer.status == 204:
            self.kept[found.slug] = found.name
        return answer

    async def create_project(
        self, original: Callable[..., Awaitable[bool]], organization: Organization, project: Project
    ) -> bool:
        project.name = self.kept.get(project.slug, project.name)
        return await original(organization, project)


class DeletionTellsALength(Defect):
    """RFC 9110 section 8.6: no Content-Length in 204, not even of nothing."""

    surface = "identity"
    noticed_by = ("errors/writes/no-content-has-no-length",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 204:
            answer.headers["Content-Length"] = "0"
        return answer


class DeletionIsFollowedByAnObject(Defect):
    """RFC 9112 section 6.3: nothing comes behind the head of 204; it would be taken for the next answer."""

    surface = "identity"
    noticed_by = ("errors/writes/no-content-has-no-length",)
    statuses: tuple[int, ...] = (204,)
    method = "DELETE"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status in self.statuses and request.method == self.method and is_api_request(request):
            answer.astray = b"{}"
        return answer


class HeadIsFollowedByContent(DeletionIsFollowedByAnObject):
    """RFC 9112 section 6.3: nor behind that of the answer to HEAD, as where it is made as GET would be."""

    noticed_by = ("errors/reads/head-and-304-end-with-their-head#head",)
    statuses, method = (200,), "HEAD"


class NotModifiedIsFollowedByContent(DeletionIsFollowedByAnObject):
    """RFC 9112 section 6.3: nor behind that of 304."""

    noticed_by = ("errors/reads/head-and-304-end-with-their-head#not-modified",)
    statuses, method = (304,), "GET"


def _unchanged(tag: str) -> Answer:
    answer = Answer(304)
    answer.headers["ETag"] = tag
    return answer


class LineEndsOfTextsMadeAlike(TextsChanged):
    """RFC 9110 section 9.3.1: what is read is what was written, each line end as it was."""

    surface = "identity"
    noticed_by = ("errors/reads/texts-come-back-as-sent#line-ends",)

    def _stored(self, text: str) -> str:
        return re.sub("\r\n?", "\n", text)


class WordOfTextIsNothing(TextsChanged):
    """RFC 9110 section 9.3.1: what is read is what was written: the text null is four letters."""

    surface = "identity"
    noticed_by = ("errors/reads/texts-come-back-as-sent#word",)

    def _stored(self, text: str) -> str:
        return "" if text == "null" else text


class NumberOfTextIsRead(TextsChanged):
    """RFC 9110 section 9.3.1: what is read is what was written: a text of digits has those that it has."""

    surface = "identity"
    noticed_by = ("errors/reads/texts-come-back-as-sent#number",)

    def _stored(self, text: str) -> str:
        return str(float(text)) if re.fullmatch(r"[0-9]+\.[0-9]+", text) else text


class HyphensOfSlugsJoined(Defect):
    """Organization Settings: a slug may have two hyphens side by side, and is not found without one of them."""

    surface = "identity"
    noticed_by = ("errors/reads/slug-is-the-one-sent#two-hyphens",)

    def new_project(
        self, original: Callable[..., Project], organization: Organization, body: dict[str, Any]
    ) -> Project:
        slug = body.get("slug")
        return original(organization, {**body, "slug": self._kept(slug)} if isinstance(slug, str) else body)

    def _kept(self, slug: str) -> str:
        return re.sub("-+", "-", slug)


class SlugsCutAtForty(HyphensOfSlugsJoined):
    """Organization Settings: nor is the end of a long one cut off."""

    noticed_by = ("errors/reads/slug-is-the-one-sent#hundred",)

    def _kept(self, slug: str) -> str:
        return slug[:40]


class AnswersCompressedUnasked(Defect):
    """RFC 9110 section 12.5.3: who accepts no content coding is sent none (and HEAD tells the length of before)."""

    surface = "identity"
    noticed_by = ("errors/reads/no-coding-where-none-is-accepted#identity", "authorization/bearer/head-is-as-get")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.body and request.headers.get("accept-encoding") == "identity":
            answer.body = gzip.compress(answer.body, mtime=0)
            answer.headers["Content-Encoding"] = "gzip"
            del answer.headers["Content-Length"]
        return answer


class WeightOfACodingUnread(Defect):
    """RFC 9110 section 12.4.2: of weight 0 is what is not acceptable; here a coding that is named is accepted."""

    surface = "identity"
    noticed_by = ("errors/reads/no-coding-where-none-is-accepted#weight-of-nothing",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.body and "gzip" in request.headers.get("accept-encoding", ""):
            answer.body = gzip.compress(answer.body, mtime=0)
            answer.headers["Content-Encoding"] = "gzip"
            del answer.headers["Content-Length"]
        return answer
