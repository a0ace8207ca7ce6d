"""Defects that break the promise "Repository names, tags and digests follow the specified grammar"."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest, Repository
from conformance.reference.support.registry import _RefusedManifestsKept, registry_of
from tests.defects.rows import row
from tests.defects.support.common import server_error_page

LONGEST_ADDRESS = 320

ROWS = (
    row(
        "escapes-in-a-link-escaped",
        "RFC 9110 section 4.2.3: a Link leads to the path that was asked for, whose escapes are not escaped again.",
        "registry/name/percent-encoding-is-decoded#list",
        listing_url=lambda original, request, query: f"{request.raw_path.replace('%', '%25')}?{query}",
    ),
    row(
        "long-tag-refused",
        "distribution-spec 1.1, Pulling manifests: a tag may have 128 characters, not only 63.",
        "registry/name/valid-tags-are-accepted#128-letters",
        "registry/name/valid-tags-are-accepted#hexadecimal",
        "registry/referrers/tag-schema-works",
        is_tag=lambda original, text: len(text) < 64 and bool(original(text)),
    ),
    row(
        "tag-without-its-last-dash",
        "distribution-spec 1.1, Pulling manifests: nor is it another for a dash at its end.",
        "registry/name/similar-tags-are-distinct#or-at-their-end",
        check_reference=lambda original, text: str(original(text)).rstrip("-"),
    ),
)


class LongNameFails(Defect):
    """API Reference, Error Handling: a name too long is 4xx, not 500 (distribution #2670)."""

    surface = "registry"
    noticed_by = (
        "registry/name/any-name-is-no-server-error#many-components",
        "registry/name/any-name-is-no-server-error#too-long",
        "registry/name/any-name-is-no-server-error#very-long",
    )

    def is_name(self, original: Any, text: str) -> bool:
        if len(text) > 255:
            raise Refusal("NAME_INVALID", status=500)
        return bool(original(text))


class EmptyComponentFails(Defect):
    """API Reference, Error Handling: a name with an empty component is the caller's fault, not the platform's."""

    surface = "registry"
    noticed_by = (
        "registry/name/any-name-is-no-server-error#slash-first",
        "registry/name/any-name-is-no-server-error#slash-last",
    )

    def is_name(self, original: Any, text: str) -> bool:
        if "" in text.split("/"):
            raise Refusal("NAME_INVALID", status=500)
        return bool(original(text))


class NoNameFails(Defect):
    """API Reference, Error Handling: a manifest under no name at all is the caller's fault."""

    surface = "registry"
    noticed_by = ("registry/name/any-name-is-no-server-error#nothing",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(500, {"message": "no name"}) if request.path.startswith("/v2//manifests/") else None


class BytesInReferenceFail(Defect):
    """API Reference, Error Handling: a reference that is no UTF-8 is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/name/any-reference-is-no-server-error",)
    shortest = 1

    def intercept(self, request: Request) -> Answer | None:
        return server_error_page() if request.method == "GET" and "\ufffd" in request.path else None


class TagEndingInASeparatorRefused(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag may end in ``.``, ``-`` and ``_``."""

    surface = "registry"
    noticed_by = ("registry/name/any-tag-names-its-manifest",)
    shortest = 5

    def is_tag(self, original: Any, text: str) -> bool:
        return bool(original(text)) and text[-1] not in ".-_"


class BlobsOfNamesBelow(Defect):
    """distribution-spec 1.1, Pulling blobs: what ``app/below`` has is not ``app``'s."""

    surface = "registry"
    noticed_by = (
        "registry/name/similar-names-are-distinct#one-letter-components",
        "registry/name/similar-names-are-distinct#word-of-a-path",
    )

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        for other, stored in registry_of(original).repositories.items():
            if other.startswith(f"{name}/") and digest in stored.blobs:
                return stored.blobs[digest]
        content: bytes = original(name, digest)
        return content


class LongAddressRefused(Defect):
    """distribution-spec 1.1, Pulling manifests: a name and a tag may be long, both of them in one address."""

    surface = "registry"
    noticed_by = ("registry/name/similar-names-are-distinct#longest",)

    def intercept(self, request: Request) -> Answer | None:
        if len(request.path) <= LONGEST_ADDRESS or "/manifests/" not in request.path:
            return None
        return Answer.json(414, {"message": "URI too long"})


class NamesFolded(Defect):
    """distribution-spec 1.1, Pulling manifests: names that differ in a separator are two names."""

    surface = "registry"
    noticed_by = (
        "registry/name/similar-names-are-distinct#dashes",
        "registry/name/similar-names-are-distinct#dot",
        "registry/name/similar-names-are-distinct#two-underscores",
        "registry/name/similar-names-are-distinct#underscore",
    )

    def stored(self, original: Any, name: str) -> Repository:
        stored: Repository = original(self._kept_as(name))
        return stored

    def opened(self, original: Any, name: str) -> Repository:
        opened: Repository = original(self._kept_as(name))
        return opened

    def _kept_as(self, name: str) -> str:
        return re.sub("[-._]+", "-", name)


class OneLetterComponentFails(Defect):
    """API Reference, Error Handling: a component may be one letter, which is no failure of the platform's."""

    surface = "registry"
    noticed_by = (
        "registry/name/similar-names-are-distinct#one-digit-component",
        "registry/name/any-name-is-no-server-error#empty-component",
    )

    def is_name(self, original: Any, text: str) -> bool:
        if any(len(each) == 1 for each in text.split("/")):
            raise Refusal("NAME_INVALID", status=500)
        return bool(original(text))


class TagsBelowAreListed(Defect):
    """distribution-spec 1.1, Listing Tags: the tags of ``a/b`` are none of ``a``, in whose folder they are."""

    surface = "registry"
    noticed_by = ("registry/name/similar-names-are-distinct#one-digit-component",)

    def tags_of(self, original: Any, name: str) -> list[str]:
        below = (each.tags for path, each in registry_of(original).repositories.items() if path.startswith(f"{name}/"))
        return list(dict.fromkeys([*original(name), *(tag for tags in below for tag in tags)]))


class EscapesInLastKept(Defect):
    """RFC 9110 section 4.2.3: what a list is to go on behind is read with its escapes undone."""

    surface = "registry"
    noticed_by = ("registry/name/percent-encoding-is-decoded#last",)

    def page_answer(self, original: Any, request: Request, *told: Any) -> Answer:
        if "last=%" in request.query_string:
            # No name is before one that begins with a percent sign.
            request = replace(request, query_string=re.sub("last=[^&]*", "last=%25", request.query_string))
        answer: Answer = original(request, *told)
        return answer


class EscapedPathsAreNone(Defect):
    """RFC 9110 section 4.2.3: a path is that which it is with its escapes undone."""

    surface = "registry"
    noticed_by = (
        "registry/name/percent-encoding-is-decoded#blob",
        "registry/name/percent-encoding-is-decoded#manifest",
    )

    async def answer(self, original: Any, request: Request) -> Answer:
        if re.search("/(manifests/%61|blobs/[^/]*%)", request.raw_path):
            return Refusal("NAME_UNKNOWN").answer()
        answer: Answer = await original(request)
        return answer


class NameWithSeparatorsRefused(Defect):
    """distribution-spec 1.1, Pulling manifests: ``.``, ``__`` and ``-`` may stand within a name."""

    surface = "registry"
    noticed_by = ("registry/name/app-slugs-are-accepted#dashes",)

    def is_name(self, original: Any, text: str) -> bool:
        return bool(original(text)) and not any(separator in text for separator in ("__", ".", "--"))


class TagsKeptInSmallLetters(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag may have capitals, and is then another than that without."""

    surface = "registry"
    noticed_by = ("registry/name/valid-tags-are-accepted#capital", "registry/name/similar-tags-are-distinct")

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag.lower(), digest)


class VersionsAreNumbers(Defect):
    """API Reference, Docker Registry: an image is pulled by the tag it was pushed under; v1.0.0 is not kept as v1.0."""

    surface = "registry"
    noticed_by = ("registry/name/image-naming-of-the-contract",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        await original(name, tag.removesuffix(".0"), digest)


class NameGrammarUnchecked(Defect):
    """distribution-spec 1.1, Pulling manifests: a repository name of another grammar is refused."""

    surface = "registry"
    noticed_by = (
        "registry/name/invalid-name-is-refused#capital",
        "registry/name/invalid-name-is-refused#component-of-a-dash",
        "registry/name/invalid-name-is-refused#dash-and-underscore",
        "registry/name/invalid-name-is-refused#dash-first",
        "registry/name/invalid-name-is-refused#dash-last",
        "registry/name/invalid-name-is-refused#dot-and-dash",
        "registry/name/invalid-name-is-refused#dot-first",
        "registry/name/invalid-name-is-refused#dot-last",
        "registry/name/invalid-name-is-refused#not-ascii",
        "registry/name/invalid-name-is-refused#plus",
        "registry/name/invalid-name-is-refused#three-underscores",
        "registry/name/invalid-name-is-refused#two-dots",
        "registry/name/invalid-name-is-refused#underscore-first",
        "registry/name/invalid-name-is-refused#underscore-last",
    )

    def is_name(self, original: Any, text: str) -> bool:
        return True


class BadTagsSetAllTheSame(_RefusedManifestsKept):
    """distribution-spec 1.1, Pulling manifests: what is refused as no tag names nothing."""

    surface = "registry"
    noticed_by = (
        "registry/name/invalid-tag-is-refused#129-letters",
        "registry/name/invalid-tag-is-refused#at",
        "registry/name/invalid-tag-is-refused#dash-first",
        "registry/name/invalid-tag-is-refused#line-end",
        "registry/name/invalid-tag-is-refused#nul",
    )
    codes = ("TAG_INVALID",)

    def manifest_of(self, original: Any, asked: Asked) -> Manifest:
        registry = registry_of(original)
        manifest: Manifest = registry.resolve(asked.name, asked.reference) or original(asked)
        return manifest


class TagGrammarUnchecked(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag is of its grammar, at most 128 characters."""

    surface = "registry"
    noticed_by = (
        "registry/name/invalid-tag-is-refused#129-letters",
        "registry/name/invalid-tag-is-refused#blank",
        "registry/name/invalid-tag-is-refused#dot-first",
        "registry/name/invalid-tag-is-refused#not-ascii",
        "registry/name/invalid-tag-is-refused#plus",
    )

    def is_tag(self, original: Any, text: str) -> bool:
        return True


class TagLikeAnotherNotSet(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag that differs from another in case alone is set all the same."""

    surface = "registry"
    noticed_by = ("registry/name/similar-tags-are-distinct",)

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        tags = registry_of(original).stored(name).tags
        if tag in tags or tag.lower() not in map(str.lower, tags):
            await original(name, tag, digest)
