"""The judgements that apply to all responses of each surface."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.evidence.judgements.content_type import undeclared_json
from conformance.evidence.judgements.duplicates import OF_REGISTRIES, repeated_field, repeated_member
from conformance.evidence.judgements.error_documents import document_flaw
from conformance.evidence.judgements.methods import unchallenged_basic, unnamed_methods
from conformance.evidence.judgements.object_fields import malformed_field
from conformance.evidence.judgements.object_sizes import Sizes
from conformance.evidence.judgements.reads import digest_flaw, list_flaw
from conformance.evidence.judgements.refusals import ANOTHER_REALM, flaw, realms_of, scope_flaw, warning_flaw
from conformance.evidence.judgements.result_documents import read_result, result_flaws
from conformance.evidence.judgements.sessions import Openings, subject_flaw
from conformance.evidence.judgements.successes import (
    REGISTRY,
    STORAGE,
    absent_fields,
    is_of_s3,
    received_flaw,
    tag_flaw,
    wrong_status,
)
from conformance.evidence.judgements.times import date_flaw
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange

FAILED = "a server error for"
"""The start of the flaw of a 500 from an organization API; method and resource follow."""
MOST_REALMS = 20


class Flaws:
    """Judges a response by its surface, in some judgements compared with earlier responses."""

    def __init__(self) -> None:
        self.apis: tuple[str, ...] = ()
        self._identity: tuple[str, ...] = ()
        self._registry = self._own = self._gateway = self._tokens = ""
        self.reset()

    def set_target(self, target: Target) -> None:
        """Judge the responses of a target."""
        if target.identity:
            # The same host may serve other applications, with other rules for 401.
            self.apis = tuple(target.identity.url + each.path for each in target.identity.resources)
            paths = (target.identity.token_path, target.identity.jwks_path)
            self._tokens = target.identity.url + target.identity.token_path
            self._identity = (*self.apis, *(target.identity.url + each for each in paths if each))
        self._registry = target.registry.url if target.registry else ""
        # Repositories of another organization may have a different realm.
        self._own = f"/v2/{target.registry.repository}" if target.registry else ""
        self._gateway = target.storage.endpoint if target.storage else ""

    def reset(self) -> None:
        """Forget earlier responses."""
        self._realms: list[str] = []
        self._openings, self._sizes = Openings(), Sizes()

    def of(self, exchange: Exchange) -> Iterator[tuple[str, str]]:
        """Yield the surface and the flaw for each flaw of a response."""
        if exchange.url.startswith(self._identity):
            yield from _found("identity", self._of_identity(exchange))
        if self._registry and exchange.url.startswith(f"{self._registry}/"):
            yield from _found("registry", self._of_registry(exchange, exchange.url.removeprefix(self._registry)))
        if self._gateway and exchange.url.startswith(f"{self._gateway}/") and is_of_s3(exchange):
            yield from _found("storage", self._of_gateway(exchange, exchange.url.removeprefix(self._gateway)))

    def _of_identity(self, exchange: Exchange) -> Iterator[str]:
        yield repeated_field(exchange)
        yield repeated_member(exchange)
        yield undeclared_json(exchange)
        yield unnamed_methods(exchange)
        yield unchallenged_basic(exchange) if exchange.url == self._tokens else ""
        if exchange.status == 500 and (paths := [each for each in self.apis if exchange.url.startswith(each)]):
            yield f"{FAILED} {exchange.method} {max(paths, key=len)}"

    def _of_registry(self, exchange: Exchange, path: str) -> Iterator[str]:
        yield wrong_status(exchange, path, REGISTRY)
        if not path.startswith("/v2/"):
            return
        yield repeated_field(exchange, OF_REGISTRIES)
        yield received_flaw(exchange, path)
        yield from absent_fields(exchange, path)
        yield digest_flaw(exchange, path)
        yield list_flaw(exchange, path)
        yield self._openings.flaw(exchange, path)
        yield subject_flaw(exchange, path)
        yield flaw(exchange, path) if 400 <= exchange.status < 500 else ""
        yield scope_flaw(exchange, path)
        yield warning_flaw(exchange) if "warning" in exchange.headers else ""
        yield date_flaw(exchange)
        if path == "/v2/" or path.startswith(self._own):
            yield self._changed_realm(realms_of(exchange))

    def _of_gateway(self, exchange: Exchange, path: str) -> Iterator[str]:
        yield wrong_status(exchange, path, STORAGE)
        yield tag_flaw(exchange, path)
        yield repeated_field(exchange)
        yield malformed_field(exchange, path)
        result = read_result(exchange)
        yield self._sizes.flaw(exchange, path, result)
        yield document_flaw(exchange)
        if result is not None:
            yield from result_flaws(exchange, path, result)

    def _changed_realm(self, realms: str) -> str:
        """Return the flaw of a challenge with realms that no earlier challenge named; the first one is no flaw."""
        if not realms or realms in self._realms or len(self._realms) == MOST_REALMS:
            return ""
        self._realms.append(realms)
        return ANOTHER_REALM if len(self._realms) > 1 else ""


def _found(surface: str, flaws: Iterator[str]) -> Iterator[tuple[str, str]]:
    return ((surface, flaw) for flaw in flaws if flaw)
