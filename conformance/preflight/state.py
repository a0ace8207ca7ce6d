"""What the preflight finds out about one surface, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from conformance.target.description import Secret

OK, WARN, FAIL = "ok", "warn", "fail"
OBSERVED, NOT_OBSERVED, NOT_OBSERVABLE = "observed", "not observed", "not observable without harm"


@dataclass
class SurfaceState:
    """One surface before the run.

    ``lines`` are (ok | warn | fail, text); fail is something that the target file declares and that cannot be
    had. ``cause`` says why a surface is not reachable, ``locked`` why it opens to none of what the target file gives,
    or takes nothing of it: then nobody can tell whose mistake that is, and nothing is judged. ``open`` is whether it
    asks nobody for a login. ``mend`` is what a login that is refused needs; ``refused`` says of each other role whose
    login is refused why, and what it needs. ``round_trip_s`` is the median of five requests, ``shortest_trip_s`` the
    shortest, which a busy machine spoils least; ``clock_skew_s`` how far the target's clock is ahead of ours.
    ``credentials`` says per role "ok" or why not; ``features`` says per feature what was seen of it.
    """

    surface: str
    url: str = ""
    reachable: bool = True
    lines: list[tuple[str, str]] = field(default_factory=list)
    cause: str = ""
    locked: str = ""
    mend: str = ""
    refused: dict[str, list[str]] = field(default_factory=dict)
    open: bool = False
    round_trip_s: float | None = None
    shortest_trip_s: float | None = None
    clock_skew_s: float | None = None
    credentials: dict[str, str] = field(default_factory=dict)
    features: dict[str, str] = field(default_factory=dict)

    def ok(self, text: str) -> None:
        """Notes that something is as it should be."""
        self.lines.append((OK, text))

    def warn(self, text: str) -> None:
        """Notes something that a run can live with."""
        self.lines.append((WARN, text))

    def fail(self, text: str) -> None:
        """Notes something that is declared and cannot be had."""
        self.lines.append((FAIL, text))

    def unreachable(self, cause: str) -> None:
        """Notes that the surface cannot be spoken to at all."""
        self.reachable = False
        self.cause = cause
        self.fail(cause)

    @property
    def shut(self) -> bool:
        """Whether the surface answers, and lets none of the credentials in."""
        return self.reachable and bool(self.locked)

    @property
    def blocked(self) -> tuple[str, str] | None:
        """Why nothing of the surface can be judged, and what that needs; None where it can."""
        if not self.reachable:
            return self.cause, "a surface that answers; see conformance preflight"
        needs = self.mend or "a surface that lets the login do its work; see conformance preflight"
        return (self.locked, needs) if self.locked else None

    def role(self, role: str, state: str) -> None:
        """Notes how a role got on: "ok", or why it cannot be used."""
        self.credentials[role] = state
        if state != "ok":
            self.fail(f"{role}: {state}")

    def refuse(self, role: str, cause: str, needs: str) -> None:
        """Note that the target refuses a login, so that no check has to find out for itself."""
        self.refused[role] = [cause, needs]

    def feature(self, name: str, seen: str, claimed: list[str]) -> None:
        """Notes what was seen of a feature and compares it with what the target claims."""
        self.features[name] = seen
        if name in claimed and seen == NOT_OBSERVED:
            self.fail(f"{name} is claimed and not observed")
        elif name not in claimed and seen == OBSERVED:
            self.warn(f"{name} is observed and not claimed: nothing of it is checked")

    @property
    def failing(self) -> bool:
        """Whether something declared cannot be had."""
        return any(kind == FAIL for kind, _ in self.lines)

    def plain(self) -> dict[str, Any]:
        """As plain JSON data."""
        data = asdict(self)
        data["lines"] = [list(line) for line in self.lines]
        return data


def mending(place: str, *secrets: Secret) -> str:
    """Say where the target file has a login that is refused: the names of its secrets, never their values."""
    where = " and ".join(each.file or f"${each.name}" for each in secrets)
    return f"the right secret in {where} for [targets.X.{place}]"
