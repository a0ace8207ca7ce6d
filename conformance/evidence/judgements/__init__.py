"""Passive judgements of every response of a run, whatever the request: one function each.

Each returns the flaw of a response, "" if there is none.
"""

from __future__ import annotations

from conformance.vocabulary.exchange import Exchange

DETAIL = "; "
"""The separator between a flaw, by which checks find it, and its detail."""


def declared_type(exchange: Exchange) -> str:
    """Return the media type of a response, cut at 80 characters."""
    return f"{exchange.media_type:.80}" or "no Content-Type"
