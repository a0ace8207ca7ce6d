"""What is judged of each answer of a registry's run by what was asked for: its digest, name, type and subject."""

from __future__ import annotations

import re

import pytest

from conformance.clients.registry.client import StoredImage
from conformance.clients.registry.images import OCI_INDEX, index
from conformance.evidence.judgements.reads import ANOTHER_DIGEST, ANOTHER_NAME, NO_INDEX, NO_JSON
from conformance.evidence.judgements.sessions import ANOTHER_SUBJECT
from conformance.evidence.recorder import Recorder
from conformance.oracles.whole_run import expect_no_flaw, flawed_so
from conformance.vocabulary.check import case, concludes, verifies
from conformance.vocabulary.finding import Proof

SUBJECT = re.compile(r'"subject".*?"digest"\s*:\s*"([^"]+)"', re.DOTALL)
"""In a manifest as it was sent, which may be in another encoding than UTF-8."""


@verifies("registry/pull/digest-field-is-true")
@concludes()
@pytest.mark.parametrize("asked", [case("of-the-whole-run", "bytes=0-0")])
def test_every_digest_is_the_one_asked_for(stored: StoredImage, recorder: Recorder, asked: str) -> None:
    """Purpose: nor is another digest told of a part, or of what the caller has already.

    Method: 1. GET the first byte of a blob, and HEAD a manifest by digest
            2. of all that was read by its digest in the run, with 200, 206 or 304, expect Docker-Content-Digest, where
               it is there, to be that digest; or of another algorithm
    """
    repository, digest = stored.repository, stored.image.digest
    repository.get_blob(stored.image.blobs[-1].digest, [("Range", asked)])
    repository.head_manifest(digest)
    found = flawed_so(recorder, "registry", ANOTHER_DIGEST)
    wanted = found[0]["url"].rpartition("/")[2] if found else ""
    right = Proof(fields_match=(("Docker-Content-Digest", f"^{wanted}$"),))
    expect_no_flaw(recorder, "registry", ANOTHER_DIGEST, f"Docker-Content-Digest: {wanted}, as was asked for", right)


@verifies("registry/tags/are-listed")
@concludes()
@pytest.mark.parametrize("query", [case("under-their-name", "?n=1")])
def test_every_list_has_its_name(stored: StoredImage, recorder: Recorder, query: str) -> None:
    """Purpose: whoever reads a page of tags sees of which repository they are.

    Method: 1. ask for one tag of a repository
            2. of each list of tags that the run was given, in pages as well, expect name to be the one asked for
    """
    stored.repository.tags(query)
    found = flawed_so(recorder, "registry", ANOTHER_NAME)
    wanted = found[0]["url"].partition("/v2/")[2].partition("/tags/list")[0] if found else ""
    right = Proof(matches=f'"name" *: *"{wanted}"')
    expect_no_flaw(recorder, "registry", ANOTHER_NAME, f'"name": "{wanted}", as was asked for', right)


@verifies("registry/tags/are-json")
@concludes()
@pytest.mark.parametrize("query", [case("in-pages", "?n=1")])
def test_every_list_is_json(stored: StoredImage, recorder: Recorder, query: str) -> None:
    """Purpose: nor is a page of tags anything else.

    Method: 1. ask for one tag of a repository
            2. expect Content-Type: application/json of each list of tags that the run was given
    """
    stored.repository.tags(query)
    right = Proof(fields_match=(("Content-Type", "^application/json *(;|$)"),))
    expect_no_flaw(recorder, "registry", NO_JSON, "Content-Type: application/json", right)


@verifies("registry/referrers/are-an-index")
@concludes()
@pytest.mark.parametrize("kind", [case("of-one-type", "application/vnd.example.sbom.v1+json")])
def test_all_referrers_are_an_index(stored: StoredImage, recorder: Recorder, kind: str) -> None:
    """Purpose: nor are referrers of one type anything else than an index.

    Method: 1. ask for the referrers of an image that are of one type
            2. expect Content-Type: application/vnd.oci.image.index.v1+json of each such list that the run was given
    """
    stored.repository.referrers(stored.image.digest, kind)
    right = Proof(fields_match=(("Content-Type", f"^{OCI_INDEX.replace('+', '[+]')} *(;|$)"),))
    expect_no_flaw(recorder, "registry", NO_INDEX, f"Content-Type: {OCI_INDEX}", right)


@verifies("registry/referrers/subject-is-acknowledged")
@concludes()
@pytest.mark.parametrize("kind", [case("of-the-whole-run", "index")])
def test_every_subject_is_the_one_sent(stored: StoredImage, recorder: Recorder, kind: str) -> None:
    """Purpose: a client does not take what is told of another manifest for an acknowledgement of its own.

    Method: 1. push an index with a subject
            2. of all manifests with one that were pushed in the run, expect OCI-Subject, where it is told, to be that
    """
    stored.repository.push(index([stored.image], subject=stored.image.descriptor))
    found = flawed_so(recorder, "registry", ANOTHER_SUBJECT)
    sent = SUBJECT.search(found[0]["request_body"].get("text", "")) if found else None
    right = Proof(fields_match=(("OCI-Subject", f"^{sent[1]}$"),)) if sent else Proof(beyond="it is read by no script")
    wanted = f"OCI-Subject: {sent[1]}, as was sent" if sent else "OCI-Subject as was sent"
    expect_no_flaw(recorder, "registry", ANOTHER_SUBJECT, wanted, right)
