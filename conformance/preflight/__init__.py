"""Before a run: can each surface be reached, do the credentials work, is what is claimed to be seen?

``preflight`` looks closely at every surface that the target describes; ``alive`` asks one once more, so that
a surface which went down in the middle of a run is told from one that misbehaves.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from conformance.clients.webhooks import origin_told
from conformance.evidence.recorder import Recorder
from conformance.preflight import identity, registry, storage, webhooks
from conformance.preflight.contact import Contact, Failed, contact, is_html, recorder_for
from conformance.preflight.state import SurfaceState
from conformance.target.description import Target
from conformance.vocabulary.exchange import GATEWAY_ERRORS

__all__ = ["SurfaceState", "alive", "preflight"]

SURFACES = ("identity", "registry", "storage", "webhooks")
PROBES: dict[str, Callable[[Contact, SurfaceState], None]] = {
    "identity": identity.probe, "registry": registry.probe, "storage": storage.probe, "webhooks": webhooks.probe,
}  # fmt: skip
ALIVE_S = 2.0


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
    state = SurfaceState(surface, origin_told(url) if surface == "webhooks" else url)
    used = contact(target, url, recorder)
    try:
        PROBES[surface](used, state)
        # What got no answer was of one request, or the surface went down meanwhile.
        if used.unanswered and (cause := alive(target, surface)):
            state.unreachable(cause)
    except Failed as failure:
        state.unreachable(str(failure))
    finally:
        used.http.close()
    return state


def alive(target: Target, surface: str) -> str:
    """ "" where the surface still answers, else the cause. One request, under five seconds."""
    used = contact(target, url_of(target, surface), recorder_for(target), ALIVE_S)
    try:
        reply = used.ask("GET", _light_path(target, surface))
    except Failed as failure:
        return str(failure)
    finally:
        used.http.close()
    # An error of the surface's own is for its checks to judge; these are not its own.
    if reply.status in GATEWAY_ERRORS:
        return f"answers {reply.status}: a gateway whose service is down"
    if surface != "webhooks" and reply.status == 200 and is_html(reply):
        return "answers HTML in place of the service"
    return ""


def url_of(target: Target, surface: str) -> str:
    """Where a surface is; that of webhooks is a secret."""
    if surface == "webhooks" and target.webhooks is not None:
        return target.webhooks.url.reveal()
    described = getattr(target, surface)
    return str(described.endpoint if surface == "storage" else described.url)


def _light_path(target: Target, surface: str) -> str:
    if surface == "identity" and target.identity is not None:
        return target.identity.token_path
    return {"registry": "/v2/", "storage": "/"}.get(surface, "")
