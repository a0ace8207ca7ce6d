"""HEAD is supported and returns the same header fields as GET (RFC 9110, section 9.3.2)."""

from __future__ import annotations

from conformance.oracles.status import NOT_OFFERED, observed
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof


@verifies("authorization/bearer/head-is-offered")
def test_head_is_offered(platform: Platform, reads: list[tuple[Operation, str]]) -> None:
    """Purpose: a client can check whether a resource exists, and its size, without its content.

    Method: 1. send HEAD to each declared resource with the valid token
            2. expect neither 405 nor 501
    """
    for operation, token in [each for each in reads if each[0].method == "GET"]:
        reply = platform.send(operation, token, method="HEAD")
        if reply.status in NOT_OFFERED:
            proof = Proof(reply.id, statuses=(200,))
            raise NonConformance("HEAD where there is GET", observed(reply), reply, proof=proof)


@verifies("authorization/bearer/head-is-as-get")
def test_head_is_as_get(platform: Platform, reads: list[tuple[Operation, str]]) -> None:
    """Purpose: HEAD returns the header fields of GET, without content.

    Method: 1. send GET, HEAD and GET to each declared resource, and to an item of each, with the valid token
            2. expect the same status, no body, and the Content-Type of GET if HEAD states one
            3. expect the Content-Length and ETag of both GETs, if stated; a difference counts if both GETs have one
               strong ETag, or if it recurs four times
    """
    token = reads[0][1]
    for operation in platform.operations("read", "read-item"):
        if operation.method != "GET":
            continue

        def ask(operation: Operation = operation) -> list[Exchange]:
            return [platform.send(operation, token, method=method) for method in ("GET", "HEAD", "GET")]

        got, head, again = ask()
        if head.status in NOT_OFFERED:
            continue
        if got.status != head.status or head.media_type not in ("", got.media_type) or head.body:
            expected = f"{got.status} {got.media_type} without content"
            proof = Proof(head.id, statuses=(got.status,), same_if_any=(("content-type", got.id, head.id),))
            seen = observed(head) if head.body else f"{head.status} {head.media_type} without content"
            raise NonConformance(expected, seen, got, head, proof=proof)
        for name in ("Content-Length", "ETag"):
            same = is_one_version(got, head, again)
            if differs(name, [got, head, again]) and (same or all(differs(name, ask()) for _ in range(3))):
                expected, seen = (f"{name}: {each.headers.get(name)}" for each in (got, head))
                proof = Proof(same_if_any=((name.lower(), got.id, head.id),))
                raise NonConformance(expected, seen, got, head, proof=proof)


def is_one_version(*replies: Exchange) -> bool:
    """Return whether all responses have the same strong entity tag (RFC 9110 section 8.8.1)."""
    tags = {each.headers.get("etag") or "" for each in replies}
    return len(tags) == 1 and tags.pop().startswith('"')


def differs(name: str, replies: list[Exchange]) -> bool:
    """Return whether HEAD states another value of a field than the GET before and the GET after it."""
    before, head, after = ((each.headers.get(name) or "").removeprefix("W/") for each in replies)
    return before == after != "" and head not in ("", before)
