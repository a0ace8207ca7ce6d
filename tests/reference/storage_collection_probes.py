"""Probes of listings, copies, uploads and what happens at once: the request, and what the clean gateway answers."""

from __future__ import annotations

from hashlib import md5
from typing import Any
from urllib.parse import quote

from tests.reference.storage_access_probes import Probe
from tests.reference.storage_object_probes import b64md5
from tests.reference.storage_support import A, B, Client, code, text, texts

MB5 = 5 * 1024 * 1024
FIRST, SECOND, TAIL = b"1" * MB5, b"2" * MB5, b"tail"


def filled(client: Client, *keys: str) -> Client:
    for key in keys:
        client.put(key, b"")
    return client


def paged(client: Client, query: str, *keys: str) -> Any:
    """Pages of keys and prefixes, with KeyCount; at most ten."""
    filled(client, *keys)
    pages: list[Any] = []
    token = ""
    while len(pages) < 10:
        answer = client("GET", f"/{A}?list-type=2&{query}{token}")
        pages.append((texts(answer, "Contents/Key"), texts(answer, "CommonPrefixes/Prefix"), text(answer, "KeyCount")))
        if text(answer, "IsTruncated") == "false":
            break
        token = f"&continuation-token={quote(text(answer, 'NextContinuationToken'), safe='')}"
    return pages


def first_version(client: Client) -> Any:
    filled(client, "a/1", "b/1", "c")
    answer = client("GET", f"/{A}?delimiter=/&max-keys=1")
    later = client("GET", f"/{A}?delimiter=/&marker={text(answer, 'NextMarker')}")
    return texts(answer, "CommonPrefixes/Prefix"), texts(later, "CommonPrefixes/Prefix"), texts(later, "Contents/Key")


def listed_codes(client: Client, *queries: str) -> Any:
    return [code(client("GET", f"/{A}?list-type=2&{query}")) for query in queries]


def thousand(client: Client) -> Any:
    bucket = client.storage.buckets[A]
    client.put("k")
    for number in range(1001):
        bucket.put(f"k{number:04}", bucket.objects["k"])
    return len(client.keys("max-keys=5000"))


def list_after(client: Client) -> Any:
    client.put("k", b"1")
    seen = [client.keys()]
    client.put("k", b"22")
    seen.append(texts(client("GET", f"/{A}?list-type=2"), "Contents/Size"))
    client("DELETE", f"/{A}/k")
    return [*seen, client.keys()]


def multi_deleted(client: Client, quiet: bool = False) -> Any:
    filled(client, "a", "b", "c", "d")
    answer = client.delete("a", "b", "absent", quiet=quiet)
    return texts(answer, "Deleted/Key"), texts(answer, "Error/Key"), client.keys()


def delete_error(client: Client) -> Any:
    client.put("a")
    body = b"<Delete><Object><Key>a</Key><VersionId>v1</VersionId></Object><Quiet>true</Quiet></Delete>"
    return texts(client("POST", f"/{A}?delete", body), "Error/Code"), client.keys()


def delete_document(client: Client, body: bytes, **headers: Any) -> Any:
    client.put("a")
    return code(client("POST", f"/{A}?delete", body, **headers)), client.keys()


ENTITY = b'<!DOCTYPE d [<!ENTITY e "a">]><Delete><Object><Key>&e;</Key></Object></Delete>'


def tag_set(**tags: str) -> bytes:
    listed = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in tags.items())
    return f"<Tagging><TagSet>{listed}</TagSet></Tagging>".encode()


def tagged(client: Client) -> Any:
    client.put("k", x_amz_meta_one="1", x_amz_tagging="a=0")
    first = texts(client("GET", f"/{A}/k?tagging"), "TagSet/Tag/Key")
    status = client("PUT", f"/{A}/k?tagging", tag_set(b="1")).status
    answer = client("GET", f"/{A}/k?tagging")
    return first, status, texts(answer, "TagSet/Tag/Key"), client("HEAD", f"/{A}/k").headers.get("x-amz-meta-one")


