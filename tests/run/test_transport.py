"""TLS before the reference: the transport checks pass on a good front, and each flaw of a front is noticed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from tests.run.support import Ran, conformance
from tests.run.tls_front import DAY, Authority, Front, server_context

pytestmark = pytest.mark.once

SERVED = ("identity", "registry", "storage")
SURFACES = (*SERVED, "webhooks")
PREFIX = "oauth/transport/"
REALM, UPLOAD, ANSWERS = TOLD = [
    f"registry/transport/{each}-tls" for each in ("realm-keeps", "upload-keeps", "responses-keep")
]
# What is led by addresses, or to a token.
LED = ("registry/transport", "registry/mount", "registry/tags", "registry/token", "registry/upload", "--explore", "0")
OPENED = ("support-check-needs-no-login", "anonymous-pull", "anonymous-push")
UNSPECIFIED = "0.0.0.0"  # noqa: S104
ELSEWHERE = b"HTTP/1.1 308 Permanent Redirect\r\nLocation: https://other.example/\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def reference() -> Iterator[EmbeddedReference]:
    running = EmbeddedReference()
    yield running
    running.stop()


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


def test_a_good_front_passes_every_transport_check(fronted: Fronted) -> None:
    ran = fronted.run("oauth/transport")
    assert ran.code == 0, ran.output
    assert set(ran.verdicts().values()) == {"pass"}, ran.verdicts()


def test_plain_http_on_loopback_is_not_asked(reference: EmbeddedReference, tmp_path: Path) -> None:
    ran = conformance(tmp_path, "run", "--config", str(reference.target_config), "oauth/transport")
    assert set(ran.verdicts().values()) == {"not-applicable"}, ran.output
    assert {result.reason for result in ran.record.results} == {"plain HTTP on loopback"}


@pytest.mark.nightly
@pytest.mark.parametrize("area", ["oauth", "authorization", "errors"])
def test_the_identity_areas_pass_behind_tls_under_another_host(fronted: Fronted, area: str) -> None:
    # One worker: what is shown is that the front changes nothing, whatever checks do to each other.
    ran = fronted.run(area, "--workers", "0", surfaces=("identity", "storage"))
    assert ran.code == 0, ran.output
    assert failing(ran) == set()
    assert set(ran.verdicts().values()) <= {"pass", "not-applicable"}


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("host", "left", "told", "check"),
    [
        pytest.param(
            "localhost", timedelta(minutes=-1), "the TLS certificate has expired", "certificate-is-in-its-period",
            id="expired",
        ),
        pytest.param(
            "other.example", DAY, "the TLS certificate is for another host", "certificate-names-the-host",
            id="wrong-name",
        ),
    ],
)  # fmt: skip
def test_an_identity_that_cannot_be_trusted_is_told_before_the_run_and_found_in_it(
    fronted: Fronted, host: str, left: timedelta, told: str, check: str
) -> None:
    fronted.put("identity", fronted.authority.issue(host, left=left))
    ran = fronted.run("oauth/transport", "oauth/response")
    assert (ran.code, told in ran.output) == (1, True), ran.output
    assert failing(ran) == {f"{check}#identity"}
    verdicts = {verdict for each, verdict in ran.verdicts().items() if each.startswith("oauth/response")}
    assert verdicts == {"inconclusive"}


@pytest.mark.nightly
def test_an_identity_that_speaks_old_tls_only_is_found(fronted: Fronted) -> None:
    fronted.put("identity", fronted.authority.issue(), lowest="TLSv1_1", highest="TLSv1_1")
    ran = fronted.run("oauth/transport")
    assert ran.code == 1, ran.output
    assert failing(ran) == {"current-tls-is-offered#identity", "old-tls-is-refused#identity-tls-1.1"}


@pytest.mark.nightly
def test_flaws_of_other_certificates_are_findings(fronted: Fronted) -> None:
    fronted.put("registry", fronted.authority.issue(left=timedelta(minutes=-1)))
    for surface in ("storage", "webhooks"):
        fronted.put(surface, fronted.authority.issue("other.example"))
    ran = fronted.run("oauth/transport/certificate")
    assert ran.code == 1, ran.output
    named = {f"certificate-names-the-host#{surface}" for surface in ("storage", "webhooks")}
    assert failing(ran) == {"certificate-is-in-its-period#registry", *named}


@pytest.mark.nightly
def test_an_unknown_authority_and_old_tls_only_are_findings(
    fronted: Fronted, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = Authority(tmp_path_factory.mktemp("stranger"))
    fronted.put("registry", stranger.issue())
    fronted.put("storage", fronted.authority.issue(), lowest="TLSv1_1", highest="TLSv1_1")
    ran = fronted.run("oauth/transport/certificate", "oauth/transport/current", "oauth/transport/old")
    assert ran.code == 1, ran.output
    assert failing(ran) == {
        "certificate-is-trusted#registry", "current-tls-is-offered#storage", "old-tls-is-refused#storage-tls-1.1",
    }  # fmt: skip


@pytest.mark.nightly
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_old_tls_beside_the_current_is_a_finding(fronted: Fronted, version: str) -> None:
    fronted.put("identity", fronted.authority.issue(), lowest=version)
    ran = fronted.run("oauth/transport")
    assert ran.code == 0, "to refuse old versions is a SHOULD"
    old = {"TLSv1": {"tls-1.0", "tls-1.1"}, "TLSv1_1": {"tls-1.1"}}[version]
    assert failing(ran) == {f"old-tls-is-refused#identity-{each}" for each in old}


def test_plain_http_beside_tls_is_a_finding(fronted: Fronted) -> None:
    for surface in SERVED:
        fronted.put(surface, fronted.authority.issue(), plain=True)
    ran = fronted.run("oauth/transport")
    assert ran.code == 1, ran.output
    served = {f"no-api-in-clear#{surface}" for surface in SERVED}
    assert failing(ran) == served | {"no-token-endpoint-in-clear"}


def test_a_token_request_sent_elsewhere_is_a_finding(fronted: Fronted) -> None:
    def instead(sent: bytes) -> bytes:
        return ELSEWHERE if sent.startswith(b"POST /oauth/token/ ") else b""

    context = server_context(fronted.authority.issue())
    fronted.fronts["identity"] = Front(fronted.url("identity"), context, instead=instead)
    ran = fronted.run("oauth/transport")
    assert failing(ran) == {"token-request-is-not-sent-elsewhere"}, ran.output


def registry_told(fronted: Fronted, *known: str) -> None:
    """Fronts before identity and registry; of these fields the registry knows that there is TLS before it."""
    fronted.put("identity", fronted.authority.issue())
    within, around = (each.encode() for each in (fronted.url("identity"), fronted.fronts["identity"].url))

    def retold(said: bytes) -> bytes:
        lines = said.split(b"\r\n")
        for number, line in enumerate(lines):
            name = line.partition(b":")[0].decode("latin-1").lower()
            if name in known:
                lines[number] = line.replace(within, around).replace(b"http://localhost:", b"https://localhost:")
        return b"\r\n".join(lines)

    fronted.fronts["registry"] = Front(
        fronted.url("registry"), server_context(fronted.authority.issue()), retold=retold
    )


@pytest.mark.nightly
def test_a_registry_that_knows_of_the_tls_before_it_passes_as_one_without(fronted: Fronted) -> None:
    registry_told(fronted, "location", "www-authenticate")
    ran = fronted.run(*LED)
    assert failing(ran) == set(), ran.output
    assert ran.code == 0, ran.output
    assert {ran.verdicts()[each] for each in TOLD} == {"pass"}


def test_locations_in_clear_are_one_finding_and_the_rest_is_judged(fronted: Fronted) -> None:
    registry_told(fronted, "www-authenticate")
    ran = fronted.run(*LED)
    assert failing(ran) == {UPLOAD, ANSWERS}, ran.output
    assert "inconclusive" not in set(ran.verdicts().values())


def test_a_realm_in_clear_is_a_finding_and_nothing_secret_is_sent_there(fronted: Fronted) -> None:
    registry_told(fronted, "location")
    ran = fronted.run("registry/transport", "registry/pull")
    assert failing(ran) == {REALM}, ran.output
    assert {verdict for each, verdict in ran.verdicts().items() if each.startswith("registry/pull")} == {"inconclusive"}
    assert "plain http" in ran.output


@pytest.mark.nightly
@pytest.mark.parametrize(("plain", "verdict"), [(True, "pass"), (False, "fail")], ids=["served", "not-served"])
def test_an_open_registry_may_lead_out_of_tls_to_where_it_is_served(
    authority: Authority, tmp_path: Path, plain: bool, verdict: str
) -> None:
    opened = EmbeddedReference([word for each in OPENED for word in ("--defect", each)])
    fronted = Fronted(opened, authority, tmp_path)
    try:
        fronted.put("registry", authority.issue(), plain)
        ran = fronted.run("registry/transport")
        assert ran.verdicts() == {UPLOAD: verdict, ANSWERS: "not-applicable", REALM: "not-applicable"}, ran.output
    finally:
        opened.stop()
        for front in fronted.fronts.values():
            front.close()


def test_an_http_address_off_loopback_is_a_finding(fronted: Fronted) -> None:
    # An address that is none of loopback by its looks, and leads there.
    url = fronted.url("identity")
    fronted.text = fronted.text.replace(url, url.replace("127.0.0.1", UNSPECIFIED))
    ran = fronted.run("oauth/transport")
    assert ran.code == 1, ran.output
    assert failing(ran) == {"token-endpoint-requires-tls"}
    (finding,) = (result.findings[0] for result in ran.record.results if result.verdict == "fail")
    assert finding["observed"].startswith(f"http://{UNSPECIFIED}:")


def test_a_declared_test_host_needs_no_tls(fronted: Fronted) -> None:
    url = fronted.url("identity")
    fronted.text = fronted.text.replace(url, url.replace("127.0.0.1", UNSPECIFIED))
    fronted.text = fronted.text.replace("\nfeatures = [", f'\ntest_hosts = ["{UNSPECIFIED}"]\nfeatures = [', 1)
    ran = fronted.run("oauth/transport/token-endpoint-requires-tls", "oauth/transport/surfaces-use-tls")
    assert ran.verdicts()["oauth/transport/token-endpoint-requires-tls"] == "not-applicable"
    assert ran.code == 0, ran.output


def test_a_webhook_at_an_http_address_off_loopback_is_a_finding_that_does_not_tell_it(fronted: Fronted) -> None:
    at = fronted.url("webhooks").replace("127.0.0.1", UNSPECIFIED)
    fronted.text = fronted.text.replace("file:conformance.secrets/webhooks-url", f"file:{fronted.folder}/url")
    fronted.lead_webhook_to(at)
    ran = fronted.run("oauth/transport/surfaces-use-tls", surfaces=SERVED)
    assert failing(ran) == {"surfaces-use-tls#webhooks"}, ran.output
    (finding,) = (result.findings[0] for result in ran.record.results if result.verdict == "fail")
    assert finding["observed"] == at
