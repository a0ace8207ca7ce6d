"""Support for services that give a client one token at a time, so that a new one invalidates the previous.

One check reports that (RFC 6749 section 5.1: the stated lifetime). All others must still be judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field

STEADY = ("full", "narrow", "foreign", "outsider", "viewer")
"""Roles whose tokens no check revokes early."""


@dataclass
class SingleActiveToken:
    """The issued tokens of a run; ``found``: a new token was seen to invalidate the previous one."""

    issued: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    """Role and scopes by token."""
    latest: dict[str, str] = field(default_factory=dict)
    """The latest token by role."""
    found: bool = False

    def is_ended(self, role: str, token: str) -> bool:
        """Return whether a token is known to be invalidated."""
        return self.found and role in STEADY and self.latest.get(role, token) != token

    def may_be_ended(self, token: str) -> bool:
        """Return whether a new token, perhaps of another process, may have invalidated a refused one."""
        role = self.issued[token][0] if token in self.issued else ""
        return role in STEADY and (self.found or self.latest.get(role, token) != token)
