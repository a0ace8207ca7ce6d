"""The webhooks surface: what it promises, and that defects and each variant of it show."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from conformance.reference.defects import webhook_answers as answers
from conformance.reference.defects import webhook_bodies as bodies
from conformance.reference.defects import webhook_contents as contents
from conformance.reference.defects import webhook_dropped as dropped
from conformance.reference.defects import webhook_events as events
from conformance.reference.defects import webhook_seldom as seldom
from conformance.reference.defects import webhook_senders as senders
from conformance.reference.defects import webhook_shown as shown
from conformance.reference.defects import webhooks as defects
from conformance.reference.defects.base import Alteration
from conformance.reference.http import Request
from conformance.reference.keys import SigningKey
from conformance.reference.seeds import Seeds
from conformance.reference.server import Application
from conformance.reference.variants import webhooks as variants
from conformance.reference.webhooks import Webhooks
from tests.reference.identity_table import alterations_in

KEY, LARGEST = SigningKey(), 1024 * 1024
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


class World:
    """One deployment of the webhooks surface."""

    def __init__(self, *alterations: type[Alteration]) -> None:
        self.webhooks = Webhooks(Seeds(), KEY)
        self.application = Application(self.webhooks)
        self.application.alterations.put_in(alterations)
        self.webhooks.reset()

    @property
    def url(self) -> str:
        return self.webhooks.url_path

    def ask(
        self,
        method: str = "POST",
        url: str | None = None,
        content: bytes | httpx.AsyncByteStream = b"x",
        **details: Any,
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.application)
            async with httpx.AsyncClient(transport=transport, base_url="http://hooks.test") as client:
                return await client.request(method, self.url if url is None else url, content=content, **details)

        return asyncio.run(send())

    def seen(self, *requests: dict[str, Any]) -> list[tuple[int, dict[str, str], bytes]]:
        answers = [self.ask(**request) for request in requests]
        for answer in answers:
            del answer.headers["date"]
        return [(answer.status_code, dict(answer.headers), answer.content) for answer in answers]

    def rotated(self) -> int:
        """The status of the old URL after it was used and rotated."""
        old = self.url
        self.ask()
        self.webhooks.rotate()
        return self.ask(url=old).status_code


@pytest.fixture
def world() -> World:
    return World()


def test_events_are_taken_in_whole(world: World) -> None:
    events = [("application/json", b'{"a": 1}'), ("text/plain", b"\xff\0"), ("x/y", b""), ("", b"z" * LARGEST)]
    for kind, body in events:
        answer = world.ask(content=body, headers={"content-type": kind})
        assert (answer.status_code, answer.json()) == (202, {"accepted": True})
        event = world.webhooks.events()[-1]
        assert (event["content_type"], event["size"]) == (kind, len(body))
        assert event["sha256"] == hashlib.sha256(body).hexdigest()
    assert world.webhooks.events()[0]["text"] == '{"a": 1}'
    assert len(world.webhooks.events()) == 4


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[NaN]", b"[" * 100_000])
def test_malformed_json_is_refused(world: World, body: bytes) -> None:
    assert world.ask(content=body, headers=JSON).status_code == 400
    assert world.ask(content=body, headers=JSON | {"content-encoding": "gzip"}).status_code == 202
    assert len(world.webhooks.events()) == 1


def test_size_is_limited(world: World) -> None:
    assert world.ask(content=b"x" * (LARGEST + 1)).status_code == 413
    assert world.ask(url="/hooks/x", content=b"x" * (LARGEST + 1)).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "POST"])
def test_nobody_finds_out_whether_a_url_is_live(world: World, method: str) -> None:
    old, live = world.url, world.webhooks.rotate()
    near = [old, live + "/", live[:-1], live + "x", live.swapcase(), live.replace("/hooks/", "/hooks/%2e/"), "/hooks/"]
    near.append(live[:-1] + f"%{ord(live[-1]):x}")
    answers = world.seen(*({"method": method, "url": url} for url in near))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == (404 if method == "POST" else 405)
    if method != "POST":
        assert world.seen({"method": method}) == answers[:1]
        assert answers[0][1]["allow"] == "POST"
    assert live.removeprefix("/hooks/") not in repr(answers)


def test_another_organizations_url_stays(world: World) -> None:
    other, first = world.webhooks.paths["globex"], world.url
    assert world.webhooks.rotate() != first
    assert world.ask(url=other).status_code == 202
    world.webhooks.reset()
    assert world.ask(url=first).status_code == 202


def posted(**details: Any) -> Callable[[World], Any]:
    return lambda w: w.ask(**details).status_code


def near(change: Callable[[str], str], method: str = "POST") -> Callable[[World], Any]:
    return lambda w: w.ask(method, change(w.url)).status_code


def kept(*bodies: bytes | Chunks, **details: Any) -> Callable[[World], Any]:
    def look(w: World) -> int:
        for body in bodies:
            w.ask(content=body, **details)
        return sum(int(event["size"]) for event in w.webhooks.events())

    return look


def at_the_old_url(w: World) -> list[int]:
    old = w.url
    w.webhooks.rotate()
    return [w.ask(url=old).status_code for _ in range(3)]


def kept_behind_a_refused_one(w: World) -> int:
    w.ask(content=b"{", headers=JSON)
    w.ask()
    return len(w.webhooks.events())


def at_the_first_url(w: World) -> int:
    first = w.url
    w.webhooks.rotate()
    w.webhooks.rotate()
    return w.ask(url=first).status_code


def broken_off(w: World, framed: Mapping[str, str] = {"content-length": "2"}) -> int:
    request = Request("POST", w.url, "", Headers(framed), b"x")
    asyncio.run(w.application.alterations.surface.broken_off(request))
    return len(w.webhooks.events())


def at_the_old_url_with_texts(w: World) -> int:
    text, old = {"content-type": "text/plain"}, w.url
    w.ask(headers=text)
    w.webhooks.rotate()
    return w.ask(url=old, headers=text).status_code


class Chunks(httpx.AsyncByteStream):
    """A body of no known length, which is sent in chunks."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.body


