"""A registry login that is revoked while it is in use, and one that asks too often."""

from __future__ import annotations

import time
from collections.abc import Callable

from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.registry.client import Registry, StoredImage
from conformance.clients.registry.login import token_in
from conformance.clients.registry.tokens import presented
from conformance.oracles.rate_limits import expect_limited, stated
from conformance.oracles.status import expect_status, observed
from conformance.target.description import Target
from conformance.vocabulary.check import disturbs, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotDeclared

AGAIN_S = 0.05


@verifies("registry/login/revocation-is-immediate")
@disturbs("login revocable")
def test_revocation_is_immediate(
    registry: Registry, stored: StoredImage, target: Target, changer: Callable[[str, str, str], Operator]
) -> None:
    """Purpose: a login that leaked opens nothing from the moment at which it is revoked.

    Method: 1. pull an image with the login in the role revocable
            2. revoke the login by the operator's hook
            3. log in and pull again until limits.revocation has passed: expect a refusal by then
    """
    revoker = changer("registry revocable", "revoke", "restore")
    account = registry.account("revocable")

    def pulled() -> tuple[Exchange | None, Exchange]:
        asked, theirs = presented(stored.repository, account.username, account.password, "pull")
        return asked, asked if asked and not token_in(asked) else theirs.get_manifest(stored.tag)

    _, before = pulled()
    if not before.ok:
        raise Inconclusive(f"the login in the role revocable pulls nothing: {observed(before)}", "a login that works")
    until = revoker.revoke(account.username) + target.limits.revocation
    asked, reply = pulled()
    while reply.ok and time.monotonic() < until:
        time.sleep(AGAIN_S)
        asked, reply = pulled()
    expect_status(reply, range(400, 500), "for a login that was revoked", or_refused=asked)


@verifies("registry/errors/requests-are-limited")
@disturbs("login limited")
def test_requests_are_limited(registry: Registry, stored: StoredImage, target: Target) -> None:
    """Purpose: a client that asks the registry too often learns it by the documented status.

    Method: 1. with the login in the role limited, HEAD a manifest more often than limits.registry_requests permits
            2. expect 429
    """
    stated(target.limits.registry_requests, "registry_requests")
    if "limited" not in registry.described.credentials:
        raise NotDeclared("the target file describes no login in the role limited", "registry.credentials.limited")
    repository = stored.repository.as_role("limited").impatient()
    expect_limited(target.limits.registry_requests, "registry_requests", lambda: repository.head_manifest(stored.tag))
