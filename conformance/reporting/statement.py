"""A statement as text for the vendor's customers, and as a badge: SVG, and JSON for badge services."""

from __future__ import annotations

import datetime
import html
import json
import textwrap
from collections.abc import Iterator

from conformance.reporting.attestation import NOT_TRIED, Address, Attestation, Contract, Permitted, Suite
from conformance.reporting.text import on_one_line
from conformance.vocabulary.wording import plural

AREAS = {
    "oauth": "tokens: how machines log in (OAuth)",
    "authorization": "who may see and do what in an organization",
    "errors": "error answers that say what is wrong",
    "registry": "the container registry",
    "storage": "the S3-compatible object storage",
    "webhooks": "incoming webhooks",
    "interoperability": "the tools that people use: docker, aws and the like",
}
GREEN, AMBER = "#1a7f37", "#8a5a00"
NARROW, WIDE = frozenset(" !'(),-.:;I[]fijlrt|"), frozenset("@MWmw")
NARROW_PX, CHARACTER_PX, WIDE_PX, PADDING = 4.1, 6.6, 9.8, 12


def words(found: list[Attestation], width: int = 0) -> str:
    """Return the statements of one run as one text, wrapped at ``width`` if it is given."""
    first = found[0]
    product = first.target.product
    lines = [
        f"{on_one_line(product.name)} {on_one_line(product.version)} by {on_one_line(product.vendor)}",
        f"({on_one_line(first.target.name)}, organization {on_one_line(first.target.organization)})",
        f"was checked on {day(first.run.started)} against the NextEpoch contract {_contract(first)}.",
        f"This statement holds until {day(first.run.valid_until)}. Contact: {on_one_line(product.contact)}.",
        f"It is {on_one_line(first.attester.annotations.says)}.",
        "",
        "It keeps what the contract demands in:",
        *(line for each in found for line in _kept(each)),
        *_permits([waiver for each in found for waiver in each.run.waivers]),
        *_relaxed(first),
        *_not_claimed(first),
        *_promises_not_shown(first),
        "",
        "It was reached at:" if first.target.addresses else "No address is named.",
        *map(_address, first.target.addresses),
        "",
        *_how(first),
    ]
    return "\n".join(part for line in lines for part in _broken(line, width))


def _address(address: Address) -> str:
    note = "  (loopback: on the machine of the suite itself)" if address.loopback else ""
    return f"  {on_one_line(address.surface):<10} {on_one_line(address.url)}{note}"


def _how(attestation: Attestation) -> Iterator[str]:
    run = attestation.run
    challenge = f", challenge {on_one_line(run.challenge)}" if run.challenge else ""
    yield (
        f"How: run {on_one_line(run.id)}, {run.requests:,} requests, profile {on_one_line(run.profile)}, "
        f"seed {run.seed}{challenge}."
    )
    yield f"Suite {on_one_line(attestation.suite_version)}, digest {_digest(attestation.predicate.configuration[1])}"
    yield f"Contract {_contract(attestation)}, digest {_digest(attestation.contract)}"


def _digest(part: Suite | Contract) -> str:
    return on_one_line(part.digest.get("sha256", ""))


def _contract(attestation: Attestation) -> str:
    return on_one_line(attestation.contract.annotations.version)


def _kept(attestation: Attestation) -> Iterator[str]:
    name = on_one_line(attestation.conformance_class)
    notes = [plural(len(attestation.predicate.passed), "check") + " passed"]
    failed = len(attestation.predicate.warned) - len(attestation.run.waivers)
    notes += [f"{plural(len(attestation.run.waivers), 'known failure')} permitted"] if attestation.run.waivers else []
    notes += [f"{failed} not passed that {'is' if failed == 1 else 'are'} recommended only"] if failed else []
    not_applicable = len(attestation.run.not_applicable)
    notes += [f"{not_applicable} not applicable"] if not_applicable else []
    yield f"  {name}: {AREAS.get(name.split('-', 1)[0], 'a part of the contract')}; {', '.join(notes)}"


