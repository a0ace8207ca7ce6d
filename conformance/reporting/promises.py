"""The promises of a run with the causes that break them, as every report lists them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conformance.reporting.causes import Cause, causes, first_finding, strongest
from conformance.reporting.met_by_many import refused_logins
from conformance.runs.promises import PromiseResult, PromiseVerdict, promises
from conformance.runs.reading import Record
from conformance.vocabulary.requirement import Consequence
from conformance.vocabulary.wording import plural

MANY = 4
"""So many promises that are not shown for one reason are listed together."""
REFUSED = "a login that the target refuses"
CONSEQUENCES = {
    Consequence.LOSS: "data loss",
    Consequence.EXPOSURE: "exposure",
    Consequence.WRONG_DATA: "wrong data",
    Consequence.REFUSED: "refused work",
    Consequence.FORM: "form",
}


@dataclass(frozen=True)
class PromiseView:
    """One promise, the causes that it leads, and the causes of other promises in which its checks fail."""

    result: PromiseResult
    causes: list[Cause]
    led_by: list[Cause]
    reason: str = ""
    """Why it is not shown. A refused login is described once, elsewhere."""

    @property
    def verdict(self) -> PromiseVerdict:
        """The promise's verdict."""
        return self.result.verdict

    @property
    def only_consequence(self) -> bool:
        """Whether all of its failures are consequences of causes that other promises lead."""
        return not self.causes and bool(self.led_by)

    @property
    def asked(self) -> str:
        """The request of the first finding."""
        return first_finding(self.causes[0].results[0])["asked"] if self.causes else ""

    @property
    def also(self) -> list[str]:
        """The ids of promises that fail as a consequence."""
        return list(dict.fromkeys(other.id for cause in self.causes for other, _ in cause.others))

    @property
    def leaders(self) -> list[str]:
        """The ids of promises whose causes make this one fail."""
        return list(dict.fromkeys(cause.promise.id for cause in self.led_by))

    @property
    def consequence(self) -> str:
        """The consequence for a customer; "" if not recorded."""
        known = self.result.consequence
        return CONSEQUENCES[Consequence(known)] if known in [*Consequence] else ""

    @property
    def level(self) -> str:
        """The strongest failing level; "" if none fails."""
        return strongest(self.result.failing) if self.result.failing else ""

    @property
    def count(self) -> str:
        """The number of cases behind the verdict, in words."""
        result = self.result
        judged = plural(len(result.judged), "case")
        if result.verdict is PromiseVerdict.NOT_SHOWN:
            return f"{plural(len(result.results), 'case')}, none judged"
        if result.failing:
            count = len(result.failing)
            return f"{count:,} of {judged} {'fails' if count == 1 else 'fail'}"
        waived = f", {result.waived:,} waived" if result.waived else ""
        unjudged = len(result.applicable) - len(result.judged)
        return f"{judged}{waived}" + (f", {unjudged:,} not judged" if unjudged else "")


@dataclass(frozen=True)
class Overview:
    """Every promise of a run, by verdict, and every cause."""

    views: list[PromiseView]
    causes: list[Cause]

    def of(self, verdict: PromiseVerdict) -> list[PromiseView]:
        """Return the promises with a verdict, without those that fail only as a consequence."""
        return [each for each in self.views if each.verdict == verdict and not each.only_consequence]

    @property
    def consequences(self) -> list[PromiseView]:
        """The promises that fail only as a consequence."""
        return [each for each in self.views if each.only_consequence]

    def not_shown_together(self) -> dict[str, list[PromiseView]]:
        """Return the promises that are not shown by reason, for reasons with many promises."""
        found: dict[str, list[PromiseView]] = {}
        for view in self.of(PromiseVerdict.NOT_SHOWN):
            found.setdefault(view.reason, []).append(view)
        return {reason: views for reason, views in found.items() if reason and len(views) >= MANY}

    def not_shown_separately(self) -> list[PromiseView]:
        """Return the other promises that are not shown."""
        together = self.not_shown_together()
        return [each for each in self.of(PromiseVerdict.NOT_SHOWN) if each.reason not in together]

    def not_kept(self) -> list[list[PromiseView]]:
        """Return the promises to list separately: broken, failing as a consequence, not shown, kept in part."""
        return [
            self.of(PromiseVerdict.BROKEN),
            self.consequences,
            self.not_shown_separately(),
            self.of(PromiseVerdict.IN_PART),
        ]

    def tally(self) -> list[tuple[PromiseVerdict, int, int]]:
        """Return each verdict that occurs, the number of its promises, and how many of these are only consequences."""
        counted = [(verdict, [each for each in self.views if each.verdict == verdict]) for verdict in PromiseVerdict]
        return [
            (verdict, len(found), sum(each.only_consequence for each in found)) for verdict, found in counted if found
        ]

    def tally_words(self) -> str:
        """Return the tally in words: ``8 broken (7 as a consequence), 50 kept``."""
        counted = [
            f"{count:,} {verdict}" + (f" ({consequences:,} as a consequence)" if consequences else "")
            for verdict, count, consequences in self.tally()
        ]
        return ", ".join(counted)


def overview(record: Record) -> Overview:
    """Return the promises of a run: broken ones first, by their worst cause, then not shown, kept in part, kept."""
    found = causes(record)
    logins = tuple(refused_logins(record))
    views = [_view(each, found, logins) for each in promises(record)]
    rank = {id(cause): number for number, cause in enumerate(found)}
    order = [*PromiseVerdict]
    views.sort(key=lambda each: (order.index(each.verdict), min((rank[id(c)] for c in each.causes), default=len(rank))))
    return Overview(views, found)


def _view(promise: PromiseResult, found: Iterable[Cause], logins: tuple[str, ...]) -> PromiseView:
    own = [cause for cause in found if cause.promise.id == promise.id]
    led_by = [cause for cause in found if any(other.id == promise.id for other, _ in cause.others)]
    reason = REFUSED if logins and promise.reason.startswith(logins) else promise.reason
    return PromiseView(promise, own, led_by, reason)


def also_shown_by(cause: Cause) -> Iterator[str]:
    """Yield the promises that fail as a consequence, each with its number of checks: ``S3-29 (4)``."""
    yield from (f"{other.id or other.title} ({count:,})" for other, count in cause.others)
