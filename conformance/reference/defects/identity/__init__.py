"""Defects of the identity surface, a module for each family of its promises."""

from conformance.reference.defects.identity import (
    access_tokens,
    bearer,
    client_authentication,
    concealment,
    conflicts,
    foreign,
    limits,
    organizations,
    registry_tokens,
    revocation,
    scopes,
    searching,
    token_answers,
    token_requests,
    ways_round,
)

__all__ = [
    "access_tokens",
    "bearer",
    "client_authentication",
    "concealment",
    "conflicts",
    "foreign",
    "limits",
    "organizations",
    "registry_tokens",
    "revocation",
    "scopes",
    "searching",
    "token_answers",
    "token_requests",
    "ways_round",
]