def _permits(waivers: list[Permitted]) -> Iterator[str]:
    if waivers:
        yield ""
        yield "It is known to fail, and permitted for now, in:"
    for each in waivers:
        yield f"  {on_one_line(each.id)}: {on_one_line(each.reason)} (until {each.until}; {on_one_line(each.issue)})"


def _relaxed(attestation: Attestation) -> Iterator[str]:
    if attestation.run.relaxed_limits:
        yield ""
        yield "It was given more time than the suite gives by itself:"
    for each in attestation.run.relaxed_limits:
        yield f"  {on_one_line(each.name)}: {each.seconds:g} s instead of {each.default:g} s"


def _promises_not_shown(attestation: Attestation) -> Iterator[str]:
    found = attestation.run.promises_not_shown
    yield ""
    yield (
        f"{plural(len(found), 'promise')} of the contract {'was' if len(found) == 1 else 'were'} not shown:"
        if found
        else ("Every promise of the contract was shown.")
    )
    for each in found:
        yield f"  {on_one_line(each.id)}: {on_one_line(each.title)}"


def _not_claimed(attestation: Attestation) -> Iterator[str]:
    """Yield every class that is not claimed with its result, then the features that are not claimed."""
    others = [each for each in attestation.run.classes if each.name not in attestation.run.claimed]
    untried = [on_one_line(each.name) for each in others if each.result == NOT_TRIED]
    yield ""
    yield "Not claimed:" if others else "Every class is claimed."
    for each in others:
        if each.result != NOT_TRIED:
            yield f"  {on_one_line(each.name)}: {on_one_line(each.result)}; {on_one_line(each.why)}"
    if untried:
        yield f"  not tried: {', '.join(untried)}"
    if attestation.target.features_not_claimed:
        yield f"Not offered: {', '.join(map(on_one_line, attestation.target.features_not_claimed))}"


def _broken(line: str, width: int) -> list[str]:
    indent = " " * (4 if line.startswith("  ") else 0)
    return textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False) or [""] if width else [line]


def day(moment: str) -> str:
    """Return a time's day as ``25 November 2026``."""
    date = datetime.date.fromisoformat(moment[:10])
    return f"{date.day} {date:%B %Y}"


def badge_data(found: list[Attestation]) -> dict[str, object]:
    """Return the badge as JSON for badge services (schema version 1 of shields.io's endpoint)."""
    waivers = sum(len(each.run.waivers) for each in found)
    scope = found[0].conformance_class if len(found) == 1 else f"{len(found)} classes"
    by = "" if found[0].attester.annotations.challenge else " (self-attested)"
    message = f"conformant: {on_one_line(scope)}{by}" + (f", {plural(waivers, 'waiver')}" if waivers else "")
    label = f"NextEpoch {_contract(found[0])}"
    return {"schemaVersion": 1, "label": label, "message": message, "color": (AMBER if waivers else GREEN).lstrip("#")}


def badge(found: list[Attestation]) -> str:
    """Return the badge as an SVG that loads nothing and has an accessible title."""
    data = badge_data(found)
    label, message = html.escape(str(data["label"])), html.escape(str(data["message"]))
    left, right = (round(_width(str(data[name]))) + PADDING for name in ("label", "message"))
    title = f"{label}: {message}; until {found[0].run.valid_until}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{title}">\n'
        f"<title>{title}</title>\n"
        f'<rect width="{left + right}" height="20" rx="3" fill="#{data["color"]}"/>\n'
        f'<path d="M3 0h{left - 3}v20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#424a53"/>\n'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">\n'
        f'<text x="{left / 2}" y="14" textLength="{left - PADDING}">{label}</text>\n'
        f'<text x="{left + right / 2}" y="14" textLength="{right - PADDING}">{message}</text>\n'
        "</g>\n</svg>\n"
    )


def _width(text: str) -> float:
    """Estimate the width of a text in pixels: narrow, wide and other characters of Verdana at 11 px."""
    return sum(NARROW_PX if each in NARROW else WIDE_PX if each in WIDE else CHARACTER_PX for each in text)


def badge_json(found: list[Attestation]) -> str:
    """Return the badge's JSON text."""
    return json.dumps(badge_data(found), indent=1, ensure_ascii=False) + "\n"