def uploaded(client: Client) -> Any:
    """Parts uploaded out of order, one of them twice."""
    path = f"/{A}/m"
    client.put("m", b"before")
    upload_id = text(client("POST", path + "?uploads", content_type="text/x", x_amz_meta_one="1"), "UploadId")
    tags = {}
    for number, body in ((3, TAIL), (1, b"draft"), (10, b"unused"), (2, SECOND), (1, FIRST)):
        tags[number] = client("PUT", f"{path}?partNumber={number}&uploadId={upload_id}", body).headers["etag"]
    early = client("GET", path).body
    listed = texts(client("GET", f"{path}?uploadId={upload_id}"), "Part/PartNumber")
    done = client.complete("m", upload_id, [(number, tags[number]) for number in (1, 2, 3)])
    answer = client("GET", path)
    whole = answer.body == FIRST + SECOND + TAIL
    described = answer.headers["content-type"], answer.headers.get("x-amz-meta-one")
    return early, listed, done.status, whole, described, texts(client("GET", f"/{A}?uploads"), "Upload/Key")


def completed(client: Client, *parts: tuple[int, str | int], bodies: tuple[bytes, ...] = (FIRST, TAIL)) -> Any:
    """The completion of an upload with these parts: a number stands for the tag of that part."""
    upload_id, tags = client.upload("m", *bodies)
    listed = [(number, tags[tag - 1] if isinstance(tag, int) else tag) for number, tag in parts]
    return code(client.complete("m", upload_id, listed))


def part_checksums(client: Client) -> Any:
    """A completion that states a wrong checksum of a part, then the right one."""
    upload_id, tags = client.upload("m", b"hello")
    told = []
    for stated in ("AAAAAA==", "NhCmhg=="):
        part = f"<Part><ChecksumCRC32>{stated}</ChecksumCRC32><ETag>{tags[0]}</ETag><PartNumber>1</PartNumber></Part>"
        body = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
        answer = client("POST", f"/{A}/m?uploadId={upload_id}", body)
        told.append(code(answer)[1] or str(answer.status))
    return told


def aborted(client: Client) -> Any:
    client.put("m", b"before")
    upload_id, _ = client.upload("m", TAIL)
    path = f"/{A}/m?uploadId={upload_id}"
    status = client("DELETE", path).status
    return status, code(client("PUT", path + "&partNumber=2", b"x")), client("GET", f"/{A}/m").body


def part_codes(client: Client, *numbers: str) -> Any:
    upload_id, _ = client.upload("m")
    return [code(client("PUT", f"/{A}/m?partNumber={each}&uploadId={upload_id}", b"x")) for each in numbers]


def other_key(client: Client) -> Any:
    upload_id, _ = client.upload("m")
    return code(client("PUT", f"/{A}/other?partNumber=1&uploadId={upload_id}", b"x"))


def unknown_upload(client: Client) -> Any:
    body = b"<CompleteMultipartUpload><Part/></CompleteMultipartUpload>"
    asked = (("PUT", "&partNumber=1", b""), ("POST", "", body), ("GET", "", b""), ("DELETE", "", b""))
    return [code(client(method, f"/{A}/m?uploadId=x{more}", sent)) for method, more, sent in asked]


def uploads_with_prefix(client: Client) -> Any:
    client.upload("a/m")
    client.upload("b/m")
    return texts(client("GET", f"/{A}?uploads&prefix=a/"), "Upload/Key")


def parts_copied(client: Client, source: str = "s", **headers: Any) -> Any:
    client.put("s", b"0123456789")
    upload_id, _ = client.upload("m")
    answer = client("PUT", f"/{A}/m?partNumber=1&uploadId={upload_id}", x_amz_copy_source=f"{A}/{source}", **headers)
    if answer.status != 200:
        return code(answer)
    client.complete("m", upload_id, [(1, text(answer, "ETag"))])
    return client("GET", f"/{A}/m").body


def complete_over(client: Client) -> Any:
    client.put("m", b"before")
    upload_id, tags = client.upload("m", TAIL)
    answer = client.complete("m", upload_id, [(1, tags[0])], if_none_match="*")
    return code(answer), client("GET", f"/{A}/m").body


def copied(client: Client, **headers: Any) -> Any:
    client.put("s", b"data", content_type="text/x", x_amz_meta_one="1")
    status = client("PUT", f"/{B}/k", x_amz_copy_source=f"/{A}/s", **headers).status
    answer = client("GET", f"/{B}/k")
    meta = {name: value for name, value in answer.headers.items() if name.startswith("x-amz-meta")}
    return status, answer.body, answer.headers["content-type"], meta, client("GET", f"/{A}/s").status


