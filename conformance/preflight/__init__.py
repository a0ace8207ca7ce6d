"""Preflight: before a run, is each surface reachable, do the credentials work, and are the claimed features there?

``preflight`` looks closely at every surface that the target describes; ``alive`` asks one once more, so that
a surface which went down in the middle of a run is told from one that misbehaves. ``accepts_events`` asks a webhook for
what it is there for, since it may answer and take nothing any more.
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

__all__ = ["SurfaceState", "alive", "preflight", "takes_events"]

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
"""Roles besides the first that checks of every target's promises need."""


def preflight(target: Target, recorder: Recorder | None = None) -> list[SurfaceState]:
    """The state of every surface that the target describes, found out at the same time."""
    described = [name for name in SURFACES if getattr(target, name) is not None]
    used = recorder or recorder_for(target)
    if not described:
        return []
    with ThreadPoolExecutor(len(described)) as pool:
        return list(pool.map(lambda name: probe(target, name, used), described))


def probe(target: Target, surface: str, recorder: Recorder) -> SurfaceState:
    """The state of one surface."""
    url = url_of(target, surface)
    state = SurfaceState(surface, origin_without_secret(url) if surface == "webhooks" else url)
    used = contact(target, url, recorder)
    try:
        PROBES[surface](used, state)
        if not state.blocked and (missing := left_out(target, surface)):
            state.warn(f"not described: {', '.join(missing)}; what needs them cannot be judged")
        for secret in guessable(target, surface):
            state.warn(f"the secret ${secret.name} is {GUESSABLE}")
        # What got no answer was of one request, or the surface went down meanwhile.
        if used.unanswered and (cause := alive(target, surface)):
            state.unreachable(cause)
    except Failed as failure:
        state.unreachable(str(failure))
    finally:
        used.http.close()
    if state.locked:
        # Where nobody is let in that is the one cause.
        state.refused.clear()
    return state


def left_out(target: Target, surface: str) -> list[str]:
    """What the target file could say of a surface and does not, without which checks that apply are inconclusive."""
    said = getattr(target, surface)
    credentials: Collection[str] = getattr(said, "credentials", ())
    # Of a surface that is described without any, nothing that needs a login is asked.
    missing = [f"credentials.{role}" for role in ROLES.get(surface, ()) if credentials and role not in credentials]
    if credentials and isinstance(said, Registry) and not said.foreign_repository:
        missing.append("foreign_repository")
    if isinstance(said, Storage):
        missing += ["a second bucket in buckets"] if len(said.buckets) < 2 else []
        missing += [] if said.foreign_bucket else ["foreign_bucket"]
    return missing


def guessable(target: Target, surface: str) -> list[Secret]:
    """The secrets of a surface that other texts may contain by chance; an S3 access key is no secret."""
    described = getattr(target, surface)
    access_key = getattr(described, "access_key", None)
    return [each for each in secrets_in(described) if each != access_key and is_common(each.reveal())]


def alive(target: Target, surface: str) -> str:
    """ "" where the surface still answers, else the cause. One request, under five seconds."""
    reply = _probe_again(target, surface)
    if target.registry is not None and surface == "registry" and not isinstance(reply, str) and is_html(reply):
        # A web page at /v2/ alone stops nothing else.
        reply = _probe_again(target, surface, f"/v2/{target.registry.repository}/tags/list")
    if isinstance(reply, str):
        return reply
    # An error of the surface's own is for its checks to judge; these are not its own.
    if reply.status in GATEWAY_ERRORS:
        return f"answers {reply.status}: a gateway whose service is down"
    if surface == "webhooks":
        return _no_webhook(reply)
    if reply.status == 200 and is_html(reply):
        return "answers HTML in place of the service"
    return ""


def accepts_events(target: Target) -> str:
    """ "" where the webhook takes a plain event, or asks to wait with it, else how it is answered. One request."""
    reply = _probe_again(target, "webhooks")
    if isinstance(reply, str):
        return reply
    return (
        "" if reply.ok or reply.status == 429 or asks_to_wait(reply) else f"a good delivery is answered {reply.status}"
    )


def _probe_again(target: Target, surface: str, path: str = "") -> Exchange | str:
    """The answer to one light request, of a webhook to an event, since others may be nothing to it; or why there is
    none."""
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
    """Why an answer to an event is no webhook's, or ""; a poor 404 of a webhook that is gone is its own."""
    cause = not_the_surface(reply, "a webhook", is_page) if reply.status != 404 else ""
    return cause.partition(";")[0]


def url_of(target: Target, surface: str) -> str:
    """Where a surface is; that of webhooks is a secret."""
    if surface == "webhooks" and target.webhooks is not None:
        return target.webhooks.live
    described = getattr(target, surface)
    return str(described.endpoint if surface == "storage" else described.url)


def _light_path(target: Target, surface: str) -> str:
    if surface == "identity" and target.identity is not None:
        return target.identity.token_path
    return {"registry": "/v2/", "storage": "/"}.get(surface, "")
