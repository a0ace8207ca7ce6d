"""TLS before the reference: the transport checks pass behind a good front, and each flaw of a front fails one."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from conformance.plugin.embedded import EmbeddedReference
from tests.run.support import Ran, conformance
from tests.run.tls_front import DAY, Authority, Front, server_context

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("control")]

SERVED = ("identity", "registry", "storage")
SURFACES = (*SERVED, "webhooks")
PREFIX = "oauth/transport/"
REALM, UPLOAD, ANSWERS = [
    f"registry/transport/{each}-tls" for each in ("realm-keeps", "upload-keeps", "responses-keep")
]
# What is led by addresses, or to a token.
LED = (
    "registry/transport",
    "registry/mount",
    "registry/tags/links-reach-every-tag",
    "registry/token/response-has-a-token",
    "registry/upload",
    "--explore",
    "0",
)
UNSPECIFIED = "0.0.0.0"  # noqa: S104
ELSEWHERE = b"HTTP/1.1 308 Permanent Redirect\r\nLocation: https://other.example/\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class Fronted:
    """The reference behind one front a surface; what is not given is a good one."""

    def __init__(self, reference: EmbeddedReference, authority: Authority, folder: Path) -> None:
        self.text = reference.target_config.read_text(encoding="utf-8")
        self.secrets = reference.target_config.parent
        self.authority = authority
        self.folder = folder
        self.targets = tomllib.loads(self.text)["targets"]["reference"]
        self.fronts: dict[str, Front] = {}
        self.webhook = (self.secrets / "conformance.secrets" / "webhooks-url").read_text(encoding="utf-8").strip()

    def url(self, surface: str) -> str:
        """Where the reference itself serves a surface."""
        if surface == "webhooks":
            return self.webhook.rpartition("/hooks/")[0]
        return str(self.targets[surface]["endpoint" if surface == "storage" else "url"])

    def put(self, surface: str, certificate: Path, plain: bool = False, **versions: str) -> None:
        """Puts a front before a surface."""
        self.fronts[surface] = Front(self.url(surface), server_context(certificate, **versions), plain)

    def run(self, *words: str, surfaces: tuple[str, ...] = SURFACES) -> Ran:
        """Runs the checks on the target file of the fronts."""
        for surface in surfaces:
            if surface not in self.fronts:
                self.put(surface, self.authority.issue())
        text = self.text.replace("file:conformance.secrets", f"file:{self.secrets}/conformance.secrets")
        for surface, front in self.fronts.items():
            text = text.replace(f'"{self.url(surface)}"', f'"{front.url}"')
        if "webhooks" in self.fronts:
            self.lead_webhook_to(self.fronts["webhooks"].url)
            text = text.replace(f"file:{self.secrets}/conformance.secrets/webhooks-url", f"file:{self.folder}/url")
        text = text.replace("\nfeatures = [", f'\nca_file = "{self.authority.file}"\nfeatures = [', 1)
        (self.folder / "conformance.toml").write_text(text, encoding="utf-8")
        return conformance(self.folder, "run", *words)

    def lead_webhook_to(self, origin: str) -> None:
        """Writes the webhook's URL with another scheme, host and port."""
        url = self.webhook.replace(self.url("webhooks"), origin)
        (self.folder / "url").write_text(url, encoding="utf-8")


@pytest.fixture
def fronted(reference: EmbeddedReference, authority: Authority, tmp_path: Path) -> Iterator[Fronted]:
    made = Fronted(reference, authority, tmp_path)
    yield made
    for front in made.fronts.values():
        front.close()


def failing(ran: Ran) -> set[str]:
    return {result.id.removeprefix(PREFIX) for result in ran.record.results if result.verdict == "fail"}


Spoil = Callable[[Fronted, Authority], None]


def put(
    surface: str, *, stranger: bool = False, host: str = "localhost", left: timedelta = DAY, **options: Any
) -> Spoil:
    """A front with a certificate for another host, of another time or authority, or with old versions of TLS."""

    def spoiled(fronted: Fronted, strange: Authority) -> None:
        authority = strange if stranger else fronted.authority
        fronted.put(surface, authority.issue(host, left=left), **options)

    return spoiled


def elsewhere(fronted: Fronted, _strange: Authority) -> None:
    """An identity that redirects a token request to another host."""

    def instead(sent: bytes) -> bytes:
        return ELSEWHERE if sent.startswith(b"POST /oauth/token/ ") else b""

    context = server_context(fronted.authority.issue())
    fronted.fronts["identity"] = Front(fronted.url("identity"), context, instead=instead)


