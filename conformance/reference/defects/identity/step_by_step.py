"""Defects that only the next step shows: what was told once is told again, what was refused has left something."""

from __future__ import annotations

from collections.abc import Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited
from conformance.reference.http import Answer
from conformance.reference.identity.records import Project
from conformance.reference.variants.identity_by_reading import secret_of


class SecretShownAgain(Defect):
    """Credentials: the client secret is shown once, at creation; here whoever reads the thing has it as well."""

    surface = "identity"
    noticed_by = ("authorization/bearer/secret-of-a-creation-is-shown-once",)

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        return edited(original(project, status), lambda told: told.update(client_secret=secret_of(project)))
