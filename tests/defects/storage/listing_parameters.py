"""Defects of listing parameters.

They break these promises:

- Listings honour prefix and delimiter.
- Other listing parameters are honoured or rejected.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import LONGEST_PAGE, Page, Wanted
from conformance.reference.storage.properties import LONGEST_KEY
from conformance.reference.storage.state import Bucket
from conformance.reference.support.storage import gateway, page_of, server_error

_BEHIND_ALL = "\U0010ffff"


class DelimiterInPrefixCounted(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: up to the first delimiter after the prefix."""

    surface = "storage"
    noticed_by = ("storage/listing/delimiter-is-honoured#after-a-prefix",)

    def common_prefix(self, original: Any, name: str, wanted: Wanted) -> str | None:
        group: str | None = original(name, replace(wanted, prefix=wanted.prefix.removesuffix(wanted.delimiter or "/")))
        return group


class PrefixesWithoutTheirDelimiter(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: as far as the next delimiter, that included."""

    surface = "storage"
    noticed_by = (
        "storage/listing/delimiter-is-honoured#groups",
        "storage/listing/delimiter-is-honoured#folder-object",
    )

    def listed_prefixes(self, original: Any, prefixes: list[str], encoded: bool) -> list[str]:
        found: list[str] = original([each.removesuffix("/") for each in prefixes], encoded)
        return found


class FolderItselfListedBesideIt(Defect):
    """S3 API Reference, ListObjectsV2, Delimiter: keys that are rolled up are not returned elsewhere."""

    surface = "storage"
    noticed_by = ("storage/listing/delimiter-is-honoured#folder-object",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        page.keys = sorted({*page.keys, *({*page.prefixes} & {*names})})
        return page


class DelimiterOfOneCharacter(Defect):
    """S3 API Reference, ListObjectsV2, delimiter: a string, of any length."""

    surface = "storage"
    noticed_by = ("storage/listing/delimiter-of-several-characters",)

    def common_prefix(self, original: Any, name: str, wanted: Wanted) -> str | None:
        group: str | None = original(name, replace(wanted, delimiter=wanted.delimiter[:1]))
        return group


class PrefixEndsAtTheFirstLetter(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: as far as the delimiter goes, to its last letter."""

    surface = "storage"
    noticed_by = ("storage/listing/delimiter-of-several-characters",)

    def __init__(self) -> None:
        self.more = 0

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        self.more = max(len(wanted.delimiter) - 1, 0)
        return wanted

    def listed_prefixes(self, original: Any, prefixes: list[str], encoded: bool) -> list[str]:
        told: list[str] = original([name[: len(name) - self.more] for name in prefixes], encoded)
        return told


class DelimiterIsPattern(Defect):
    """S3 API Reference, ListObjectsV2, delimiter: its very characters, not a pattern of them."""

    surface = "storage"
    noticed_by = ("storage/listing/delimiter-is-honoured#absent-from-keys",)

    def common_prefix(self, original: Any, name: str, wanted: Wanted) -> str | None:
        found = re.search(wanted.delimiter, name[len(wanted.prefix) :]) if wanted.delimiter else None
        return None if found is None else name[: len(wanted.prefix) + found.end()]


class EmptyStartIsTheEnd(Defect):
    """S3 API Reference, ListObjectsV2, StartAfter: an empty one is before every key."""

    surface = "storage"
    noticed_by = ("storage/listing/empty-parameters-have-no-effect",)

    def start_after(self, original: Any, call: Call) -> str:
        return _BEHIND_ALL if call.query.get("start-after") == "" else str(original(call))


class EmptyDelimiterIsSlash(Defect):
    """S3 API Reference, ListObjectsV2, delimiter: an empty one groups nothing."""

    surface = "storage"
    noticed_by = ("storage/listing/empty-parameters-have-no-effect",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return replace(wanted, delimiter="/") if call.query.get("delimiter") == "" else wanted


class PrefixNotHeeded(Defect):
    """S3 API Reference, ListObjectsV2, prefix: keys that begin with it and no others."""

    surface = "storage"
    noticed_by = (
        "storage/listing/prefix-is-honoured#folder",
        "storage/listing/prefix-is-honoured#only-at-the-start",
        "storage/listing/prefix-is-honoured#similar-folders",
        "storage/listing/prefix-is-honoured#inside-a-name",
        "storage/listing/prefix-is-honoured#no-match",
    )

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return wanted if wanted.delimiter else replace(wanted, prefix="")


class TypedFoldersHidden(Defect):
    """S3 API Reference, ListObjectsV2: an object whose key ends in a slash is listed, of whatever type it is."""

    surface = "storage"
    noticed_by = ("storage/listing/key-that-is-the-prefix",)
    shipped = True

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        def hidden(key: str) -> bool:
            return key.endswith("/") and bucket.objects[key].headers.get("content-type") == "application/octet-stream"

        return [key for key in original(bucket) if not hidden(key)]


class FolderGoesWithItsLast(Defect):
    """S3 User Guide, "Organizing objects using prefixes": an object ``a/`` stays when the last one below it goes."""

    surface = "storage"
    noticed_by = ("storage/listing/key-that-is-the-prefix",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        folder = key.rpartition("/")[0] + "/"
        if not any(each.startswith(folder) and each != folder for each in bucket.keys):
            bucket.remove(folder)


class PrefixIsFolder(Defect):
    """S3 API Reference, ListObjectsV2, prefix: keys that begin with it, wherever it ends."""

    surface = "storage"
    noticed_by = (
        "storage/listing/prefix-is-honoured#whole-key",
        "storage/subresource/unknown-method-is-refused#conform",
        "storage/subresource/unknown-method-is-refused#post",
    )

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        prefix = wanted.prefix
        return replace(wanted, prefix=prefix + "/" if prefix and not prefix.endswith("/") else prefix)


class EscapesInPrefix(Defect):
    """S3 API Reference, ListObjectsV2, prefix: its very characters; a backslash stands for itself."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-honoured#no-pattern-backslash",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return replace(wanted, prefix=wanted.prefix.replace("\\", ""))


class PrefixIsSqlPattern(Defect):
    """S3 API Reference, ListObjectsV2, prefix: its very characters; ``_`` and ``%`` stand for themselves."""

    surface = "storage"
    noticed_by = (
        "storage/listing/prefix-is-honoured#no-pattern-underscore",
        "storage/listing/prefix-is-honoured#no-pattern-percent",
    )

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        like = re.escape(wanted.prefix).replace("_", ".").replace("%", ".*")
        return page_of(original, [name for name in names if re.match(like, name, re.DOTALL)], wanted)


class PrefixOfAnyCase(Defect):
    """S3 API Reference, ListObjectsV2, prefix: keys begin with it or they do not; ``A`` is not ``a``."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-honoured#no-pattern-other-case",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        prefix = wanted.prefix.lower()
        return page_of(original, [name for name in names if name.lower().startswith(prefix)], wanted)


class QuoteInPrefixIsServerError(Defect):
    """OWASP ASVS 5.3.4: what a caller asks for, a prefix with a quote too, is no part of a statement."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-honoured#no-pattern-quote",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        if "'" in wanted.prefix:
            raise server_error()
        return wanted


class PrefixTrimmed(Defect):
    """S3 API Reference, ListObjectsV2, prefix: keys that begin with it, with the blank at its end as well."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-honoured#no-pattern-trailing-space",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return replace(wanted, prefix=wanted.prefix.strip())


class PrefixDecodedTwice(Defect):
    """RFC 3986 section 2.4: what is percent-encoded is decoded once, a prefix too."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-honoured#no-pattern-decoded-again",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return replace(wanted, prefix=unquote(wanted.prefix))


class BlankInPrefixIsPlus(Defect):
    """S3 API Reference, ListObjectsV2, prefix: its very characters; a blank that came as %20 is no plus."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-honoured#of-space",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, replace(wanted, prefix=wanted.prefix.replace(" ", "+")))
        return page


class BadMaxKeysIsServerError(Defect):
    """S3 API Reference, InvalidArgument: 400 for a max-keys that is no number."""

    surface = "storage"
    noticed_by = (
        "storage/listing/bad-parameters-are-no-server-error#max-keys-empty",
        "storage/listing/bad-parameters-are-no-server-error#max-keys-huge",
        "storage/listing/bad-parameters-are-no-server-error#max-keys-negative",
        "storage/listing/bad-parameters-are-no-server-error#max-keys-word",
    )

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        try:
            return int(original(call, name))
        except Fault:
            raise server_error() from None


class BadTokenIsServerError(Defect):
    """S3 API Reference, InvalidArgument: 400 for a continuation token that is none."""

    surface = "storage"
    noticed_by = (
        "storage/listing/bad-parameters-are-no-server-error#token",
        "storage/listing/bad-parameters-are-no-server-error#token-empty",
    )

    def opened_token(self, original: Any, token: str) -> str:
        try:
            return str(original(token))
        except Fault:
            raise server_error() from None


def _crash_unless_number(call: Call, name: str) -> None:
    if not call.query.get(name, "0").isdigit():
        raise server_error()


class BadNumberOfOtherListsIsServerError(Defect):
    """S3 API Reference, InvalidArgument: 400 for a max-uploads or a max-buckets that is no number."""

    surface = "storage"
    noticed_by = (
        "storage/listing/bad-parameters-are-no-server-error#max-buckets-word",
        "storage/listing/bad-parameters-are-no-server-error#max-uploads-word",
    )

    async def list_uploads(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        _crash_unless_number(call, "max-uploads")
        answer: Answer = await original(call, bucket)
        return answer

    def list_buckets(self, original: Any, call: Call) -> Answer:
        _crash_unless_number(call, "max-buckets")
        answer: Answer = original(call)
        return answer


class LongPlaceIsServerError(Defect):
    """S3 API Reference, ListObjectsV2, start-after: any specified key, one that no object can have too."""

    surface = "storage"
    noticed_by = ("storage/listing/bad-parameters-are-no-server-error#start-after-long",)

    def start_after(self, original: Any, call: Call) -> str:
        start = str(original(call))
        if len(start.encode()) > 1024:
            raise server_error()
        return start


class BadNumbersOfPartsAreServerErrors(Defect):
    """S3 API Reference, InvalidArgument: 400 for a max-parts or a part-number-marker that is no number."""

    surface = "storage"
    noticed_by = (
        "storage/listing/bad-parameters-are-no-server-error#part-number-marker-word",
        "storage/listing/bad-parameters-are-no-server-error#max-parts-word",
    )

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        numbers = [call.query.get(name, "0") for name in ("max-parts", "part-number-marker")]
        if not all(number.isdigit() for number in numbers):
            raise server_error()
        answer: Answer = await original(call, bucket)
        return answer


class MarkerOfNoUploadIsServerError(Defect):
    """API Reference, Error Handling: a list that is to go on behind an upload which is gone by now goes on there."""

    surface = "storage"
    noticed_by = ("storage/listing/bad-parameters-are-no-server-error#unknown-upload-marker",)

    async def list_uploads(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.query.get("upload-id-marker") and call.query["upload-id-marker"] not in bucket.uploads:
            raise server_error()
        answer: Answer = await original(call, bucket)
        return answer


class UnheardOfPrefixIsServerError(Defect):
    """S3 API Reference, ListObjectsV2, prefix: no key begins with one that is longer than a key, or holds U+0000."""

    surface = "storage"
    noticed_by = (
        "storage/listing/bad-parameters-are-no-server-error#prefix-long",
        "storage/listing/bad-parameters-are-no-server-error#prefix-with-nul",
    )

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        prefix = call.query.get("prefix", "")
        if len(prefix) > LONGEST_KEY or "\0" in prefix:
            raise server_error()
        asked: Wanted = original(call, after)
        return asked


class BadMaxKeysNotRefused(Defect):
    """S3 API Reference, InvalidArgument: a max-keys that is no number is refused."""

    surface = "storage"
    noticed_by = (
        "storage/listing/bad-parameters-are-refused#max-keys-fraction",
        "storage/listing/bad-parameters-are-refused#max-keys-negative",
        "storage/listing/bad-parameters-are-refused#max-keys-word",
    )

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        try:
            return int(original(call, name))
        except Fault:
            return 1000


class BadTokenStartsOver(Defect):
    """S3 API Reference, InvalidArgument: a continuation token that is none does not start the listing over."""

    surface = "storage"
    noticed_by = ("storage/listing/bad-parameters-are-refused#token",)

    def opened_token(self, original: Any, token: str) -> str:
        try:
            return str(original(token))
        except Fault:
            return ""


class MaxKeysBeyondIsNought(Defect):
    """S3 API Reference, ListObjectsV2, MaxKeys: more may be asked for than a page has, and a page comes."""

    surface = "storage"
    noticed_by = ("storage/listing/max-keys-above-the-limit-is-served",)

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        return 0 if call.number(name, LONGEST_PAGE) > LONGEST_PAGE else int(original(call, name))


class LargeMaxKeysRefused(Defect):
    """S3 API Reference, ListObjectsV2, max-keys: more than a page can hold may be asked for."""

    surface = "storage"
    noticed_by = ("storage/listing/max-keys-above-the-limit-is-served",)

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        if call.number(name, 0) > LONGEST_PAGE:
            raise Fault("InvalidArgument")
        return int(original(call, name))


class PageOfNothingIsNeverTheLast(Defect):
    """S3 API Reference, ListObjectsV2, IsTruncated: who goes on while it is true never ends where no token comes."""

    surface = "storage"
    noticed_by = ("storage/listing/max-keys-zero-is-empty",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if ("max-keys", "0") in request.query:
            answer.body = answer.body.replace(b"<IsTruncated>false<", b"<IsTruncated>true<")
        return answer


class SecondVersionAnsweredAsFirst(Defect):
    """S3 API Reference, ListObjectsV2: list-type=2 is answered with KeyCount and continuation tokens."""

    surface = "storage"
    noticed_by = (
        "storage/listing/start-after-is-exclusive#folder-name",
        "storage/listing/start-after-is-exclusive#a-key",
        "storage/listing/start-after-is-exclusive#after-the-prefix",
        "storage/listing/start-after-is-exclusive#keys-below-it",
        "storage/listing/start-after-is-exclusive#no-key",
        "storage/listing/start-after-is-exclusive#last-key",
        "storage/listing/start-after-is-exclusive#with-a-delimiter",
    )

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        return await gateway(original).list_objects(call, bucket)


class StartAfterBeforePrefixEndsListing(Defect):
    """S3 API Reference, ListObjectsV2, start-after: what begins with the prefix and comes after it is listed."""

    surface = "storage"
    noticed_by = ("storage/listing/start-after-is-exclusive#before-the-prefix",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        beside = wanted.after and not wanted.after.startswith(wanted.prefix)
        page: Page = original([] if beside else names, wanted)
        return page


class StartAfterGroupsBySlashAlone(Defect):
    """S3 API Reference, ListObjectsV2, delimiter: keys are grouped by any, also behind a start-after."""

    surface = "storage"
    noticed_by = ("storage/listing/start-after-is-exclusive#with-another-delimiter",)

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        page: Page = original(names, wanted)
        if wanted.after and wanted.delimiter not in ("", "/"):
            page.prefixes.clear()
        return page