TABLE: list[tuple[type[Alteration], Callable[[World], Any], Any, Any]] = [
    (defects.WebhookNeedsToken, posted(), 202, 401),
    (defects.WebhookAcceptsGet, posted(method="GET"), 405, 202),
    (defects.WebhookMethodTellsLiveUrl, posted(method="GET"), 405, 400),
    (defects.WebhookAllowMissing, lambda w: "allow" in w.ask("GET").headers, True, False),
    (defects.OldWebhookUrlStillLive, World.rotated, 404, 202),
    (defects.OldWebhookUrlToldApart, World.rotated, 404, 410),
    (defects.WebhookUrlComparedWithoutCase, near(str.swapcase), 404, 202),
    (defects.WebhookUrlMatchedByPrefix, near(lambda url: url[:-2]), 404, 202),
    (defects.WebhookTrailingSlashAccepted, near(lambda url: url + "/"), 404, 202),
    (defects.WebhookUrlRedirected, near(lambda url: url + "/"), 404, 308),
    (defects.NearMissEchoed, lambda w: w.url in w.ask(url=w.url + "x").text, False, True),
    (defects.WebhookUrlEchoed, lambda w: w.url in w.ask().text, False, True),
    (defects.WebhookSecretIsShort, lambda w: len(w.webhooks.rotate()) > 40, True, False),
    (defects.JsonArrayRefused, posted(content=b"[]", headers=JSON), 202, 400),
    (defects.SendersAuthorizationRefused, posted(headers={"authorization": "Basic x"}), 202, 401),
    (defects.OneInSevenRefused, lambda w: [w.ask().status_code for _ in range(7)][-1], 202, 503),
    (defects.PathWithoutSecretAccepted, lambda w: w.ask(url="/hooks/").status_code, 404, 202),
    (defects.OddSenderHeaderCrashes, posted(headers={"x-odd": b"\xff"}), 202, 500),
    (defects.WebhookTakesJsonOnly, posted(headers={"content-type": "text/plain"}), 202, 415),
    (defects.MalformedEventCrashes, posted(headers=JSON), 400, 500),
    (defects.UndecodableEventCrashes, posted(content=b"\xff"), 202, 500),
    (defects.LargeEventCrashes, posted(content=b"x" * (LARGEST + 1)), 413, 502),
    (defects.EventLimitTooLow, posted(content=b"x" * LARGEST), 202, 413),
    (defects.EventLost, kept(*[b"x"] * 10), 10, 9),
    (defects.EventTakenInTwice, kept(b"x"), 1, 2),
    (defects.RefusedEventTakenIn, kept(b"x", headers=JSON), 0, 1),
    (defects.EventTrimmed, kept(b" x\n"), 3, 1),
    (defects.UnknownWebhookAccepted, posted(url="/hooks/x"), 404, 202),
    (defects.WebhookCharsetRefused, posted(headers={"content-type": "text/plain; charset=utf-8"}), 202, 415),
    (defects.ChunkedEventRefused, posted(headers={"transfer-encoding": "chunked"}), 202, 400),
    (defects.MalformedEventShowsTheProgram, lambda w: "/srv/" in w.ask(headers=JSON).text, False, True),
    (events.SendersOriginRefused, posted(headers={"origin": "https://a.example"}), 202, 403),
    (events.SendersCookieRefused, posted(headers={"cookie": "a=b"}), 202, 403),
    (contents.MemberNamesCrash, posted(content=b'{"$a": 1}', headers=JSON), 202, 500),
    (events.NamedCodingIsTrusted, posted(headers={"content-encoding": "gzip"}), 202, 500),
    (events.ShutAfterRefusals, lambda w: w.seen(*[{"headers": JSON}] * 5, {})[-1][0], 202, 410),
    (contents.EqualEventsAreOne, kept(b"x", b"x"), 2, 1),
    (events.BrokenOffEventTakenIn, broken_off, 0, 1),
    (events.ChunksEndWithTheConnection, lambda w: broken_off(w, {"transfer-encoding": "chunked"}), 0, 1),
    (contents.LongEventCut, kept(b"x" * LARGEST), LARGEST, 65535),
    (contents.LongEventTwice, kept(b"x" * LARGEST), LARGEST, 2 * LARGEST),
    (contents.ChunkedEventIsEmpty, kept(Chunks(b"xy")), 2, 0),
    (contents.LongNumbersRounded, kept(b"[12345678901234567890]"), 22, 24),
    (contents.LettersOfEventsComposed, kept("u\u0308".encode()), 3, 2),
    (
        contents.PlusSignsOfEventsAreBlanks,
        lambda w: (w.ask(content=b"1+1"), w.webhooks.events()[0]["text"])[1],
        "1+1",
        "1 1",
    ),
    (events.EventOfUnknownTypeTakenInAndRefused, posted(headers={"content-type": "application/x-cf"}), 202, 415),
    (contents.LinesInTextsAreJson, posted(content=b'["a\nb"]', headers=JSON), 400, 202),
    (contents.CommentsAreJson, posted(content=b"[1 /* one */]", headers=JSON), 400, 202),
    (contents.TextTakenForUtf8, kept(b"\xff"), 1, 3),
    (events.PatternFindsWebhook, posted(url="/hooks/%25"), 404, 202),
    (events.WebhookFoundByItsEnds, near(lambda url: url[:20] + url[20].swapcase() + "~" + url[22:]), 404, 202),
    (events.MethodOfFieldCounts, posted(method="GET", headers={"x-http-method-override": "POST"}), 405, 202),
    (events.EventInQueryTaken, near(lambda url: url + "?payload=x", "GET"), 405, 202),
    (events.RefusedMethodTakenIn, kept(b"x", method="PUT"), 0, 1),
    (events.LargeEventTakenInAndRefused, kept(b"x" * (LARGEST + 1)), 0, LARGEST + 1),
    (events.OneServerKeepsOldUrl, at_the_old_url, [404, 404, 404], [404, 404, 202]),
    (events.OldUrlTakesInAndRefuses, lambda w: (w.rotated(), len(w.webhooks.events())), (404, 1), (404, 2)),
    (contents.ListsOfEventsSplit, lambda w: (w.ask(content=b"[1, 2]"), len(w.webhooks.events()))[1], 1, 2),
    (events.RotatedUrlIsAHash, lambda w: len(w.webhooks.rotate()), len("/hooks/") + 43, len("/hooks/") + 64),
    (events.RotationChangesTheEnd, lambda w: w.url[:9] == w.webhooks.rotate()[:9], False, True),
    (events.EventsOfABurstLost, kept(*[b"x"] * 13), 13, 12),
    (events.ExpectationRefused, posted(headers={"expect": "100-continue"}), 202, 417),
    (answers.NullEventCrashes, posted(content=b"null"), 202, 500),
    (answers.EmptyListOfEventsCrashes, posted(content=b" []"), 202, 500),
    (answers.NamedCharsetCrashes, posted(headers={"content-type": "text/plain; charset=utf-16"}), 202, 500),
    (answers.FormWithoutBoundaryCrashes, posted(headers={"content-type": "multipart/form-data"}), 202, 500),
    (answers.LongSenderFieldCrashes, posted(headers={"x-odd": "x" * 1025}), 202, 500),
    (answers.ManySenderFieldsCrash, posted(headers={f"x-{n}": "x" for n in range(50)}), 202, 500),
    (answers.OptionsCrash, posted(method="OPTIONS"), 405, 500),
    (answers.AllowToldToGetAlone, lambda w: "allow" in w.ask("PUT").headers, True, False),
    (answers.AllowNamesRefusedMethod, lambda w: w.ask("PUT").headers["allow"], "POST", "POST, PUT"),
    (
        answers.MediaTypesByTheLetter,
        posted(content=b"{}", headers={"content-type": 'application/json;a="b"'}),
        202,
        415,
    ),
    (answers.UnknownWebhookNotChallenged, posted(url="/hooks/x"), 404, 401),
    (answers.TooLargeNamesUrl, lambda w: w.url in w.ask(content=b"x" * (LARGEST + 1)).text, False, True),
    (answers.DeletionNamesUrl, lambda w: w.url in w.ask("DELETE").text, False, True),
    (answers.AnswerTellsMostOfUrl, lambda w: w.ask().headers.get("x-webhook", "")[-4:], "", "****"),
    (answers.LinkEncodesUrl, lambda w: w.ask().headers.get("link", "")[:4], "", "<%2F"),
    (dropped.TextEventLost, kept(b"x", headers={"content-type": "text/plain"}), 1, 0),
    (dropped.EventOfSomeLengthsLost, kept(b"x" * 12), 12, 0),
    (dropped.EventWithCharsetLost, kept(b"x", headers={"content-type": "text/plain; charset=utf-8"}), 1, 0),
    (dropped.EventOfKnownSenderLost, kept(b"x", headers={"x-hub-signature-256": "sha256=00"}), 1, 0),
    (dropped.EventWithNulDropped, kept(b'"\\u0000"'), 8, 0),
    (dropped.EventWithHalfAPairDropped, kept(b'"\\ud83d"'), 8, 0),
    (dropped.DeepEventDropped, kept(b"[" * 100 + b"]" * 100), 200, 0),
    (dropped.EventOfATextAloneDropped, kept(b'"x"', headers=JSON), 3, 0),
    (dropped.EventOfACrawlerDropped, kept(b"x", headers={"user-agent": "bot"}), 1, 0),
    (dropped.ExpectantEventDropped, kept(b"x", headers={"expect": "100-continue"}), 1, 0),
    (answers.EventBehindARefusedOneLost, kept_behind_a_refused_one, 1, 0),
    (answers.EventsOfTheNewUrlLost, lambda w: (w.webhooks.rotate(), kept(b"x")(w))[1], 1, 0),
    (answers.SecondRotationRevivesFirstUrl, at_the_first_url, 404, 202),
    (bodies.EventOfNullsCrashes, posted(content=b'{"attachments": [null]}', headers=JSON), 202, 500),
    (bodies.MemberCalledPayloadCrashes, posted(content=b'{"payload": {}}', headers=JSON), 202, 500),
    (bodies.FormOfAnyBytesCrashes, posted(content=b"a=%FF", headers=FORM), 202, 500),
    (bodies.FormWithoutItsPayloadCrashes, posted(content=b"payload=%7B", headers=FORM), 202, 500),
    (bodies.ManyParametersCrash, posted(content=b"a=b&" * 1001, headers=FORM), 202, 500),
    (bodies.DocumentTypeCrashes, posted(content=b"<!DOCTYPE a><a/>"), 202, 500),
    (bodies.NulInEventCrashes, posted(content=b"a\0", headers={"content-type": "text/plain"}), 202, 500),
    (bodies.EventOfNothingCrashes, posted(content=b""), 202, 500),
    (bodies.NumberOfManyDigitsCrashes, posted(content=b"9" * 4301), 202, 500),
    (contents.ChunkedEventCut, kept(Chunks(b"x" * 70_000)), 70_000, 65_536),
    (seldom.NamesWithoutQuotesAreJson, posted(content=b"{a: 1}", headers=JSON), 400, 202),
    (seldom.LeadingZerosAreJson, posted(content=b"[01]", headers=JSON), 400, 202),
    (seldom.MissingCommasAreJson, posted(content=b"[1 2]", headers=JSON), 400, 202),
    (seldom.BlanksAreJson, posted(content=b" ", headers=JSON), 400, 202),
    (seldom.UnclosedBodiesAreJson, posted(content=b'{"a": 1', headers=JSON), 400, 202),
    (seldom.EventOfNoTypeCrashes, posted(content=b"x"), 202, 500),
    (seldom.TypeOfOneWordCrashes, posted(headers={"content-type": "json"}), 202, 500),
    (seldom.DeepEventCrashes, posted(content=b"[" * 20_000), 202, 500),
    (seldom.ExpressionFindsWebhook, near(lambda url: f"/hooks/{'.' * (len(url) - 7)}"), 404, 202),
    (seldom.RotatedUrlTakesTexts, at_the_old_url_with_texts, 404, 202),
    (seldom.RotatedUrlIsTheOldOneTurned, lambda w: w.url[8:] in w.webhooks.rotate(), False, True),
    (seldom.EventsTakenInAboveTheUrl, posted(url="/hooks"), 404, 201),
    (seldom.UnknownTypeNamesUrl, posted(headers={"content-type": "application/x-cf"}), 202, 415),
    (seldom.BrowsersAreShownTheUrl, lambda w: w.url in w.ask("GET", headers={"accept": "text/html"}).text, False, True),
    (seldom.EventInQueryTakenInAndRefused, lambda w: (w.ask("GET", w.url + "?x"), len(w.webhooks.events()))[1], 0, 1),
    (seldom.ByteOrderMarksDropped, kept(b"\xef\xbb\xbfx"), 4, 1),
    (seldom.TextsEndAtANul, kept(b"a\0b"), 3, 1),
    (seldom.WebhookTakesFormsAlone, posted(), 202, 415),
    (shown.AcceptedTellsTheEventBefore, lambda w: (w.ask(content=b"cf"), "cf" in w.ask().text)[1], False, True),
    (shown.OtherMethodsShowTheLastEvent, lambda w: (w.ask(content=b"cf"), "cf" in w.ask("PUT").text)[1], False, True),
    (shown.EventByOptionsTakenIn, lambda w: (w.ask("OPTIONS"), len(w.webhooks.events()))[1], 0, 1),
    (shown.ConditionFindsWebhook, posted(url="/hooks/%27%20OR%20%27a%27=%27a"), 404, 202),
    (shown.LargeEventCutAndAccepted, posted(content=b"x" * (LARGEST + 1)), 413, 202),
    (shown.EventsWithProgramsBlocked, posted(content=b"<script>"), 202, 403),
    (shown.LinkedFromElsewhereRefused, posted(headers={"referer": "https://sender.example/"}), 202, 403),
    (shown.ProgramsBlockedByName, posted(headers={"user-agent": "Go-http-client/1.1"}), 202, 403),
    (senders.OtherSchemeCrashes, posted(headers={"authorization": "Digest x"}), 202, 500),
    (senders.UnknownCodingCrashes, posted(headers={"content-encoding": "x"}), 202, 500),
    (senders.TwoTypesCrash, posted(headers=[("content-type", "a/b"), ("content-type", "a/c")]), 202, 500),
    (senders.LongNameOfAProgramCrashes, posted(headers={"user-agent": "x" * 256}), 202, 500),
    (senders.AddressThatIsNoneCrashes, posted(headers={"x-forwarded-for": "unknown"}), 202, 500),
    (senders.CommandsBlockedByName, posted(headers={"user-agent": "curl/8.14.1"}), 202, 403),
    (senders.SeldomMethodsDeliver, posted(method="QUERY"), 405, 202),
    (senders.BlankBeforeACharsetRefused, posted(headers={"content-type": "a/b ;c=d"}), 202, 415),
    (senders.VerificationOfTheUrlRefused, posted(content=b'{"challenge": "x"}'), 202, 400),
    (
        senders.UnknownUrlToldInBrokenJson,
        lambda w: w.ask(url="/hooks/x").text,
        '{"error": "not found"}',
        '{"error": "no webhook "here""}',
    ),
    (senders.AcceptedInCutJson, lambda w: w.ask().text[-1], "}", "e"),
    (senders.RefusalNamesItsParser, lambda w: "json.decoder" in w.ask(headers=JSON, content=b"[").text, False, True),
    (variants.EventAnsweredWith200, posted(), 202, 200),
    (variants.UrlIsExplainedToPeople, posted(method="GET"), 405, 200),
    (variants.LiveUrlLeadsToThePortal, posted(method="GET"), 405, 302),
    (variants.AcceptedTellsTheEvent, posted(), 202, 201),
    (variants.EventAnsweredWith204, posted(), 202, 204),
    (variants.UnknownWebhookIs401, posted(url="/hooks/x"), 404, 401),
    (variants.EverythingButPostIs404, posted(method="GET"), 405, 404),
    (variants.OnlyLiveUrlsKnowMethods, near(lambda url: url + "x", "GET"), 405, 404),
    (variants.EventsReadLater, posted(headers=JSON), 400, 202),
    (variants.ThanksInHtml, lambda w: w.ask().headers["content-type"][:9], "applicati", "text/html"),
    (variants.EventsArriveLater, kept(b"x"), 1, 0),
    (
        variants.EventsToldAsReadToo,
        lambda w: (w.ask(), [each.get("again") for each in w.webhooks.events()])[1],
        [None],
        ["x"],
    ),
    (variants.EventsHaveLongIds, lambda w: (w.ask(), "id" in w.webhooks.events()[0])[1], False, True),
    (variants.RotationTakesAMoment, lambda w: w.ask(url=w.webhooks.rotate()).status_code, 202, 404),
    (variants.SlashBehindIsRedirected, near(lambda url: url + "/"), 404, 307),
    (variants.OtherSpellingsAreTheSame, near(lambda url: url + ";x"), 404, 202),
    (variants.RotatedUrlIsGone, lambda w: (w.ask().status_code, at_the_old_url(w)[0]), (202, 404), (202, 410)),
    (variants.UrlLeadsToThePortal, posted(method="HEAD"), 405, 303),
    (variants.PortalIsShownAnywhere, near(lambda url: url + "x", "GET"), 405, 200),
    (variants.OtherMethodsNotImplemented, posted(method="PUT"), 405, 501),
    (variants.OptionsAnsweredToBrowsers, posted(method="OPTIONS"), 405, 204),
    (variants.NewUrlsInHexadecimalDigits, lambda w: len(w.webhooks.rotate()), len("/hooks/") + 43, len("/hooks/") + 64),
    (variants.UrlsSignedInTheirQuery, lambda w: "?" in w.webhooks.rotate(), False, True),
    (variants.UrlsWithEscapes, lambda w: "%3D" in w.webhooks.rotate(), False, True),
    (variants.EventsAreNumbered, lambda w: "location" in w.ask().headers, False, True),
    (variants.EventsAreLimited, lambda w: [w.ask().status_code for _ in range(30)][-1], 202, 429),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(
    alteration: type[Alteration], look: Callable[[World], Any], clean: Any, altered: Any
) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)


def test_every_variant_is_seen_to_vary() -> None:
    unseen = sorted(each.__name__ for each in alterations_in(variants) - {row[0] for row in TABLE})
    assert unseen == [], "each needs a row of TABLE: a look that it changes"
