"""Preflight: before a run, is each surface reachable, do the credentials work, and are the claimed features there?

``preflight`` probes every surface that the target describes. ``alive`` asks a surface again during the run, to tell an
outage from misbehaviour. ``accepts_events`` sends an event to a webhook, which may respond but accept nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from conformance.clients.transport.retry_after import asks_to_wait
from conformance.clients.webhooks import FIRST, content_type_of, default_content_type, event_body, origin_without_secret
from conformance.evidence.recorder import Recorder
from conformance.preflight import identity, registry, storage, webhooks
from conformance.preflight.contact import Contact, Failed, contact, is_html, is_page, not_the_surface, recorder_for
from conformance.preflight.state import SurfaceState
from conformance.target.description import Registry, Secret, Storage, Target
from conformance.target.references import secrets_in
from conformance.vocabulary.exchange import GATEWAY_ERRORS, Exchange
from conformance.vocabulary.values import is_common

__all__ = ["SurfaceState", "accepts_events", "alive", "preflight"]

SURFACES = ("identity", "registry", "storage", "webhooks")
PROBES: dict[str, Callable[[Contact, SurfaceState], None]] = {
    "identity": identity.probe, "registry": registry.probe, "storage": storage.probe, "webhooks": webhooks.probe,
}  # fmt: skip
ALIVE_S = 2.0
GUESSABLE = (
    "short or a plain word: reports show it where the target repeats it in a sentence; "
    "set one of 16 random characters or more"
)
ROLES = {"identity": ("narrow", "foreign"), "registry": ("puller", "foreign")}
"""Roles, in addition to the main one, that checks of every target need."""


def preflight(target: Target, recorder: Recorder | None = None) -> list[SurfaceState]:
    """Probe every surface that the target describes, concurrently, and return their states."""
    described = [name for name in SURFACES if getattr(target, name) is not None]
    used = recorder or recorder_for(target)
    if not described:
        return []
    with ThreadPoolExecutor(len(described)) as pool:
        return list(pool.map(lambda name: probe(target, name, used), described))


def probe(target: Target, surface: str, recorder: Recorder) -> SurfaceState:
    """Probe one surface and return its state."""
    url = url_of(target, surface)
    state = SurfaceState(surface, origin_without_secret(url) if surface == "webhooks" else url)
    used = contact(target, url, recorder)
    try:
        PROBES[surface](used, state)
        if not state.blocked and (missing := undescribed(target, surface)):
            state.warn(f"not described: {', '.join(missing)}; what needs them cannot be judged")
        for secret in guessable(target, surface):
            state.warn(f"the secret ${secret.name} is {GUESSABLE}")
        # Either a single request got no response, or the surface went down meanwhile.
        if used.unanswered and (cause := alive(target, surface)):
            state.unreachable(cause)
    except Failed as failure:
        state.unreachable(str(failure))
    finally:
        used.http.close()
    if state.locked:
        # If the main login is refused, that is the one cause.
        state.refused.clear()
    return state


def undescribed(target: Target, surface: str) -> list[str]:
    """Return the parts of a surface that the target file does not describe, and that applicable checks need."""
    described = getattr(target, surface)
    credentials: Collection[str] = getattr(described, "credentials", ())
    # If a surface is described without credentials, no check that needs a login runs.
    missing = [f"credentials.{role}" for role in ROLES.get(surface, ()) if credentials and role not in credentials]
    if credentials and isinstance(described, Registry) and not described.foreign_repository:
        missing.append("foreign_repository")
    if isinstance(described, Storage):
        missing += ["a second bucket in buckets"] if len(described.buckets) < 2 else []
        missing += [] if described.foreign_bucket else ["foreign_bucket"]
    return missing


def guessable(target: Target, surface: str) -> list[Secret]:
    """Return the secrets of a surface that other texts may contain by chance; an S3 access key is not secret."""
    described = getattr(target, surface)
    access_key = getattr(described, "access_key", None)
    return [each for each in secrets_in(described) if each != access_key and is_common(each.reveal())]


def alive(target: Target, surface: str) -> str:
    """Return "" if the surface still responds, else the cause. Sends one or two light requests."""
    reply = _probe_again(target, surface)
    if target.registry is not None and surface == "registry" and not isinstance(reply, str) and is_html(reply):
        # A web page at /v2/ does not affect other paths.
        reply = _probe_again(target, surface, f"/v2/{target.registry.repository}/tags/list")
    if isinstance(reply, str):
        return reply
    # Checks judge the surface's own errors; these come from a gateway in front of it.
    if reply.status in GATEWAY_ERRORS:
        return f"answers {reply.status}: a gateway whose service is down"
    if surface == "webhooks":
        return _no_webhook(reply)
    if reply.status == 200 and is_html(reply):
        return "answers HTML in place of the service"
    return ""


def accepts_events(target: Target) -> str:
    """Return "" if the webhook accepts a plain event or asks to wait, else the refusal. Sends one request."""
    reply = _probe_again(target, "webhooks")
    if isinstance(reply, str):
        return reply
    return (
        "" if reply.ok or reply.status == 429 or asks_to_wait(reply) else f"a good delivery is answered {reply.status}"
    )


def _probe_again(target: Target, surface: str, path: str = "") -> Exchange | str:
    """Return the response to one light request (to a webhook an event), or why there is none."""
    used = contact(target, url_of(target, surface), recorder_for(target), ALIVE_S)
    try:
        if target.webhooks is not None and surface == "webhooks":
            kind = default_content_type(target.webhooks)
            return used.ask("POST", "", [("Content-Type", content_type_of(kind))], event_body(kind, FIRST))
        return used.ask("GET", path or _light_path(target, surface))
    except Failed as failure:
        return str(failure)
    finally:
        used.http.close()


def _no_webhook(reply: Exchange) -> str:
    """Return why a response to an event is not a webhook's, or ""; a deleted webhook may return any 404."""
    cause = not_the_surface(reply, "a webhook", is_page) if reply.status != 404 else ""
    return cause.partition(";")[0]


def url_of(target: Target, surface: str) -> str:
    """Return the URL of a surface; that of webhooks is secret."""
    if surface == "webhooks" and target.webhooks is not None:
        return target.webhooks.live
    described = getattr(target, surface)
    return str(described.endpoint if surface == "storage" else described.url)


def _light_path(target: Target, surface: str) -> str:
    if surface == "identity" and target.identity is not None:
        return target.identity.token_path
    return {"registry": "/v2/", "storage": "/"}.get(surface, "")