EXPIRED: dict[str, Any] = {"left": timedelta(minutes=-1)}
OTHER_HOST: dict[str, Any] = {"host": "other.example"}
OLD_ONLY: dict[str, Any] = {"lowest": "TLSv1_1", "highest": "TLSv1_1"}
FLAWS: dict[str, tuple[list[Spoil], set[str]]] = {
    "none": ([], set()),
    "expired": ([put("registry", **EXPIRED)], {"certificate-is-in-its-period#registry"}),
    "other-host": (
        [put(each, **OTHER_HOST) for each in ("storage", "webhooks")],
        {"certificate-names-the-host#storage", "certificate-names-the-host#webhooks"},
    ),
    "unknown-authority": ([put("registry", stranger=True)], {"certificate-is-trusted#registry"}),
    "only-old-tls": (
        [put("identity", **OLD_ONLY)], {"current-tls-is-offered#identity", "old-tls-is-refused#identity-tls-1.1"},
    ),
    "old-tls-too": (
        [put("identity", lowest="TLSv1")], {f"old-tls-is-refused#identity-tls-{each}" for each in ("1.0", "1.1")},
    ),
    "plain-too": (
        [put(each, plain=True) for each in SERVED],
        {"no-token-endpoint-in-clear", *(f"no-api-in-clear#{each}" for each in SERVED)},
    ),
    "redirects-tokens": ([elsewhere], {"token-request-is-not-sent-elsewhere"}),
}  # fmt: skip
IN_GATE = ("other-host", "redirects-tokens")


@pytest.mark.parametrize(
    "flaw", [pytest.param(each, marks=() if each in IN_GATE else pytest.mark.nightly) for each in FLAWS]
)
def test_each_flaw_of_a_front_fails_its_check(
    fronted: Fronted, flaw: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    spoils, found = FLAWS[flaw]
    stranger = Authority(tmp_path_factory.mktemp("stranger"))
    for spoil in spoils:
        spoil(fronted, stranger)
    assert failing(fronted.run("oauth/transport")) == found


def registry_behind(fronted: Fronted, *aware: str) -> None:
    """Fronts before identity and registry; in these fields the registry knows that there is TLS before it."""
    fronted.put("identity", fronted.authority.issue())
    within, around = (each.encode() for each in (fronted.url("identity"), fronted.fronts["identity"].url))

    def retold(response: bytes) -> bytes:
        lines = response.split(b"\r\n")
        for number, line in enumerate(lines):
            if line.partition(b":")[0].decode("latin-1").lower() in aware:
                lines[number] = line.replace(within, around).replace(b"http://localhost:", b"https://localhost:")
        return b"\r\n".join(lines)

    context = server_context(fronted.authority.issue())
    fronted.fronts["registry"] = Front(fronted.url("registry"), context, retold=retold)


@pytest.mark.parametrize(
    ("aware", "selected", "found"),
    [
        pytest.param(["location", "www-authenticate"], LED, set(), id="aware", marks=pytest.mark.nightly),
        pytest.param(["www-authenticate"], LED, {UPLOAD, ANSWERS}, id="locations-in-clear", marks=pytest.mark.nightly),
        pytest.param(["location"], ("registry/transport", "registry/pull/blob-has"), {REALM}, id="realm-in-clear"),
    ],
)
def test_a_registry_that_names_addresses_in_clear_fails_the_check_about_it_only(
    fronted: Fronted, aware: list[str], selected: tuple[str, ...], found: set[str]
) -> None:
    registry_behind(fronted, *aware)
    ran = fronted.run(*selected)
    assert failing(ran) == found, ran.output
    # No login is sent to a realm in clear, so nothing can be pulled.
    unjudged = {each for each, verdict in ran.verdicts().items() if verdict == "inconclusive"}
    assert bool(unjudged) is (REALM in found)
    assert ("plain http" in ran.output) is (REALM in found)


@pytest.mark.parametrize(
    ("surface", "declared", "found"),
    [
        ("identity", False, {"token-endpoint-requires-tls"}),
        ("identity", True, set()),
        pytest.param("webhooks", False, {"surfaces-use-tls#webhooks"}, marks=pytest.mark.nightly),
    ],
    ids=["identity", "declared-test-host", "webhook"],
)
def test_plain_http_is_accepted_on_loopback_and_declared_test_hosts_only(
    fronted: Fronted, surface: str, declared: bool, found: set[str]
) -> None:
    # This address leads to loopback without looking so.
    url = fronted.url(surface).replace("127.0.0.1", UNSPECIFIED)
    fronted.text = fronted.text.replace(fronted.url(surface), url)
    if declared:
        fronted.text = fronted.text.replace("\nfeatures = [", f'\ntest_hosts = ["{UNSPECIFIED}"]\nfeatures = [', 1)
    if surface == "webhooks":
        fronted.text = fronted.text.replace("file:conformance.secrets/webhooks-url", f"file:{fronted.folder}/url")
        fronted.lead_webhook_to(url)
    selected = ["oauth/transport/token-endpoint-requires-tls", "oauth/transport/surfaces-use-tls"]
    ran = fronted.run(*selected, surfaces=SERVED if surface == "webhooks" else SURFACES)
    assert failing(ran) == found, ran.output
    observed = [finding["observed"] for each in ran.record.results for finding in each.findings]
    assert all(each.startswith(url) for each in observed)
    if surface == "webhooks":
        assert observed == [url], "the path is a secret"