def copies_by_date(client: Client) -> Any:
    """Statuses of copies whose source was, or was not, modified since a date, alone and beside an entity tag."""
    tag = client.put("from", b"data").headers["etag"]
    own, old = str(client("HEAD", f"/{A}/from").headers["last-modified"]), "Sat, 01 Jan 2000 00:00:00 GMT"
    asked: list[dict[str, str]] = [
        {"modified_since": old},
        {"modified_since": own},
        {"unmodified_since": old},
        {"unmodified_since": own},
        {"match": tag, "unmodified_since": old},
        {"none_match": tag, "modified_since": old},
    ]
    named = [{f"x_amz_copy_source_if_{name}": value for name, value in each.items()} for each in asked]
    return [client.put("to", b"", x_amz_copy_source=f"/{A}/from", **each).status for each in named]


def copy_code(client: Client, source: str = f"{A}/k", **headers: Any) -> Any:
    client.put("k", b"data")
    answer = client("PUT", f"/{A}/k", x_amz_copy_source=source, **headers)
    return (*code(answer), client("GET", f"/{A}/k").body)


def copy_and_source(client: Client) -> Any:
    """The checksum that a copy has of its source, and the tags of both when the copy was tagged anew."""
    client.put("k", x_amz_checksum_crc32="NhCmhg==", x_amz_tagging="a=0")
    client("PUT", f"/{A}/copy", x_amz_copy_source=f"{A}/k")
    head = client("HEAD", f"/{A}/copy", x_amz_checksum_mode="ENABLED")
    client("PUT", f"/{A}/copy?tagging", tag_set(b="1"))
    tags = (texts(client("GET", f"/{A}/{key}?tagging"), "TagSet/Tag/Key") for key in ("k", "copy"))
    return head.headers.get("x-amz-checksum-crc32"), *tags


def copy_of_key(client: Client, key: str) -> Any:
    client.put(key, b"right")
    return client("PUT", f"/{A}/copy", x_amz_copy_source=f"{A}/{quote(key, safe='/+')}").status


# What happens at once.


def winners(client: Client, **headers: Any) -> Any:
    asked = {name.replace("_", "-"): value for name, value in headers.items()}
    racers = [client.signed("PUT", f"/{A}/k", str(number).encode(), asked) for number in range(3)]
    return sorted(each.status for each in client.together(*racers))


def swapped(client: Client) -> Any:
    return winners(client, if_match=client.put("k").headers["etag"])


def read_while_written(client: Client) -> Any:
    """What a read sees that begins beside a write: entity tag, metadata and bytes are of one of the two."""
    seen = []
    for order in (1, -1):
        client.put("k", b"1111", x_amz_meta_of="1111")
        write = client.signed("PUT", f"/{A}/k", b"2222", {"x-amz-meta-of": "2222"})
        answers = client.together(*[write, client.signed("GET", f"/{A}/k")][::order])
        read = answers[::order][1]
        seen.append(
            read.headers["etag"] == f'"{md5(read.body).hexdigest()}"'
            and read.headers["x-amz-meta-of"].encode() == read.body
        )
    return all(seen)


def read_your_writes(client: Client) -> Any:
    seen: list[Any] = [client("GET", f"/{A}/k").status]
    for body in (b"1", b"22"):
        client.put("k", body)
        seen += [client("GET", f"/{A}/k").body, client("HEAD", f"/{A}/k").headers.get("content-length")]
    client("DELETE", f"/{A}/k")
    return [*seen, client("GET", f"/{A}/k").status]


def twenty(client: Client) -> Any:
    stored = [client.put(f"k{number}", b"x") and client("GET", f"/{A}/k{number}") for number in range(20)]
    return {(each.status, each.body) for each in stored}


def parts_at_once(client: Client) -> Any:
    upload_id, _ = client.upload("m")
    client.together(*[client.signed("PUT", f"/{A}/m?partNumber={n}&uploadId={upload_id}", b"x") for n in (1, 2)])
    return texts(client("GET", f"/{A}/m?uploadId={upload_id}"), "Part/PartNumber")


def two_uploads(client: Client) -> Any:
    """Both completed, the first one last."""
    begun = [client.upload("m", body) for body in (b"one", b"two")]
    told = [client.complete("m", upload_id, [(1, tags[0])]).status for upload_id, tags in reversed(begun)]
    return [*told, client("GET", f"/{A}/m").body]


