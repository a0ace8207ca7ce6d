"""What an identity service lets one have at a time, and when what is done is seen."""

from __future__ import annotations

import asyncio
import copy
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

from conformance.reference.defects.base import Variant
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.variants.later import Later

Create = Callable[[Organization, Project], Awaitable[bool]]
Operation = Callable[[Call], Awaitable[Answer]]
CLIENT_ID = re.compile(rb"client_id=[^&]*")
CONDITIONS = {"if-match", "if-none-match", "if-unmodified-since"}


class ProjectsAreFew(Variant):
    """The contract's table of errors: 403 for what a policy refuses, here more projects at a time than so many."""

    surface = "identity"
    most = 20

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        if project.slug not in organization.projects and len(organization.projects) >= self.most:
            raise Refused(surface_of(original).api_error(403, "quota_exceeded", "No more projects are allowed."))
        return await original(organization, project)


class UpdatesComeLater(Variant):
    """RFC 9110 section 15.3.3: 202 for an update that has yet to come, which nobody made conditional."""

    surface = "identity"
    # What another variant refuses would be told as 202, and never come: each update would be waited for to the end.
    alone = True

    def __init__(self) -> None:
        self.later = Later(0.1, Refused)

    async def patch_project(self, original: Operation, call: Call) -> Answer:
        surface = surface_of(original)
        surface.visible_project(call.caller, call.organization, call.slug)
        body = surface.body_object(call.request)
        surface.changes(call.organization, body)
        if "version" in body or CONDITIONS & set(call.request.headers):
            return await original(call)
        self.later.do(lambda: original(call))
        return Answer.json(202, {"state": "updating"})


class ListsLagBehind(Variant):
    """The contract names no moment at which a list tells of what was done: it may be read from a copy."""

    surface = "identity"
    lag_s = 0.2

    def __init__(self) -> None:
        self.copies: dict[str, tuple[float, dict[str, Project]]] = {}

    def visible_projects(
        self, original: Callable[[Caller, Organization], list[Project]], caller: Caller, organization: Organization
    ) -> list[Project]:
        now, there = time.monotonic(), {slug: copy.copy(each) for slug, each in organization.projects.items()}
        copied, listed = self.copies.get(organization.slug, (0.0, there))
        if now - copied >= self.lag_s:
            self.copies[organization.slug], listed = (now, there), there
        return original(caller, replace(organization, projects=listed))


class TwoTokenRequestsAtOnce(Variant):
    """The contract's table of errors: 429 for who asks for more tokens at one moment than so many."""

    surface = "identity"
    most, takes_s = 2, 0.01

    def __init__(self) -> None:
        self.under_way: Counter[str] = Counter()

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        named = CLIENT_ID.search(request.body)
        asker = request.headers.get("authorization") or (named[0].decode("latin-1") if named else "")
        if self.under_way[asker] >= self.most:
            return surface_of(original).limit_exceeded(1)
        self.under_way[asker] += 1
        try:
            await asyncio.sleep(self.takes_s)
            return await original(request)
        finally:
            self.under_way[asker] -= 1
