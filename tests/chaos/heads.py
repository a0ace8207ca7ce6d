"""Status lines and header fields of hostile servers."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.chaos.replies import Reply, Step, change
from tests.chaos.values import DATES, NASTY, TEXTS, addresses

STATUS_LINES = (
    b"0", b"00", b"999", b"1000", b"-1", b"20O", b"abc", b"", b"200.5", b"\xb2\xb2\xb2", b"2 0 0", b"9" * 5000, b"0200",
)  # fmt: skip
COMMON = (b"200",) * 12 + (
    b"201",
    b"204",
    b"304",
    b"401",
    b"403",
    b"404",
    b"429",
    b"429",
    b"500",
    b"503",
    b"503",
    b"999",
)
REASONS = (b"", b"\x1b[31mred\x07", b"\xff", b"<script>x</script>", b"a" * 70_000, b"\x00", b"OK\rX: y")
VERSIONS = (b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"ICY", b"http/1.1", b"HTTP/1.10", b"HTTP/\xb2.1", b"", b"SSH-2.0-x")
CHALLENGES = (
    'Bearer realm="', "Bearer", 'Bearer realm=""', "Bearer realm=", 'bearer REALM="x",realm="y"', "Negotiate", ",,,",
    'Bearer realm="x", Basic realm="y", Bearer realm="z"', 'Digest realm="a", nonce="b\\"', "Bearer " + 'a="b",' * 5000,
    "Bearer " + "a" * 60_000, 'Bearer realm="' + '\\"' * 20_000, 'Bearer error="invalid_token", error="x"', '"', "=",
    "Bearer \x80=\xff", 'Bearer scope="\xff", service=""', "Bearer " + " " * 50_000 + "x",
)  # fmt: skip
INVENTED = (
    b"Retry-After", b"Set-Cookie", b"WWW-Authenticate", b"Location", b"Link", b"ETag", b"Content-Encoding", b"Date",
    b"Content-Range", b"Last-Modified", b"Docker-Content-Digest", b"Docker-Upload-UUID", b"Range", b"Connection",
    b"x-amz-bucket-region", b"x-amz-version-id", b"X-RateLimit-Reset", b"OCI-Chunk-Min-Length", b"Allow", b"Upgrade",
    b"x-amz-checksum-crc32", b"x-amz-mp-parts-count", b"Cache-Control", b"Content-Disposition", b"Trailer",
)  # fmt: skip
NO_FIELDS = (
    (b"X-\x00", b"a"), (b"X A", b"b"), (b"", b"c"), (b" folded", b"d"), (b"X-B\r", b"e"), (b"\xff", b"\xfe"),
    (b"X-N", b"a\x00b"), (b"X-C", b"a\rb"), (b"X-L", b"z" * 65_536), (b"x" * 70_000, b"1"), (b"no-colon\r\nX-D", b"f"),
    (b"X-E", b"a\r\n b\r\n\tc"),
)  # fmt: skip
MEDIA_TYPES = (
    b"text/html", b"application/xml", b"", b"json", b"application/json; charset=utf-16", b"multipart/form-data",
    b'a/b; c="', b"application/octet-stream", b"application/json, text/html", b"\xff", b"application/problem+json",
)  # fmt: skip


def latin(text: str) -> bytes:
    """A text as the bytes of a field, none of them an end of line."""
    return text.replace("\r", "").replace("\n", "").encode("utf-8", "replace")


def unusual_value(random: random.Random, reply: Reply, name: bytes) -> bytes:
    """Return an unusual value for a field, most often one that is unusual for this field."""
    own = reply.own
    kinds: dict[bytes, tuple[str, ...]] = {
        b"www-authenticate": (*CHALLENGES, *(f'Bearer realm="{each}",service="x"' for each in addresses(own, "/t"))),
        b"location": addresses(own, reply.request.raw_path),
        b"link": (*(f'<{each}>; rel="next"' for each in addresses(own, reply.request.raw_path)), "<", '<>; rel="next"'),
        b"date": DATES, b"last-modified": DATES, b"expires": DATES,
        b"retry-after": ("²", "-1", "9" * 400, "9" * 5000, "1.5", "never", "NaN", *DATES),
    }  # fmt: skip
    own_kind = kinds.get(name.lower(), ())
    value = random.choice(own_kind) if own_kind and random.random() < 0.8 else random.choice((*TEXTS, *NASTY))
    return (
        latin(value)
        if random.random() < 0.7
        else value.replace("\r", "").replace("\n", "").encode("latin-1", "replace")
    )


@change("status")
def status(random: random.Random, reply: Reply) -> None:
    """A constant status, any status, an interim one, or none."""
    number = b"%d" % random.randint(100, 599)
    reply.status = random.choice((*COMMON, number, *STATUS_LINES))
    reply.closes = not b"200" <= reply.status <= b"599"


@change("status")
def status_line(random: random.Random, reply: Reply) -> None:
    """Another reason or version."""
    reply.reason, reply.version = random.choice(REASONS), random.choice((b"HTTP/1.1", *VERSIONS))
    reply.closes = True


@change("header")
def field_dropped(random: random.Random, reply: Reply) -> None:
    if random.random() < 0.2:
        reply.fields = []
    elif reply.fields:
        reply.fields.pop(random.randrange(len(reply.fields)))


@change("header")
def field_value(random: random.Random, reply: Reply) -> None:
    """A field has an unusual value, or is repeated with one."""
    if reply.fields:
        place = random.randrange(len(reply.fields))
        name = reply.fields[place][0]
        end = place + random.randrange(2)
        reply.fields[place:end] = [(name, unusual_value(random, reply, name))]


@change("header")
def field_invented(random: random.Random, reply: Reply) -> None:
    name = random.choice(INVENTED)
    reply.put(name, unusual_value(random, reply, name))


@change("header")
def field_poisoned(random: random.Random, reply: Reply) -> None:
    harm = latin(random.choice(NASTY)).replace(b"\x00", b"")
    reply.fields = [(name, value + harm) for name, value in reply.fields]


@change("header")
def fields_malformed(random: random.Random, reply: Reply) -> None:
    """A malformed field, folded values or a thousand fields."""
    many = [(b"X-%d" % number, b"a%d" % number) for number in range(1000)]
    folded = [(name, value if b"\n" in value else b"\r\n\t " + value) for name, value in reply.fields]
    one = random.choice(NO_FIELDS)
    reply.fields = random.choice(([*reply.fields, one], [one, *reply.fields], folded, reply.fields + many))


@change("header")
def media_type(random: random.Random, reply: Reply) -> None:
    reply.put(b"Content-Type", random.choice(MEDIA_TYPES))


@change("header")
def moved(random: random.Random, reply: Reply) -> None:
    """A redirect, often to where it came from."""
    own = reply.own
    reply.status = random.choice((b"300", b"301", b"302", b"303", b"307", b"308"))
    where = reply.request.raw_path if random.random() < 0.5 else random.choice(addresses(own, reply.request.raw_path))
    reply.put(b"Location", latin(where))


@change("header")
def circular(random: random.Random, reply: Reply) -> None:
    """A redirect to the same address."""
    reply.status = random.choice((b"301", b"302", b"307", b"308"))
    reply.put(b"Location", reply.own.encode() + latin(f"{reply.request.raw_path}?{reply.request.query_string}"))


@change("header")
def retry_after_a_year(random: random.Random, reply: Reply) -> None:
    reply.status = random.choice((b"429", b"503"))
    reply.put(b"Retry-After", b"31536000")


@change("header")
def million_fields(random: random.Random, reply: Reply) -> Iterator[Step]:
    """A million short header fields before the body."""
    head, body = reply.head()[:-2], b"" if reply.bodiless else reply.body
    few = b"".join(b"X-%d: a\r\n" % number for number in range(10_000))
    yield head
    for _ in range(100):
        yield few
    yield b"\r\n" + body
