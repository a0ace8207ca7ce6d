"""The documented curl commands work with the real curl (API Reference, Authentication)."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from conformance.clients.oauth.client import DOCUMENTED_TOKEN_PATH
from conformance.clients.programs.curl import CurlCli, parsed
from conformance.clients.programs.runner import Outcome
from conformance.evidence.recorder import Recorder
from conformance.oracles.programs import expect_program_success
from conformance.target.description import Credential, Identity, Target
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="session")
def identity(target: Target) -> Identity:
    """The identity surface as described."""
    if target.identity is None:
        raise Inconclusive("no identity surface", "[targets.X.identity]")
    return target.identity


@pytest.fixture(scope="session")
def credential(identity: Identity) -> Credential:
    """The credential in role full."""
    if "full" not in identity.credentials:
        raise Inconclusive("no credential in role full", "[targets.X.identity.credentials.full]")
    return identity.credentials["full"]


@pytest.fixture(scope="session")
def curl(recorder: Recorder, target: Target) -> CurlCli:
    """The curl program."""
    return CurlCli(recorder, target)


def request_token(curl: CurlCli, identity: Identity, credential: Credential) -> Outcome:
    """The documented token request at the documented URL, for the first scope that the credential has."""
    data = {
        "grant_type": "client_credentials",
        "client_id": credential.client_id,
        "client_secret": credential.client_secret.reveal(),
    }
    if credential.scopes:
        data["scope"] = credential.scopes[0]
    options = [("request", "POST"), ("header", f"Content-Type: {FORM}")]
    options += [(_option_for(name, value), f"{name}={value}") for name, value in data.items()]
    outcome = curl.run(identity.url + DOCUMENTED_TOKEN_PATH, options)
    token = parsed(outcome).get("access_token")
    if isinstance(token, str):
        curl.recorder.redactor.learn("CURL_TOKEN", token)
    return outcome


def _option_for(name: str, value: str) -> str:
    """Return the documented ``-d``, or curl's own encoding if a form would read another value."""
    return "data" if parse_qsl(f"{name}={value}") == [(name, value)] else "data-urlencode"


@verifies("interoperability/identity/curl-token-request")
def test_curl_token_request(curl: CurlCli, identity: Identity, credential: Credential) -> None:
    """Purpose: the curl command in the documentation gets an access token.

    Method: 1. run curl with the documented options and the full credential
            2. expect success and an access_token in its output, whatever token_path the target file names
    """
    outcome = request_token(curl, identity, credential)

    expect_program_success(outcome, "the documented curl command")
    if not isinstance(parsed(outcome).get("access_token"), str):
        raise NonConformance("a JSON object with an access_token", curl.recorder.redactor.text(outcome.output[:300]))


@verifies("interoperability/identity/curl-bearer-token")
def test_curl_bearer_token(curl: CurlCli, identity: Identity, credential: Credential) -> None:
    """Purpose: the token works in the Authorization header.

    Method: 1. get a token by the documented command; 2. GET with curl a resource that its scope opens; expect success
    """
    scopes = credential.scopes[:1]
    readable = [each for each in identity.resources if each.method == "GET" and each.scope in (None, *scopes)]
    if not readable:
        raise Inconclusive(f"no resource can be read with the scopes {scopes}", "[[targets.X.identity.resources]]")
    token = parsed(request_token(curl, identity, credential)).get("access_token")
    if not isinstance(token, str):
        raise Inconclusive("no token was issued", "a token request that succeeds")

    outcome = curl.run(identity.url + readable[0].path, [("header", f"Authorization: Bearer {token}")])

    expect_program_success(outcome, f"GET {readable[0].path} with the token")
