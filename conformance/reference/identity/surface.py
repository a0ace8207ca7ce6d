"""Routing of the identity surface."""

from __future__ import annotations

from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import OrganizationApi
from conformance.reference.identity.registry_tokens import RegistryTokens
from conformance.reference.identity.state import Refused
from conformance.reference.identity.token_endpoint import TokenEndpoint
from conformance.reference.identity.wire import path_segments


class Identity(TokenEndpoint, OrganizationApi, RegistryTokens):
    """OAuth token endpoint, key set, organization API and registry token endpoint under one host."""

    async def handle(self, request: Request) -> Answer:
        try:
            answer = await self.dispatch(request)
        except Refused as refusal:
            answer = refusal.answer
        return self.finish(request, answer)

    async def dispatch(self, request: Request) -> Answer:
        """Return the response of the endpoint that a path names."""
        segments = path_segments(request.raw_path)
        if segments[:1] == ("api",):
            return await self.api(request, segments)
        if segments == ("oauth", "token"):
            return await self.token(request)
        if segments == ("registry", "token"):
            return await self.registry_token(request)
        if segments == (".well-known", "jwks.json"):
            return self.published_keys(request)
        return self.not_found()

    def published_keys(self, request: Request) -> Answer:
        """``GET /.well-known/jwks.json``."""
        if request.method not in ("GET", "HEAD"):
            return self.api_error(405, "method_not_allowed", "The resource has no such method.", Allow="GET, HEAD")
        return self.key_set()
