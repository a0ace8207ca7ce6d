"""Defects of a handler that panics: one kind of request gets no answer, and the connection is closed instead.

Each is of a request by which the suite finds its way, before a run or when it begins: the rest is judged as well.
"""

from __future__ import annotations

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import is_token_request
from conformance.reference.defects.registry.common import kind_of
from conformance.reference.http import Answer, Request


class TagListGetsNoAnswer(Defect):
    """OCI 1.1, Listing Tags: a repository's tags are listed."""

    surface = "registry"
    noticed_by = ("registry/tags/long-list-is-whole",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.none() if kind_of(request) == "tags" else None


class CatalogGetsNoAnswer(Defect):
    """Docker Registry V2, Listing Repositories: 200 with the repositories."""

    surface = "registry"
    noticed_by = ("registry/catalog/n-limits-the-page",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.none() if kind_of(request) == "catalog" else None


class ManifestDeletionGetsNoAnswer(Defect):
    """OCI 1.1, Deleting Manifests: 202."""

    surface = "registry"
    noticed_by = ("registry/delete/twice-is-404#manifest",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.none() if request.method == "DELETE" and kind_of(request) == "manifest" else None


class ListingGetsNoAnswer(Defect):
    """S3 API Reference, ListObjectsV2: the objects of a bucket are listed."""

    surface = "storage"
    noticed_by = ("storage/listing/lists-what-is-there", "storage/listing/lists-what-is-there#in-the-whole-bucket")

    def intercept(self, request: Request) -> Answer | None:
        return Answer.none() if request.parameter("list-type") == "2" else None


class CreationOnConditionGetsNoAnswer(Defect):
    """S3 API Reference, PutObject, If-None-Match: what is there is kept, and 412 answered."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/keeps-what-is-there",
        "storage/conditional-write/keeps-what-is-there#by-url",
        "storage/conditional-write/keeps-what-is-there#signed-chunks",
        "storage/conditional-write/keeps-what-is-there#what-came-meanwhile",
        "storage/conditional-write/keeps-what-is-there#what-was-copied",
    )

    def intercept(self, request: Request) -> Answer | None:
        return Answer.none() if request.method == "PUT" and "if-none-match" in request.headers else None


class RequestOfNoClientGetsNoAnswer(Defect):
    """RFC 6749 section 5.2: 400 or 401 with an error document where no client authentication is included."""

    surface = "identity"
    noticed_by = ("oauth/client/authentication-is-required#both", "oauth/client/authentication-is-required#id")

    def intercept(self, request: Request) -> Answer | None:
        named = "authorization" in request.headers or b"client_id" in request.body
        return Answer.none() if is_token_request(request) and request.method == "POST" and not named else None


class OtherMethodsGetNoAnswer(Defect):
    """RFC 9110 section 15.5.6: 405 where a method is none of the resource's; who opens the URL waits for an answer."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/other-methods-are-refused#get",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.none() if request.method != "POST" else None


class LongQueryGetsNoAnswer(Defect):
    """RFC 9112 section 3: a target that is too long to be read MUST be answered, with 414."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-parameter#long",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.none() if len(request.query_string) > 4096 else None
