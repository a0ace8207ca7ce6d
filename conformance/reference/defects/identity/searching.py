"""Defects of lists that can be searched: what the list hides, the search tells."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, matches, searched_for, surface_of
from conformance.reference.http import Answer
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Project

Operation = Callable[[Call], Awaitable[Answer]]


def found(call: Call, word: str) -> list[Project]:
    """What a word finds in the whole organization, whoever asks."""
    return [each for each in call.organization.projects.values() if matches(word, each.slug, each.name)]


class SearchCountsHidden(Defect):
    """The contract's table of errors: nor does the total of a search count it, though the page does not show it."""

    surface = "identity"
    noticed_by = (
        "authorization/concealment/searching-tells-nothing#filter",
        "authorization/concealment/searching-tells-nothing#name",
        "authorization/concealment/searching-tells-nothing#q",
        "authorization/concealment/searching-tells-nothing#search",
        "authorization/concealment/searching-tells-nothing#slug",
    )

    async def get_projects(self, original: Operation, call: Call) -> Answer:
        word = searched_for(call.request)
        if word is None:
            return await original(call)
        surface = surface_of(original)
        seen = [each.document() for each in found(call, word) if surface.can_see(call.caller, each)]
        answer = surface.listing(call.request, seen)
        return edited(answer, lambda document: document.update(total=len(found(call, word))))
