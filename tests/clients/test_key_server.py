"""The key server serves its document, records requests and stops."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from conformance.clients.jwt.key_server import KeyServer


def got(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
        return bytes(answer.read())


def test_the_document_is_served_and_the_path_recorded() -> None:
    with KeyServer(b"a key", "http://127.0.0.1:80/x") as keys:
        assert got(keys.url) == b"a key"
        assert keys.requested_paths == ["/keys"]


def test_the_server_stops() -> None:
    with KeyServer(b"", "http://127.0.0.1") as keys:
        url = keys.url
    with pytest.raises(urllib.error.URLError):
        got(url)
