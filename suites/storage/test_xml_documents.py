"""XML bodies: forms that clients send, changed documents, and documents that attack their parser."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.bodies import (
    NAMESPACE,
    completion_document,
    content_md5,
    delete_document,
    element,
    tagging_document,
)
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.s3_documents import tags_of
from conformance.oracles.s3_errors import error_of, expect_error_document
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_stored, expect_tag_set
from conformance.oracles.status import expect_no_server_error, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.changes import Change
from conformance.strategies.properties import explores
from conformance.strategies.xml_changes import XML_KINDS, xml_changes
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.mutation import Outcome

XmlChange = Change[bytes, bytes]
EARLIER = b"the earlier object"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 8))


def _with_prefix(key: str) -> bytes:
    named = f"<s:Object>{element('Key', key).replace('<', '<s:').replace('<s:/', '</s:')}</s:Object>"
    return f'<s:Delete xmlns:s="{NAMESPACE}">{named}</s:Delete>'.encode()


@verifies("storage/xml/namespace-prefix-is-accepted")
@pytest.mark.parametrize(
    "write",
    [case("prefix", _with_prefix), case("byte-order-mark", lambda key: b"\xef\xbb\xbf" + delete_document([key]))],
)
def test_other_forms_of_a_document_are_accepted(space: Space, write: Callable[[str], bytes]) -> None:
    """Purpose: clients' libraries write XML in different forms.
    Method: 1. delete an object by a Delete document with a namespace prefix, or with a byte order mark
            2. expect 2xx, and the object deleted
    """
    expect_success(space.delete_with(write(key := space.stored())))
    expect_nothing_stored(space.get(key))


def _doctype(declarations: str, key: str) -> bytes:
    document = f"<Delete><Object><Key>{key}</Key></Object></Delete>"
    return f'<?xml version="1.0"?><!DOCTYPE Delete [{declarations}]>{document}'.encode()


ATTACKS: dict[str, Callable[[str], bytes]] = {
    "internal-entity": lambda key: _doctype(f'<!ENTITY k "{key}">', "&k;"),
    "external-file": lambda key: _doctype('<!ENTITY k SYSTEM "file:///etc/passwd">', f"{key}&k;"),
    "parameter-entity": lambda key: _doctype('<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;', key + "-no"),
    "expansion": lambda key: _doctype('<!ENTITY l0 "lol">' + LAUGHS, f"{key}&l7;"),
    "self-reference": lambda key: _doctype('<!ENTITY k "&k;">', f"{key}&k;"),
    "depth": lambda key: b"<Delete>" + b"<Object>" * 20000 + b"</Object>" * 20000 + b"</Delete>",
}


@pytest.mark.parametrize(
    "attack",
    [
        *(row(f"storage/xml/attacks-do-no-harm#{name}", attack) for name, attack in ATTACKS.items()),
        row(
            "storage/xml/oversized-body-does-no-harm", lambda key: b"<Delete>" + b" " * (2 * 1024 * 1024) + b"</Delete>"
        ),
    ],
)
def test_attack_does_no_harm(space: Space, attack: Callable[[str], bytes]) -> None:
    """Purpose: a document with entities, absurd depth or 2 MiB of blanks must not read files or exhaust the server.
    Method: 1. put an object, send the document to DeleteObjects
            2. expect no server error and no file of the server's in the response
            3. expect the object as it was, unless the response names its key as deleted
    """
    reply = space.delete_with(attack(key := space.stored(EARLIER)))

    expect_no_server_error(reply)
    if not (reply.ok and f"<Key>{key}</Key>".encode() in reply.body):
        expect_stored(space.get(key), EARLIER)
    if b"root:" in reply.body:
        raise NonConformance("no file of the server", "the beginning of its password file", reply)


def _obeyed(reply: Exchange) -> bool:
    return reply.ok and error_of(reply) is None


def _error_form(reply: Exchange) -> None:
    """Expect an S3 error document in a refusal, except for 501 and the limits of a proxy."""
    if reply.status not in (411, 413, 501):
        expect_error_document(reply)


@verifies("storage/xml/changed-deletion-is-obeyed-or-refused")
@explores(0.2, *XML_KINDS, change=xml_changes())
def test_changed_deletion(space: Space, change: XmlChange) -> None:
    """Purpose: a changed Delete document is obeyed if it is valid and refused if not, and deletes nothing else.
    Method: 1. put two objects, send a Delete document for the first, changed in one way
            2. expect the first deleted if the document is valid; a 4xx and nothing deleted if it must be refused
            3. expect the second as it was
    """
    named, other = space.stored(b"named"), space.stored(b"never named")
    mutation = change.of(delete_document([named]))
    around = Surroundings(
        _error_form,
        lambda: expect_stored(space.get(other), b"never named"),
        lambda: space.head(named).status,
        accepted=_obeyed,
    )

    reply = expect_outcome(mutation, lambda: space.delete_with(mutation.value), around)
    if mutation.outcome is Outcome.VALID and reply.ok:
        expect_nothing_stored(space.get(named), "for a deleted key")


@verifies("storage/xml/changed-completion-is-obeyed-or-refused")
@explores(0.2, *XML_KINDS, change=xml_changes())
def test_changed_completion(space: Space, change: XmlChange) -> None:
    """Purpose: a changed CompleteMultipartUpload document creates the whole object, or none.
    Method: 1. open an upload, send a part, complete with a changed document
            2. expect the object if it is obeyed, and none if it is refused, also within 200
            3. after a refusal complete correctly, expect the object
    """
    upload = space.opened(key := space.key())
    part = space.part(key, upload, 1, b"the only part")
    mutation = change.of(completion_document([part]))
    around = Surroundings(_error_form, lambda: None, lambda: space.head(key).status, accepted=_obeyed, late=True)

    reply = expect_outcome(mutation, lambda: space.complete_with(key, upload, mutation.value), around)
    if not _obeyed(reply):
        expect_success(space.complete(key, upload, [part]), "for the valid document")
    expect_bytes(space.get(key), b"the only part")


@verifies("storage/xml/changed-tagging-is-obeyed-or-refused")
@explores(0.2, *XML_KINDS, change=xml_changes())
def test_changed_tagging(space: Space, change: XmlChange) -> None:
    """Purpose: a changed Tagging document is obeyed if it is valid and refused if not, and harms no object.
    Method: 1. put an object with a tag, send a Tagging document of two others, changed in one way
            2. expect those if the document is valid, the earlier one if it is refused
    """
    key = space.stored(b"tagged", {"x-amz-tagging": "before=1"})
    tags = {"project": "alpha", "owner": "a + b"}
    mutation = change.of(tagging_document(tags.items()))
    fields = {"Content-MD5": content_md5(mutation.value)}
    around = Surroundings(
        _error_form,
        lambda: expect_stored(space.get(key), b"tagged"),
        lambda: tags_of(space.get_tags(key)),
        accepted=_obeyed,
    )

    reply = expect_outcome(mutation, lambda: space.call("PUT", key, {"tagging": ""}, fields, mutation.value), around)
    if mutation.outcome is Outcome.VALID and reply.ok:
        expect_tag_set(space.get_tags(key), tags)
