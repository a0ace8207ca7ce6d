"""What the tables of alterations are written with: short looks at one answer, and the row."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from conformance.reference.alteration import Alteration
from tests.reference.identity_world import PROJECTS, World, alike

Look = Callable[[World], Any]
Row = tuple[str, Look, Any, Any]


def token(**form: Any) -> Look:
    """Status of a token request."""
    return lambda w: w.token(**form).status_code


def error(**form: Any) -> Look:
    """Status and error code of a token request."""

    def look(w: World) -> Any:
        answer = w.token(**form)
        return answer.status_code, answer.json().get("error")

    return look


def scope(**form: Any) -> Look:
    """The scope that a token answer states; its status where there is none."""

    def look(w: World) -> Any:
        answer = w.token(**form)
        return answer.json()["scope"] if answer.status_code == 200 else answer.status_code

    return look


def member(name: str, **form: Any) -> Look:
    """A member of a token answer."""
    return lambda w: w.token(**form).json().get(name)


def header(name: str, **form: Any) -> Look:
    """A header of a token answer."""
    return lambda w: w.token(**form).headers.get(name)


def api(url: str, *words: Any, **details: Any) -> Look:
    """Status of a call to the API."""
    return lambda w: w.api(url, *words, **details).status_code


def api_header(name: str, url: str, *words: Any, **details: Any) -> Look:
    """A header of an answer of the API."""
    return lambda w: w.api(url, *words, **details).headers.get(name)


def hidden(method: str = "GET", **details: Any) -> Look:
    """Whether a hidden project is answered like an absent one."""
    return lambda w: alike(w, method, **details)


def created(**body: Any) -> Look:
    """Status of a creation."""
    return lambda w: w.create(**body).status_code


def patched(headers: Any = (), **body: Any) -> Look:
    """Status of an update of ``atlas``."""
    return lambda w: w.patch(headers=headers, **body).status_code


def listed(client_id: str = "ct-full", **query: Any) -> Look:
    """Slugs and total of a list; its status where it is refused."""

    def look(w: World) -> Any:
        answer = w.api(PROJECTS, client_id, params=query)
        if answer.status_code != 200:
            return answer.status_code
        return [item["slug"] for item in answer.json()["items"]], answer.json()["total"]

    return look


def statuses(*looks: Look) -> Look:
    """Several looks, one after the other in one world."""
    return lambda w: [look(w) for look in looks]


def alterations_in(*modules: ModuleType) -> set[type[Alteration]]:
    """Every defect and variant that these modules define."""
    return {
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Alteration) and each.__module__ == module.__name__
    }
