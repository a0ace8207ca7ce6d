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
from conformance.reference.one_method import defect
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import LONGEST_PAGE, Page, Wanted
from conformance.reference.storage.properties import LONGEST_KEY
from conformance.reference.storage.state import Bucket
from conformance.reference.support.storage import gateway, page_of, server_error

_BEHIND_ALL = "\U0010ffff"


@defect("storage/listing/delimiter-is-honoured#after-a-prefix")
def delimiter_in_prefix_counted(common_prefix: Any, name: str, wanted: Wanted) -> str | None:
    """S3 API Reference, ListObjectsV2, CommonPrefixes: a delimiter inside the prefix ends the common prefix."""
    return common_prefix(name, replace(wanted, prefix=wanted.prefix.removesuffix(wanted.delimiter or "/")))


@defect("storage/listing/delimiter-is-honoured#groups,folder-object")
def prefixes_without_their_delimiter(listed_prefixes: Any, prefixes: list[str], encoded: bool) -> list[str]:
    """S3 API Reference, ListObjectsV2, CommonPrefixes: common prefixes lack their final delimiter."""
    return listed_prefixes([each.removesuffix("/") for each in prefixes], encoded)


@defect("storage/listing/delimiter-is-honoured#folder-object")
def folder_itself_listed_with_it(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2, Delimiter: a key that is rolled up is also listed in Contents."""
    found: Page = page(names, wanted)
    found.keys = sorted({*found.keys, *({*found.prefixes} & {*names})})
    return found


@defect("storage/listing/delimiter-of-several-characters")
def delimiter_of_one_character(common_prefix: Any, name: str, wanted: Wanted) -> str | None:
    """S3 API Reference, ListObjectsV2, delimiter: only the first character of the delimiter is used."""
    return common_prefix(name, replace(wanted, delimiter=wanted.delimiter[:1]))


class PrefixEndsAtTheFirstLetter(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: a common prefix ends at the delimiter's first character."""

    noticed_by = ("storage/listing/delimiter-of-several-characters",)
    more = 0

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        self.more = max(len(wanted.delimiter) - 1, 0)
        return wanted

    def listed_prefixes(self, original: Any, prefixes: list[str], encoded: bool) -> list[str]:
        return original([name[: len(name) - self.more] for name in prefixes], encoded)


@defect("storage/listing/delimiter-is-honoured#absent-from-keys")
def delimiter_is_pattern(common_prefix: Any, name: str, wanted: Wanted) -> str | None:
    """S3 API Reference, ListObjectsV2, delimiter: the delimiter is used as a regular expression."""
    found = re.search(wanted.delimiter, name[len(wanted.prefix) :]) if wanted.delimiter else None
    return None if found is None else name[: len(wanted.prefix) + found.end()]


@defect("storage/listing/empty-parameters-have-no-effect")
def empty_start_is_the_end(start_after: Any, call: Call) -> str:
    """S3 API Reference, ListObjectsV2, StartAfter: an empty start-after returns an empty listing."""
    return _BEHIND_ALL if call.query.get("start-after") == "" else str(start_after(call))


@defect("storage/listing/empty-parameters-have-no-effect")
def empty_delimiter_is_slash(wanted: Any, call: Call, after: str) -> Wanted:
    """S3 API Reference, ListObjectsV2, delimiter: an empty delimiter is treated as a slash."""
    found: Wanted = wanted(call, after)
    return replace(found, delimiter="/") if call.query.get("delimiter") == "" else found


@defect("storage/listing/prefix-is-honoured#folder,only-at-the-start,similar-folders,inside-a-name,no-match")
def prefix_not_heeded(wanted: Any, call: Call, after: str) -> Wanted:
    """S3 API Reference, ListObjectsV2, prefix: it is ignored."""
    found: Wanted = wanted(call, after)
    return found if found.delimiter else replace(found, prefix="")


@defect("storage/listing/key-that-is-the-prefix", shipped=True)
def typed_folders_hidden(listable_keys: Any, bucket: Bucket) -> list[str]:
    """S3 API Reference, ListObjectsV2: keys that end in a slash and have no special type are hidden."""

    def hidden(key: str) -> bool:
        return key.endswith("/") and bucket.objects[key].headers.get("content-type") == "application/octet-stream"

    return [key for key in listable_keys(bucket) if not hidden(key)]


@defect("storage/listing/key-that-is-the-prefix")
async def folder_goes_with_its_last(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """S3 User Guide, "Organizing objects using prefixes": deleting the last key below ``a/`` deletes ``a/``."""
    await erase(bucket, key, conditions)
    folder = key.rpartition("/")[0] + "/"
    if not any(each.startswith(folder) and each != folder for each in bucket.keys):
        bucket.remove(folder)


@defect("storage/listing/prefix-is-honoured#whole-key", "storage/subresource/unknown-method-is-refused#conform,post")
def prefix_is_folder(wanted: Any, call: Call, after: str) -> Wanted:
    """S3 API Reference, ListObjectsV2, prefix: a prefix matches whole path segments only."""
    found: Wanted = wanted(call, after)
    prefix = found.prefix
    return replace(found, prefix=prefix + "/" if prefix and not prefix.endswith("/") else prefix)


@defect("storage/listing/prefix-is-honoured#no-pattern-backslash")
def escapes_in_prefix(wanted: Any, call: Call, after: str) -> Wanted:
    """S3 API Reference, ListObjectsV2, prefix: a backslash in a prefix is an escape character."""
    found: Wanted = wanted(call, after)
    return replace(found, prefix=found.prefix.replace("\\", ""))


@defect("storage/listing/prefix-is-honoured#no-pattern-underscore,no-pattern-percent")
def prefix_is_sql_pattern(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2, prefix: ``_`` and ``%`` in a prefix are wildcards."""
    like = re.escape(wanted.prefix).replace("_", ".").replace("%", ".*")
    return page_of(page, [name for name in names if re.match(like, name, re.DOTALL)], wanted)


@defect("storage/listing/prefix-is-honoured#no-pattern-other-case")
def prefix_of_any_case(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2, prefix: a prefix is compared without regard to case."""
    prefix = wanted.prefix.lower()
    return page_of(page, [name for name in names if name.lower().startswith(prefix)], wanted)


@defect("storage/listing/prefix-is-honoured#no-pattern-quote")
def quote_in_prefix_is_server_error(wanted: Any, call: Call, after: str) -> Wanted:
    """OWASP ASVS 5.3.4: a quotation mark in a prefix is answered with a 5xx."""
    found: Wanted = wanted(call, after)
    if "'" in found.prefix:
        raise server_error()
    return found


@defect("storage/listing/prefix-is-honoured#no-pattern-trailing-space")
def prefix_trimmed(wanted: Any, call: Call, after: str) -> Wanted:
    """S3 API Reference, ListObjectsV2, prefix: spaces at the ends of a prefix are removed."""
    found: Wanted = wanted(call, after)
    return replace(found, prefix=found.prefix.strip())


@defect("storage/listing/prefix-is-honoured#no-pattern-decoded-again")
def prefix_decoded_twice(wanted: Any, call: Call, after: str) -> Wanted:
    """RFC 3986 section 2.4: a prefix is percent-decoded twice."""
    found: Wanted = wanted(call, after)
    return replace(found, prefix=unquote(found.prefix))


@defect("storage/listing/prefix-is-honoured#of-space")
def blank_in_prefix_is_plus(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2, prefix: a space in a prefix is treated as a plus sign."""
    return page(names, replace(wanted, prefix=wanted.prefix.replace(" ", "+")))


@defect(
    "storage/listing/bad-parameters-are-no-server-error#max-keys-empty,max-keys-huge,max-keys-negative",
    "storage/listing/bad-parameters-are-no-server-error#max-keys-word",
)
def bad_max_keys_is_server_error(page_limit: Any, call: Call, name: str = "max-keys") -> int:
    """S3 API Reference, InvalidArgument: a max-keys that is no number is answered with a 5xx."""
    try:
        return int(page_limit(call, name))
    except Fault:
        raise server_error() from None


@defect("storage/listing/bad-parameters-are-no-server-error#token,token-empty")
def bad_token_is_server_error(opened_token: Any, token: str) -> str:
    """S3 API Reference, InvalidArgument: an invalid continuation token is answered with a 5xx."""
    try:
        return str(opened_token(token))
    except Fault:
        raise server_error() from None


def _crash_unless_number(call: Call, name: str) -> None:
    if not call.query.get(name, "0").isdigit():
        raise server_error()


class BadNumberOfOtherListsIsServerError(Defect):
    """S3 API Reference, InvalidArgument: an invalid max-uploads or max-buckets is answered with a 5xx."""

    noticed_by = ("storage/listing/bad-parameters-are-no-server-error#max-buckets-word,max-uploads-word",)

    async def list_uploads(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        _crash_unless_number(call, "max-uploads")
        return await original(call, bucket)

    def list_buckets(self, original: Any, call: Call) -> Answer:
        _crash_unless_number(call, "max-buckets")
        return original(call)


@defect("storage/listing/bad-parameters-are-no-server-error#start-after-long")
def long_place_is_server_error(start_after: Any, call: Call) -> str:
    """S3 API Reference, ListObjectsV2, start-after: a start-after longer than a key is answered with a 5xx."""
    start = str(start_after(call))
    if len(start.encode()) > 1024:
        raise server_error()
    return start


@defect("storage/listing/bad-parameters-are-no-server-error#part-number-marker-word,max-parts-word")
async def bad_numbers_of_parts_are_server_errors(list_parts: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, InvalidArgument: an invalid max-parts or part-number-marker is answered with a 5xx."""
    numbers = [call.query.get(name, "0") for name in ("max-parts", "part-number-marker")]
    if not all(number.isdigit() for number in numbers):
        raise server_error()
    return await list_parts(call, bucket)


@defect("storage/listing/bad-parameters-are-no-server-error#unknown-upload-marker")
async def marker_of_no_upload_is_server_error(list_uploads: Any, call: Call, bucket: Bucket) -> Answer:
    """API Reference, Error Handling: an upload-id-marker of a removed upload is answered with a 5xx."""
    if call.query.get("upload-id-marker") and call.query["upload-id-marker"] not in bucket.uploads:
        raise server_error()
    return await list_uploads(call, bucket)


@defect("storage/listing/bad-parameters-are-no-server-error#prefix-long,prefix-with-nul")
def unheard_of_prefix_is_server_error(wanted: Any, call: Call, after: str) -> Wanted:
    """S3 API Reference, ListObjectsV2, prefix: a prefix that no key can have is answered with a 5xx."""
    prefix = call.query.get("prefix", "")
    if len(prefix) > LONGEST_KEY or "\0" in prefix:
        raise server_error()
    return wanted(call, after)


@defect("storage/listing/bad-parameters-are-refused#max-keys-fraction,max-keys-negative,max-keys-word")
def bad_max_keys_not_refused(page_limit: Any, call: Call, name: str = "max-keys") -> int:
    """S3 API Reference, InvalidArgument: a max-keys that is no number is ignored."""
    try:
        return int(page_limit(call, name))
    except Fault:
        return 1000


@defect("storage/listing/bad-parameters-are-refused#token")
def bad_token_starts_over(opened_token: Any, token: str) -> str:
    """S3 API Reference, InvalidArgument: an invalid continuation token starts the listing again."""
    try:
        return str(opened_token(token))
    except Fault:
        return ""


@defect("storage/listing/max-keys-above-the-limit-is-served")
def large_max_keys_refused(page_limit: Any, call: Call, name: str = "max-keys") -> int:
    """S3 API Reference, ListObjectsV2, max-keys: a max-keys above 1,000 is refused."""
    if call.number(name, 0) > LONGEST_PAGE:
        raise Fault("InvalidArgument")
    return int(page_limit(call, name))


@defect("storage/listing/max-keys-zero-is-empty")
def empty_page_is_never_the_last(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, ListObjectsV2, IsTruncated: an empty page has IsTruncated true without a token."""
    if ("max-keys", "0") in request.query:
        answer.body = answer.body.replace(b"<IsTruncated>false<", b"<IsTruncated>true<")
    return answer


@defect(
    "storage/listing/start-after-is-exclusive#folder-name,a-key,after-the-prefix,keys-below-it,no-key,last-key",
    "storage/listing/start-after-is-exclusive#with-a-delimiter",
)
async def second_version_answered_as_first(list_objects_v2: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListObjectsV2: list-type=2 is answered as version 1."""
    return await gateway(list_objects_v2).list_objects(call, bucket)


@defect("storage/listing/start-after-is-exclusive#before-the-prefix")
def start_after_before_prefix_ends_listing(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2, start-after: a start-after before the prefix returns an empty listing."""
    beside = wanted.after and not wanted.after.startswith(wanted.prefix)
    return page([] if beside else names, wanted)


@defect("storage/listing/start-after-is-exclusive#with-another-delimiter")
def start_after_groups_by_slash_only(page: Any, names: list[str], wanted: Wanted) -> Page:
    """S3 API Reference, ListObjectsV2, delimiter: with a start-after, keys are grouped by slashes only."""
    found: Page = page(names, wanted)
    if wanted.after and wanted.delimiter not in ("", "/"):
        found.prefixes.clear()
    return found


@defect("storage/listing/delimiter-is-honoured#four-byte-character,three-byte-character,two-byte-character")
def delimiter_of_several_bytes_not_found(common_prefix: Any, name: str, wanted: Wanted) -> str | None:
    """S3 API Reference, ListObjectsV2, delimiter: a delimiter outside ASCII groups nothing."""
    several = len(wanted.delimiter) == 1 < len(wanted.delimiter.encode())
    return common_prefix(name, replace(wanted, delimiter="") if several else wanted)
