"""Responses show no secret, are closed to caches and other origins, and HEAD is answered like GET."""

from __future__ import annotations

import time
from functools import partial
from urllib.parse import urlsplit

import pytest

from conformance.clients.oauth.client import access_token, bearer
from conformance.oracles.documents import named_texts
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.headers import expect_no_credentialed_cors, expect_not_shared
from conformance.oracles.oauth import expect_no_token
from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success, observed, unlike
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable

SHORTEST_SECRET = 16
"""A shorter text may be a common word."""
SECRET = "clientsecret"


@verifies("authorization/bearer/responses-show-no-secret")
def test_responses_show_no_secret(platform: Platform, shown: list[tuple[Operation, Exchange]]) -> None:
    """Purpose: a client secret is shown once, at creation, and never again.

    Method: 1. read each declared resource and item as full; 2. expect no client secret of the target file in them
    """
    secrets = [each.client_secret.reveal() for each in platform.oauth.identity.credentials.values()]
    for _, answer in shown:
        expect_not_repeated(answer, [each for each in secrets if len(each) >= SHORTEST_SECRET], "a client secret")


def words(name: str) -> str:
    """Return the letters and digits of a name in lower case, so that client_secret and clientSecret are equal."""
    return "".join(filter(str.isalnum, name)).lower()


def secrets_in(made: Exchange) -> set[str]:
    """Return the client secrets in the response to a creation."""
    texts = named_texts(made) if made.ok else []
    return {text for name, text in texts if words(name).endswith(SECRET) and len(text) >= SHORTEST_SECRET}


@verifies("authorization/bearer/responses-show-no-secret#of-a-created-credential")
def test_secret_of_a_creation_is_shown_once(platform: Platform) -> None:
    """Purpose: a member who may list credentials must not get their secrets.

    Method: 1. create two items of each declared resource; continue if the first shows a client secret of its own
            2. read the item and its list, update it, and create another of its name: expect the secret in no response
    """
    judged = False
    for resource in platform.resources_with("create", "item"):
        made = platform.create(resource, slug := platform.names.new())
        secrets = secrets_in(made)
        # A text that the second creation shows as well is a placeholder.
        if secrets and (secrets := secrets - secrets_in(platform.create(resource, platform.names.new()))):
            judged = True
            kinds = ["read-item", *(["update", "read-item"] if resource.update else []), "create"]
            later = [platform.as_role("full", platform.operation(resource, kind, slug)) for kind in kinds]
            for answer in [*later, *platform.pages("full", platform.operation(resource, "read"))]:
                expect_not_repeated(answer, sorted(secrets), "the client secret that its creation has shown")
    if not judged:
        raise NotApplicable("no creation shows a client secret")


@verifies("authorization/revocation/every-token-becomes-invalid#of-a-deleted-credential")
def test_deleted_credential_opens_nothing(platform: Platform) -> None:
    """Purpose: deleting a credential through an API must revoke its tokens as well.

    Method: 1. create an item of each resource; continue if the response shows a client id and secret that get a token
            2. use the token at the declared resources, and delete the item
            3. expect no further token, and 401 where the token opened something, within the limit of the target file
    """
    judged = False
    for resource in platform.resources_with("create", "item", "delete"):
        made = platform.create(resource, slug := platform.names.new())
        texts = {words(name): text for name, text in named_texts(made)} if made.ok else {}
        client_id, secret = texts.get("clientid"), texts.get(SECRET)
        request = partial(platform.oauth.request_token, client_id=client_id, client_secret=secret, scope=None)
        token = access_token(request()) if client_id and secret else None
        if token is None:
            continue
        judged, field = True, bearer(token)
        uses = [partial(platform.http.send, each.method, each.path, [field]) for each in platform.operations("read")]
        opened = [use for use in uses if use().ok]
        deleted = time.monotonic()
        expect_success(platform.as_role("full", platform.operation(resource, "delete", slug)))
        expect_no_token(platform.known_in_time(request, deleted), "for a credential that was deleted")
        for use in opened:
            reply = platform.known_in_time(use, deleted, 401)
            expect_status(reply, 401, "for a token of a credential that was deleted")
    if not judged:
        raise NotApplicable("no creation shows a client id and secret that get a token")


