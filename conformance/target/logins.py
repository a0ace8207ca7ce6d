"""Logins of a target file that the target refused at preflight."""

from __future__ import annotations

from pydantic import BaseModel, PrivateAttr

from conformance.vocabulary.finding import Inconclusive


class WithLogins(BaseModel):
    """A surface with logins by role."""

    _refused: dict[str, tuple[str, str]] = PrivateAttr(default_factory=dict)

    def refuse(self, role: str, cause: str, needs: str) -> None:
        """Record that the target refuses a role's login."""
        self._refused[role] = cause, needs

    def need(self, role: str) -> None:
        """Raise Inconclusive if the target refuses the role's login: one cause for every check that needs it."""
        if role in self._refused:
            raise Inconclusive(*self._refused[role])
