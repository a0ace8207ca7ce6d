"""``index.html``: a single file that runs only its own script and loads nothing."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from conformance.reporting import text
from conformance.reporting.causes import first_finding
from conformance.reporting.classes import NOT_BINDING
from conformance.reporting.promises import also_shown_by
from conformance.reporting.view import build
from conformance.runs.reading import Record
from conformance.vocabulary import wording

# The page loads and sends nothing; only its own style and script are permitted, by their digests.
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"


def render(record: Record) -> str:
    """Return the page."""
    return page("index.html", "report.js", report=build(record))


def page(template: str, script_name: str, **context: Any) -> str:
    """Return a page with the reports' style and its own script, both inline.

    The environment escapes everything that comes from a record, and makes it visible.
    """
    style, script = _asset("report.css"), _asset(script_name)
    policy = "; ".join([POLICY, f"style-src '{_digest(style)}'", f"script-src '{_digest(script)}'"])
    found = _environment().get_template(template)
    return found.render(style=Markup(style), script=Markup(script), policy=policy, **context)  # noqa: S704


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("conformance.reporting", "templates"),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(not_binding=NOT_BINDING)
    environment.filters.update(
        link=link,
        fragment=fragment,
        plural=wording.plural,
        shortened=text.shortened,
        finding=first_finding,
        also_shown_by=lambda cause: ", ".join(also_shown_by(cause)),
        sentence=text.sentence,
        sum_checks=lambda rows: sum(1 + len(row.alike) for row in rows),
    )
    return environment


def _finalize(value: Any) -> Any:
    return text.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def link(url: str) -> str:
    """Return the URL if it is http or https, else ""."""
    return url if url.startswith(("https://", "http://")) else ""


def fragment(check_id: str) -> str:
    """Return the URL fragment of a check."""
    return "#" + quote(text.visible(check_id), safe="/:@!$&'()*+,;=-._~?#")


def _asset(name: str) -> str:
    return files("conformance.reporting").joinpath("templates", name).read_text(encoding="utf-8")


def _digest(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
