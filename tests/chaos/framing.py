"""Where the answers of hostile servers end, how they are coded, when they come, and how their connections end."""

from __future__ import annotations

import gzip
import random
import re
import zlib
from collections.abc import Iterable, Iterator
from functools import cache

from conformance.reference.http import Answer
from tests.chaos.replies import End, Reply, Step, change, sending
from tests.variants.framing import WAYS, in_a_large_head

STATUS = re.compile(rb"[2-5]\d\d")
LENGTHS = (
    b"-1", b"many", b"", b"\xb2", b"9" * 400, b"9" * 5000, b"0x10", b"+5", b"1_0", b" 5 5", b"5, 6", b"1e3",
    b"18446744073709551616",
)  # fmt: skip
CHUNKS = (
    b"zz\r\nabc\r\n", b"-5\r\nabc\r\n", b"ffffffffffffffffffff\r\nabc", b"5\r\nabc\r\n0\r\n\r\n", b"\r\n\r\n",
    b"3\nabc\n0\n\n", b"3;" + b"x" * 100_000 + b"\r\nabc\r\n", b"3\r\nabcX0\r\n\r\n", b"\xb2\r\nab\r\n0\r\n\r\n", b"",
    b"5", b"0\r\nX: y\r\nSet-Cookie: a=b\r\n\r\n", b"0\r\n" + b"T: u\r\n" * 20_000 + b"\r\n",
)  # fmt: skip
CODINGS = (b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked",
           b"Transfer-Encoding: \xff")  # fmt: skip
INTERIM = (
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", b"HTTP/1.1 102 X\r\n\r\n",
)  # fmt: skip


@change("framing")
def length(random: random.Random, reply: Reply) -> None:
    """A length that is wrong, stated twice or missing."""
    size = len(reply.body)
    near = (b"%d" % (size + random.choice((1, 1000, 10**9))), b"%d" % max(0, size - random.randint(1, 50)))
    stated = [(b"Content-Length", b"%d" % size)]
    other, _, value = random.choice(CODINGS).partition(b": ")
    wrong = [(b"Content-Length", random.choice((*near, *LENGTHS)))]
    reply.framing = random.choice((wrong, wrong, [*stated, (other, value)], stated * 2, []))
    reply.closes = random.random() < 0.8


@change("framing")
def lawful(random: random.Random, reply: Reply) -> Iterator[Step]:
    """The right answer in one of the unusual forms of HTTP."""
    answer = Answer(int(reply.status) if STATUS.fullmatch(reply.status) else 200, reply.body)
    for name, value in reply.fields:
        answer.headers.append(name.decode("latin-1"), value.decode("latin-1"))
    way, closes = random.choice([*WAYS, (in_a_large_head, False)])
    yield way(reply.request, answer)
    if closes:
        yield End.CLOSE


@change("framing")
def chunks(random: random.Random, reply: Reply) -> Iterator[Step] | None:
    """The right chunks, or malformed ones."""
    if random.random() < 0.2:
        reply.chunked = True
        return None
    reply.framing = [(b"Transfer-Encoding", b"chunked")]
    return iter((reply.head() + random.choice(CHUNKS), End.CLOSE))


@change("framing")
def excess(random: random.Random, reply: Reply) -> None:
    """Bytes after the answer: rubbish, or a second answer."""
    second = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 3
    reply.behind = random.choice((b"rubbish", b"\r\n", reply.head() + reply.body, second, b"\x00" * 10_000))


@change("framing")
def interim(random: random.Random, reply: Reply) -> None:
    reply.before = random.choice(INTERIM) * random.choice((1, 2, 50, 3000))


@change("framing")
def no_http(random: random.Random, reply: Reply) -> Iterator[Step]:
    hello, mail = b"\x15\x03\x01\x00\x02\x02\x28", b"220 mail.example ESMTP\r\n" * 50
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + b"\x00\x00\x12\x04" * 50
    yield random.choice((mail, hello, switching, reply.body, random.randbytes(5000), b"\r\n" * 500))
    yield End.CLOSE


@change("framing")
def endless(random: random.Random, reply: Reply) -> Iterator[Step]:
    """A head or a body without end."""
    reply.framing = random.choice(([], [(b"Content-Length", b"9" * 15)], [(b"Transfer-Encoding", b"chunked")]))
    yield reply.head()[: -2 if random.random() < 0.3 else None]
    for _ in range(3000):
        yield b"10000\r\n" + b" " * 65_536 + b"\r\n"
    yield End.CLOSE


@change("framing")
def compressed(random: random.Random, reply: Reply) -> None:
    """A content coding without a request for it: right, wrong, or of ten gigabytes."""
    coding = random.choice((b"gzip", b"deflate", b"br", b"zstd", b"identity", b"gzip, gzip", b"\xff"))
    reply.put(b"Content-Encoding", coding)
    packed = (gzip.compress(reply.body, mtime=0), zlib.compress(reply.body))
    reply.body = random.choice((*packed, reply.body, bomb(), bomb()[:1000]))


@change("framing")
def huge(random: random.Random, reply: Reply) -> Iterator[Step]:
    """A body of a hundred megabytes with the right length."""
    block = random.choice((b" ", b"[", b"x")) * 65_536
    reply.framing = [(b"Content-Length", b"%d" % (1600 * len(block)))]
    yield reply.head()
    for _ in range(1600):
        yield block


@cache
def bomb() -> bytes:
    """Return ten gigabytes of zeros, compressed."""
    return gzip.compress(bytes(100 * 1024 * 1024), mtime=0) * 100


@sending("timing")
def drips(random: random.Random, steps: Iterable[Step]) -> Iterator[Step]:
    """Byte by byte, each in time, the whole never."""
    pause = random.choice((0.05, 0.5))
    for step in steps:
        for byte in step[:100] if isinstance(step, bytes) else ():
            yield bytes([byte])
            yield pause
        yield End.CLOSE


@sending("timing")
def silent(random: random.Random, steps: Iterable[Step]) -> Iterator[Step]:
    """Late, a part only, or never."""
    yield random.choice((0.05, 0.3, 1.2))
    for step in steps:
        yield step[: random.choice((0, 5, 40, len(step)))] if isinstance(step, bytes) else step
        yield random.choice((End.HANG, End.CLOSE))


@sending("connection")
def closed(random: random.Random, steps: Iterable[Step]) -> Iterator[Step]:
    """Closed or reset after the answer, at once or when the next request is due."""
    yield from steps
    yield random.choice((0.0, 0.02, 1.0))
    yield random.choice((End.CLOSE, End.RESET))


@sending("connection")
def cut(random: random.Random, steps: Iterable[Step]) -> Iterator[Step]:
    """Closed or reset within the answer, or before it."""
    for step in steps:
        yield step[: random.randint(0, len(step))] if isinstance(step, bytes) else step
        break
    yield random.choice((End.CLOSE, End.RESET))