@verifies("authorization/bearer/shared-caches-store-no-response")
def test_shared_caches_store_no_response(platform: Platform, reads: list[tuple[Operation, str]]) -> None:
    """Purpose: a shared cache must not serve one caller's response to another caller.

    Method: 1. read each declared resource with and without its scope, one without a token, and an absent path
            2. expect no Cache-Control that lets a shared cache store the response
    """
    for number, (operation, token) in enumerate(reads):
        lacking = [platform.oauth.token_without(operation.scope)] if operation.scope else []
        for each in (token, *lacking, *([None] if number == 0 else [])):
            expect_not_shared(platform.send(operation, each))
    for resource in [each for each in platform.resources if each.item or each.absent][:1]:
        expect_not_shared(platform.http.get(platform.absent_path(resource), [bearer(platform.oauth.token("full"))]))


@verifies("authorization/bearer/unknown-origin-is-not-allowed")
@pytest.mark.parametrize(
    "origin",
    [
        case("unknown", "https://cf-unknown.example"),
        case("null", "null"),
        case("ends-like-ours", "https://cf-{host}"),
        case("begins-like-ours", "https://{host}.cf-unknown.example"),
    ],
)
def test_unknown_origin_is_not_allowed(platform: Platform, origin: str) -> None:
    """Purpose: a web page of another site must not read the APIs with its visitor's credentials.

    Method: 1. read a declared resource with an Origin that is unknown, null, or begins or ends like the API's host
            2. expect no response that allows that origin with credentials
    """
    sent = origin.replace("{host}", str(urlsplit(platform.http.base_url).hostname))
    reply = platform.as_role("full", platform.operations("read")[0], [("Origin", sent)])
    expect_no_credentialed_cors(reply, sent)


@verifies("authorization/bearer/head-is-offered")
def test_head_is_offered(platform: Platform, reads: list[tuple[Operation, str]]) -> None:
    """Purpose: a client can check whether a resource exists, and its size, without its content.

    Method: 1. send HEAD to each declared resource with the valid token; 2. expect neither 405 nor 501
    """
    for operation, token in [each for each in reads if each[0].method == "GET"]:
        reply = platform.send(operation, token, method="HEAD")
        if reply.status in NOT_OFFERED:
            raise unlike("200, since GET is supported", reply, [200])


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

        def read(operation: Operation = operation) -> list[Exchange]:
            return [platform.send(operation, token, method=method) for method in ("GET", "HEAD", "GET")]

        first, head, again = read()
        if head.status in NOT_OFFERED:
            continue
        if first.status != head.status or head.media_type not in ("", first.media_type) or head.body:
            expected = f"{first.status} {first.media_type} without content"
            seen = observed(head) if head.body else f"{head.status} {head.media_type} without content"
            raise NonConformance(expected, seen, first, head)
        for name in ("Content-Length", "ETag"):
            same = is_one_version(first, head, again)
            if differs(name, [first, head, again]) and (same or all(differs(name, read()) for _ in range(3))):
                expected, seen = (f"{name}: {each.headers.get(name)}" for each in (first, head))
                raise NonConformance(expected, seen, first, head)


def is_one_version(*replies: Exchange) -> bool:
    """Return whether all responses have the same strong entity tag (RFC 9110 section 8.8.1)."""
    tags = {each.headers.get("etag") or "" for each in replies}
    return len(tags) == 1 and tags.pop().startswith('"')


def differs(name: str, replies: list[Exchange]) -> bool:
    """Return whether HEAD states another value of a field than the GET before and the GET after it."""
    before, head, after = ((each.headers.get(name) or "").removeprefix("W/") for each in replies)
    return before == after != "" and head not in ("", before)
