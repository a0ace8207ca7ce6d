"""A credential created through an API shows its secret once, and opens nothing after its deletion."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from conformance.clients.oauth.client import access_token, bearer
from conformance.evidence.shared_requests import Once
from conformance.oracles.documents import named_texts
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.oauth import expect_no_token
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Proof

SHORTEST_SECRET = 16
SECRET = "clientsecret"


def read(platform: Platform, once: Once) -> list[tuple[Operation, Exchange]]:
    """Each declared read and item with the answer that the role full is given; Inconclusive where the first is none."""
    operations = platform.operations("read", "read-item")
    found = once("reads of full", lambda: [(each, platform.as_role("full", each)) for each in operations])
    if not found[0][1].ok:
        raise Inconclusive(f"{found[0][0]} is answered {found[0][1].status}", "a resource that full may read")
    return found


@contextmanager
def new_each_time() -> Iterator[None]:
    """Has a finding say that no script can know what the creation shows when it is run."""
    try:
        yield
    except NonConformance as finding:
        finding.proof = Proof(beyond="the client secret that a creation shows is another each time")
        raise


@verifies("authorization/bearer/secret-of-a-creation-is-shown-once")
def test_secret_of_a_creation_is_shown_once(platform: Platform) -> None:
    """Purpose: who may look at the credentials of an organization does not have them for that.

    Method: 1. create two items of each declared resource; go on where the creation of the first shows a client secret
               that is not what the second shows
            2. read the item and its list, update it where it can be, and create another of its name
            3. expect the secret in none of the answers
    """
    judged = False
    for resource in platform.resources_with("create", "item"):
        made = platform.create(resource, slug := platform.names.new())
        secrets = _secrets_in(made)
        # What another creation shows as well stands in place of a secret.
        if secrets and (secrets := secrets - _secrets_in(platform.create(resource, platform.names.new()))):
            judged = True
            kinds = ["read-item", *(["update", "read-item"] if resource.update else []), "create"]
            later = [platform.as_role("full", platform.operation(resource, kind, slug)) for kind in kinds]
            with new_each_time():
                for answer in [*later, *platform.pages("full", platform.operation(resource, "read"))]:
                    expect_not_repeated(answer, sorted(secrets), "the client secret that its creation has shown")
    if not judged:
        raise NotApplicable("no creation shows a client secret")


def _secrets_in(made: Exchange) -> set[str]:
    """The client secrets that a creation shows."""
    return {text for name, text in named_texts(made) if _is_secret(name, text)} if made.ok else set()


def _is_secret(name: str, text: str) -> bool:
    """Whether a member is that of a client secret."""
    return _words(name).endswith(SECRET) and len(text) >= SHORTEST_SECRET


def _words(name: str) -> str:
    """The words of a name, however they are joined."""
    return "".join(filter(str.isalnum, name)).lower()


@verifies("authorization/revocation/deleted-credential-opens-nothing")
def test_deleted_credential_opens_nothing(platform: Platform) -> None:
    """Purpose: who takes away a credential that an API made has taken away what was given for it.

    Method: 1. create an item of each resource; where that shows a client id and secret, ask for a token with these
            2. use the token at the declared resources, and delete the item
            3. within the bound of the target file expect no further token, and 401 where it had opened something
    """
    judged = False
    for resource in platform.resources_with("create", "item", "delete"):
        made = platform.create(resource, slug := platform.names.new())
        told = {_words(name): text for name, text in named_texts(made)} if made.ok else {}
        own, secret = told.get("clientid"), told.get(SECRET)
        ask = partial(platform.oauth.request_token, client_id=own, client_secret=secret, scope=None)
        token = access_token(ask()) if own and secret else None
        if token is None:
            continue
        judged = True
        uses = [
            partial(platform.http.send, each.method, each.path, [bearer(token)]) for each in platform.operations("read")
        ]
        opened = [use for use in uses if use().ok]
        deleted = time.monotonic()
        expect_success(platform.as_role("full", platform.operation(resource, "delete", slug)))
        with new_each_time():
            expect_no_token(platform.known_in_time(ask, deleted), "for a credential that was deleted")
            for use in opened:
                reply = platform.known_in_time(use, deleted, 401)
                expect_status(reply, 401, "for a token of a credential that was deleted")
    if not judged:
        raise NotApplicable("no creation shows a client id and secret that get a token")
