"""HEAD is supported and returns the same header fields as GET (RFC 9110, section 9.3.2)."""

from __future__ import annotations

from functools import partial

from conformance.oracles.status import NOT_OFFERED, observed
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, Proof


def reads(platform: Platform) -> list[tuple[Operation, str]]:
    """Each declared read with a token that opens it; Inconclusive where it does not."""
    found = [(each, platform.oauth.token("full")) for each in platform.operations("read")]
    control = platform.send(*found[0])
    if not control.ok:
        raise Inconclusive(
            f"{found[0][0]} is answered {control.status} to a good token", "a resource that full may read"
        )
    return found


@verifies("authorization/bearer/head-is-offered")
def test_head_is_offered(platform: Platform) -> None:
    """Purpose: whoever asks whether a resource is there, or how long it is, need not take it along.

    Method: 1. send HEAD to each declared resource with the good token
            2. expect neither 405 nor 501
    """
    for operation, token in [each for each in reads(platform) if each[0].method == "GET"]:
        reply = platform.send(operation, token, method="HEAD")
        if reply.status in NOT_OFFERED:
            raise NonConformance(
                "HEAD where there is GET", observed(reply), reply, proof=Proof(reply.id, statuses=(200,))
            )


@verifies("authorization/bearer/head-is-as-get")
def test_head_is_as_get(platform: Platform) -> None:
    """Purpose: HEAD tells what GET tells, without content.

    Method: 1. send GET and HEAD to each declared resource, and to an item of each, with the good token
            2. where there is HEAD, expect one status, no body, and the Content-Type of GET where HEAD states one
            3. where HEAD states a Content-Length or ETag, expect that of GET, if that has the same one again: another
               one counts if it is there four times; another length of what has that very ETag counts at once
    """
    token = reads(platform)[0][1]
    for operation in platform.operations("read", "read-item"):
        if operation.method == "GET":
            ask = partial(_head_between_two, platform, operation, token)
            got, head, again = ask()
            if head.status in NOT_OFFERED:
                continue
            if got.status != head.status or head.media_type not in ("", got.media_type) or head.body:
                wanted = f"{got.status} {got.media_type} without content"
                proof = Proof(head.id, statuses=(got.status,), same_if_any=(("content-type", got.id, head.id),))
                told = observed(head) if head.body else f"{head.status} {head.media_type} without content"
                raise NonConformance(wanted, told, got, head, proof=proof)
            for name in ("Content-Length", "ETag"):
                differ = partial(_fields_differ, name)
                of_one_version = _is_one_version(got, head, again)
                if differ(got, head, again) and (of_one_version or all(differ(*ask()) for _ in range(3))):
                    expected, told = (f"{name}: {each.headers.get(name)}" for each in (got, head))
                    proof = Proof(same_if_any=((name.lower(), got.id, head.id),))
                    raise NonConformance(expected, told, got, head, proof=proof)


def _head_between_two(platform: Platform, operation: Operation, token: str) -> list[Exchange]:
    return [platform.send(operation, token, method=method) for method in ("GET", "HEAD", "GET")]


def _is_one_version(*replies: Exchange) -> bool:
    """Whether one strong entity tag says that all are of the very same bytes (RFC 9110 section 8.8.1)."""
    tags = {each.headers.get("etag") or "" for each in replies}
    return len(tags) == 1 and tags.pop().startswith('"')


def _fields_differ(name: str, before: Exchange, head: Exchange, after: Exchange) -> bool:
    """Whether HEAD states another value of a field than GET does before and after."""
    values = [(each.headers.get(name) or "").removeprefix("W/") for each in (before, head, after)]
    return values[0] == values[2] != "" and values[1] not in ("", values[0])