def complete_and_abort(client: Client) -> Any:
    upload_id, tags = client.upload("m", TAIL)
    listed = f"<Part><PartNumber>1</PartNumber><ETag>{tags[0]}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    path = f"/{A}/m?uploadId={upload_id}"
    return [each.status for each in client.together(client.signed("POST", path, body), client.signed("DELETE", path))]


def two_buckets(client: Client) -> Any:
    client.together(*[client.signed("PUT", f"/{name}/k", name.encode()) for name in (A, B)])
    return [client("GET", f"/{name}/k").body.decode() for name in (A, B)]


PROBES: dict[str, Probe] = {
    "pages": (
        lambda c: paged(c, "max-keys=2", *"abcde"),
        [(["a", "b"], [], "2"), (["c", "d"], [], "2"), (["e"], [], "1")],
    ),
    "full page": (
        lambda c: paged(c, "max-keys=2", *"ab"),
        [(["a", "b"], [], "2")],
    ),
    "grouped by what does not occur": (
        lambda c: paged(c, "delimiter=%7C", "a", "b"),
        [(["a", "b"], [], "2")],
    ),
    "grouped": (
        lambda c: paged(c, "max-keys=2&delimiter=/", "a/1", "a/2", "b", "c/1"),
        [(["b"], ["a/"], "2"), ([], ["c/"], "1")],
    ),
    "group order": (
        lambda c: paged(c, "delimiter=/", "a/1", "b/1"),
        [([], ["a/", "b/"], "2")],
    ),
    "group below prefix": (
        lambda c: paged(c, "delimiter=/&prefix=a/", "a/1", "a/b/1", "c"),
        [(["a/1"], ["a/b/"], "2")],
    ),
    "long delimiter": (
        lambda c: paged(c, "delimiter=--", "a-1", "a--1"),
        [(["a-1"], ["a--"], "2")],
    ),
    "start after": (lambda c: filled(c, *"abc").keys("start-after=b"), ["c"]),
    "order": (
        lambda c: filled(c, "a/b", "a-b", "B", "\uff5e", "\U0001f600").keys(),
        ["B", "a-b", "a/b", "\uff5e", "\U0001f600"],
    ),
    "encoded": (
        lambda c: filled(c, "a b+\u00e9/").keys("encoding-type=url"),
        ["a%20b%2B%C3%A9/"],
    ),
    "prefix": (
        lambda c: filled(c, "ab", "ac", "b").keys("prefix=a"),
        ["ab", "ac"],
    ),
    "list after writes": (
        list_after,
        [["k"], ["2"], []],
    ),
    "no keys": (lambda c: filled(c, "a").keys("max-keys=0"), []),
    "a page of nothing": (
        lambda c: text(filled(c, "a")("GET", f"/{A}?list-type=2&max-keys=0"), "IsTruncated"),
        "false",
    ),
    "a thousand keys": (thousand, 1000),
    "bad listings": (
        lambda c: listed_codes(
            c, "max-keys=-1", "max-keys=abc", "continuation-token=x", "encoding-type=x", "max-keys=99999999999"
        ),
        [(400, "InvalidArgument")] * 5,
    ),
    "first version": (first_version, (["a/"], ["b/"], ["c"])),
    "multi-delete": (
        multi_deleted,
        (["a", "b", "absent"], [], ["c", "d"]),
    ),
    "quiet": (lambda c: multi_deleted(c, True), ([], [], ["c", "d"])),
    "delete error": (delete_error, (["InvalidArgument"], ["a"])),
    "too many deletes": (
        lambda c: code(c.delete(*map(str, range(1001)))),
        (400, "MalformedXML"),
    ),
    "delete with wrong MD5": (
        lambda c: delete_document(c, b"<Delete><Object><Key>a</Key></Object></Delete>", content_md5=b64md5(b"x")),
        ((400, "BadDigest"), ["a"]),
    ),
    "malformed document": (
        lambda c: delete_document(c, b"<Delete><Object>"),
        ((400, "MalformedXML"), ["a"]),
    ),
    "entities": (lambda c: delete_document(c, ENTITY), ((400, "MalformedXML"), ["a"])),
    "deep document": (lambda c: delete_document(c, b"<Delete>" * 5000), ((400, "MalformedXML"), ["a"])),
    "tags": (tagged, (["a"], 200, ["b"], "1")),
    "too many tags": (
        lambda c: (c.put("k"), code(c("PUT", f"/{A}/k?tagging", tag_set(**{f"k{n}": "" for n in range(11)}))))[1],
        (400, "InvalidTag"),
    ),
    "upload": (
        uploaded,
        (b"before", ["1", "2", "3", "10"], 200, True, ("text/x", "1"), []),
    ),
    "part order": (
        lambda c: completed(c, (2, 2), (1, 1), bodies=(FIRST, SECOND)),
        (400, "InvalidPartOrder"),
    ),
    "missing part": (lambda c: completed(c, (1, 1), (7, 2)), (400, "InvalidPart")),
    "wrong part tag": (lambda c: completed(c, (1, '"x"')), (400, "InvalidPart")),
    "part checksums": (part_checksums, ["InvalidPart", "200"]),
    "small parts": (
        lambda c: completed(c, (1, 1), (2, 2), bodies=(TAIL, TAIL)),
        (400, "EntityTooSmall"),
    ),
    "no parts": (completed, (400, "MalformedXML")),
    "abort": (aborted, (204, (404, "NoSuchUpload"), b"before")),
    "part numbers": (
        lambda c: part_codes(c, "1", "10000", "0", "10001", "abc"),
        [(200, "")] * 2 + [(400, "InvalidArgument")] * 3,
    ),
    "upload of another key": (other_key, (404, "NoSuchUpload")),
    "unknown upload": (unknown_upload, [(404, "NoSuchUpload")] * 4),
    "uploads with prefix": (uploads_with_prefix, ["a/m"]),
    "copy and its source": (
        copy_and_source,
        ("NhCmhg==", ["a"], ["b"]),
    ),
    "part of a copy": (
        lambda c: parts_copied(c, x_amz_copy_source_range="bytes=2-4"),
        b"234",
    ),
    "part of nothing": (lambda c: parts_copied(c, "absent"), (404, "NoSuchKey")),
    "bad copy range": (lambda c: parts_copied(c, x_amz_copy_source_range="bytes=2-99"), (400, "InvalidArgument")),
    "complete if none match": (complete_over, ((412, "PreconditionFailed"), b"before")),
    "copy": (
        copied,
        (200, b"data", "text/x", {"x-amz-meta-one": "1"}, 200),
    ),
    "copy and replace": (
        lambda c: copied(c, x_amz_metadata_directive="REPLACE", x_amz_meta_two="2", content_type="a/b"),
        (200, b"data", "a/b", {"x-amz-meta-two": "2"}, 200),
    ),
    "copy directive": (
        lambda c: copy_code(c, x_amz_metadata_directive="X"),
        (400, "InvalidArgument", b"data"),
    ),
    "self copy": (copy_code, (400, "InvalidRequest", b"data")),
    "self copy with change": (
        lambda c: copy_code(c, x_amz_metadata_directive="REPLACE")[0::2],
        (200, b"data"),
    ),
    "copy condition": (
        lambda c: copy_code(c, x_amz_copy_source_if_match='"x"', x_amz_metadata_directive="REPLACE"),
        (412, "PreconditionFailed", b"data"),
    ),
    "copy by dates": (
        copies_by_date,
        [200, 412, 412, 200, 200, 412],
    ),
    "copy source": (
        lambda c: [copy_of_key(c, key) for key in ("\u00e9 %", "a+b")],
        [200, 200],
    ),
    "malformed copy source": (
        lambda c: [copy_code(c, each)[:2] for each in ("x", f"/{A}/", "%zz/k", "")],
        [(400, "InvalidArgument")] * 4,
    ),
    "creators at once": (lambda c: winners(c, if_none_match="*"), [200, 412, 412]),
    "swappers at once": (swapped, [200, 412, 412]),
    "read beside write": (read_while_written, True),
    "read your writes": (
        read_your_writes,
        [404, b"1", "1", b"22", "2", 404],
    ),
    "twenty times": (
        twenty,
        {(200, b"x")},
    ),
    "two uploads of a key": (two_uploads, [200, 200, b"one"]),
    "parts at once": (parts_at_once, ["1", "2"]),
    "complete beside abort": (complete_and_abort, [200, 404]),
    "two buckets at once": (two_buckets, [A, B]),
}
