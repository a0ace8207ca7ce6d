"""What is wrong with an answer by itself, whatever was asked for, over all answers of a run: a judgement a function."""

from __future__ import annotations

from conformance.vocabulary.exchange import Exchange

DETAIL = "; "
"""Between what is wrong, by which a check finds it, and what else there is to say of it."""


def declared_type(exchange: Exchange) -> str:
    """What an answer says that it is, in short."""
    return f"{exchange.media_type:.80}" or "no Content-Type"
