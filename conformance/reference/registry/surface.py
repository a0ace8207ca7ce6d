"""The registry as a surface: routing, authorization, response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.listings import Listings
from conformance.reference.registry.manifests import Manifests
from conformance.reference.registry.routing import Call, Route, find_route
from conformance.reference.registry.uploads import Uploads

API_VERSION = "Docker-Distribution-Api-Version"


class Registry(Uploads, Manifests, Listings):
    """Docker Registry V2 and OCI distribution 1.1, in memory, with the Docker token flow."""

    async def handle(self, request: Request) -> Answer:
        try:
            answer = await self.answer(request)
        except Refusal as refusal:
            answer = refusal.answer()
        if self.is_api(request.path):
            answer.headers[API_VERSION] = "registry/2.0"
        return answer

    def is_api(self, path: str) -> bool:
        return path == "/v2" or path.startswith("/v2/")

    async def answer(self, request: Request) -> Answer:
        """Return the response to a request, or raise Refusal.

        Endpoint, method, repository name and authorization are checked in this order, before any lookup.
        """
        route, name, reference = self.route_of(request.path)
        self.check_method(route, request.method)
        if name and not self.is_name(name):
            raise Refusal("NAME_INVALID", {"name": name})
        caller = self.authorize(route.kind, name, request)
        handler: Callable[[Call], Awaitable[Answer]] = getattr(self, route.handlers[request.method])
        return await handler(Call(request, name, reference, caller))

    def route_of(self, path: str) -> tuple[Route, str, str]:
        found = find_route(path)
        if found is None:
            raise Refusal("UNSUPPORTED", {"path": path}, status=404)
        return found

    def check_method(self, route: Route, method: str) -> None:
        """Refuse other methods with 405 and Allow (RFC 9110 section 15.5.6)."""
        if method not in route.handlers:
            raise Refusal("UNSUPPORTED", {"method": method}, headers=[("Allow", route.allow)])

    async def support(self, call: Call) -> Answer:
        """Confirm to an authenticated caller that this is a registry."""
        return Answer.json(200, {})
