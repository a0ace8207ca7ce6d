"""Services at which a client has one token at a time: a further one ends those before it.

That is one finding (RFC 6749 section 5.1: the lifetime that was stated), and no reason that nothing else can be judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field

STEADY = ("full", "narrow", "foreign", "outsider", "viewer")
"""Roles whose tokens nothing else ends before their time."""


@dataclass
class OneEach:
    """What is known of the tokens of a run; ``found``: that further ones end those before them was seen."""

    issued: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    """Role and scopes of each."""
    latest: dict[str, str] = field(default_factory=dict)
    """The last token of each role."""
    found: bool = False

    def is_ended(self, role: str, token: str) -> bool:
        """Whether a token is known to be of no use any more."""
        return self.found and role in STEADY and self.latest.get(role, token) != token

    def may_be_ended(self, token: str) -> bool:
        """Whether a token that is refused may be so since another was issued; by another process, where that is so."""
        role = self.issued[token][0] if token in self.issued else ""
        return role in STEADY and (self.found or self.latest.get(role, token) != token)
