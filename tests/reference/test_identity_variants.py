"""Each variant of the identity surface changes what its look sees."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

import pytest

from conformance.reference.alteration import Variant
from conformance.reference.deployment import alterations
from tests.reference.identity_table import (
    Look,
    Row,
    api,
    api_header,
    created,
    error,
    header,
    listed,
    member,
    patched,
    scope,
    statuses,
    token,
)
from tests.reference.identity_world import ABSENT, ACME, ATLAS, GLOBEX, NOBODY, PROJECTS, World, basic, claims

# Nothing but the checks looks at these. A new variant needs a row of TABLE.
WITHOUT_A_ROW = {
    "audience-is-a-list",
    "bare-unauthorized",
    "both-authentications-may-agree",
    "caches-ask-again",
    "challenges-in-one-field",
    "changes-answered-without-content",
    "creation-answered-with200",
    "deletions-come-later",
    "enveloped-answers",
    "errors-without-content",
    "every-scope-named-to-strangers",
    "failed-precondition-is412",
    "headers-of-a-gateway",
    "lifetime-not-stated",
    "lists-are-arrays",
    "lists-come-in-pages",
    "malformed-token-is-invalid-request",
    "methods-refused-before-tokens",
    "missing-grant-is-unsupported",
    "more-than-json-is-read",
    "no-pragma",
    "other-methods-are-not-found",
    "scope-must-be-named",
    "slugs-are-never-given-again",
    "tokens-are-numbered",
    "tokens-are-reused",
    "trailing-slash-is-the-same",
    "unknown-scopes-are-ignored",
    "volatile-answers",
    "writes-say-more",
}
LONGEST_REVOCATION_S = 0.5
FIRST_AND_LAST = "organization:read project:write"
MADE, VAULT = f"{PROJECTS}/made", f"{GLOBEX}/projects/globex-vault"
unconditional = statuses(patched(name="x"), api(MADE, method="DELETE"), api(ATLAS, method="DELETE"))
APP, BOTH = "repository:orgs/acme/app", ["repository:orgs/acme/a:pull", "repository:orgs/acme/b:pull"]
JSON: dict[str, Any] = {"content-type": "application/json"}
TOLD = ["token", "access_token", "expires_in", "issued_at"]


def issued_long_ago(w: World) -> list[bool]:
    """Whether a new token, and the answer that has it, are of more than ten minutes ago."""
    answer = w.token()
    issued = claims(answer.json()["access_token"])["iat"]
    dated = parsedate_to_datetime(answer.headers.get("date", formatdate())).timestamp()
    return [time.time() - each > 600 for each in (issued, dated)]


def _opened(w: World, token: str) -> int:
    return w.ask("GET", ACME, headers={"authorization": f"Bearer {token}"}).status_code


def around_revocation(w: World) -> list[int]:
    """What a token and a request for one are answered at once behind a revocation, and when that is known."""
    told, token = list[int](), w.bearer("ct-revocable")
    w.identity.revoke("ct-revocable")
    for wait_s in (0.0, LONGEST_REVOCATION_S):
        time.sleep(wait_s)
        answer = w.token("ct-revocable")
        told += [answer.status_code, _opened(w, token)]
        token = answer.json().get("access_token", token)
    return told


def of_creation(**body: str) -> Look:
    """Whether a creation is answered with its id alone."""
    return lambda w: list(w.api(PROJECTS, "ct-full", "POST", json=body).json()) == ["id"]


def of_old_name(w: World) -> list[int]:
    """What a change of a slug is answered, and then the old path."""
    return [w.patch(slug="other").status_code, w.api(ATLAS).status_code]


def secret_shown(w: World) -> list[bool]:
    """Whether a creation shows a secret, and the reading behind it."""
    return ["client_secret" in each.json() for each in (w.create(), w.api(f"{PROJECTS}/made"))]


def by_basic(w: World) -> int:
    return w.ask("GET", ACME, headers={"authorization": basic("ct-full", w.secret())}).status_code


def published(w: World) -> list[str]:
    return [each["kty"] for each in w.ask("GET", "/.well-known/jwks.json").json()["keys"]]


def tags_of_two_reads(w: World) -> list[str]:
    return [w.api(ATLAS).headers["etag"] for _ in range(2)]


def granted(account: str | None, asked: Any) -> Look:
    """What a registry token grants."""
    return lambda w: w.granted(account, asked)


def login(account: str | None = "ct-pull", password: str | None = None, **query: Any) -> Look:
    """Status of a request for a registry token."""
    return lambda w: w.registry(account, password, **query).status_code


def retry_after(w: World) -> str:
    answers = [w.token("ct-limited") for _ in range(11)]
    return "number" if answers[-1].headers["retry-after"].isdigit() else "date"


def shown(text: str) -> Look:
    """The status of a read with this as the token."""
    return lambda w: w.ask("GET", ACME, headers={"authorization": f"Bearer {text}"}).status_code


def scopes_granted(w: World) -> int:
    return len(w.token(scope="member:read").json()["scope"].split())


def answered(w: World, origin: str) -> Any:
    """The fields of an answer to a page of this origin."""
    host = w.api(ACME).request.headers["host"].partition(":")[0]
    return w.api(ACME, headers={"origin": origin.replace("{host}", host)}).headers


def created_many(w: World) -> int:
    """The status of the last of some creations."""
    return [w.create(slug=f"more-{number}").status_code for number in range(20)][-1]


def of_an_update(w: World) -> tuple[int, str]:
    """The status of an update, and what is read behind it."""
    return patched(name="Later")(w), w.api(ATLAS).json()["name"]


def listed_behind_a_list(w: World) -> int:
    """How many are told by a list that is read behind a creation, and was read before it."""
    w.api(PROJECTS)
    w.create(slug="more")
    return int(w.api(PROJECTS).json()["total"])


def asked_at_once(w: World) -> list[int]:
    """What three requests of one client are answered that come at one moment."""
    form = {"grant_type": "client_credentials", "client_id": "ct-full", "client_secret": w.secret()}
    return sorted(each.status_code for each in w.at_once([("POST", "/oauth/token", {"data": form})] * 3))


def sent(body: bytes = b"{}", method: str = "PATCH", **fields: Any) -> Look:
    """The status of an update whose body is said to be something."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return api(ATLAS, "ct-full", method, content=body, headers=named)


def in_chunks(w: World) -> int:
    async def parts() -> AsyncIterator[bytes]:
        yield b'{"slug": "of-chunks", "name": "x"}'

    return w.api(PROJECTS, "ct-full", "POST", content=parts(), headers=JSON).status_code


def coded(path: str) -> Look:
    def look(w: World) -> list[Any]:
        answer = w.api(path, headers={"accept-encoding": "gzip"})
        return [answer.content[:1] == b"{", answer.headers.get("content-encoding")]

    return look


def token_is(kind: str) -> Look:
    """Whether a token is accepted in other case, is in order with the next, or is of 8 KiB."""
    looks: dict[str, Look] = {
        "in other case": lambda w: (
            w.ask("GET", ACME, headers={"authorization": f"Bearer {w.bearer().upper()}"}).is_success
        ),
        "in order": lambda w: (tokens := [w.bearer() for _ in range(8)]) == sorted(tokens),
        "long": lambda w: len(w.bearer()) == 8192,
    }
    return looks[kind]


def with_more(raw: bytes) -> Look:
    """The status of a token request with these bytes behind its form."""
    form = "grant_type=client_credentials&client_id=ct-full&client_secret="
    return lambda w: w.token(raw=f"{form}{w.secret()}".encode() + raw).status_code


def first_slugs(w: World) -> int:
    return len({w.api(PROJECTS).json()["items"][0]["slug"] for _ in range(40)})


def of_error(w: World) -> list[str]:
    return list(w.api(ABSENT).json())


def of_refusal(w: World) -> int:
    return len(w.token(client_secret="x").json())


def told_behind_ten(w: World) -> bool:
    """Whether what is answered above the limit tells when to come back."""
    return "retry-after" in [w.token("ct-limited") for _ in range(11)][-1].headers


def behind_ten(w: World) -> list[int]:
    """What is answered above the limit, before and after the clock reaches the next window."""
    w.identity.__dict__["monotonic"] = lambda: 100.9
    told = [w.token("ct-limited").status_code for _ in range(11)][-1:]
    w.identity.__dict__["monotonic"] = lambda: 101.0
    return [*told, w.token("ct-limited").status_code]


def others_behind_ten(w: World) -> list[int]:
    """What others are answered when the limit is used up: one of the organization, and one of another."""
    for _ in range(11):
        w.token("ct-limited")
    return [w.token(each).status_code for each in ("ct-full", "ct-foreign")]


def behind_wrong_secrets(number: int, between: int) -> Look:
    """What the right secret is answered behind so many wrong ones, with a right one among them or none."""

    def look(w: World) -> int:
        for place in range(number):
            w.token(client_secret="x")
            if place + 1 == between:
                w.token()
        return w.token().status_code

    return look


def of_key_and_tokens(w: World) -> list[Any]:
    """The type of the published key, and what a token opens."""
    return [w.ask("GET", "/.well-known/jwks.json").json()["keys"][0]["kty"], w.api(ACME).status_code]


def named(w: World) -> list[str]:
    return list(w.registry().json())


def under_another_name(world: World) -> int:
    """What a login of the registry is answered beside a name that is nobody's."""
    return world.registry("nobody", world.identity.accounts["ct-pull"].password).status_code


def behind_a_wrong_password(world: World) -> int:
    """What a login of the registry is answered right behind a wrong password."""
    world.registry("ct-pull", "not-the-password")
    return world.registry("ct-pull").status_code


TABLE: list[Row] = [
    ("another-scope-is-granted-too", scope(scope="organization:read"), "organization:read", FIRST_AND_LAST),
    ("creation-makes-a-credential", secret_shown, [False, False], [True, False]),
    ("creation-shows-a-secret", secret_shown, [False, False], [True, False]),
    ("secrets-are-hidden-by-asterisks", secret_shown, [False, False], [True, True]),
    ("names-are-objects", lambda w: w.api(ATLAS).json()["name"], "Atlas", {"default": "Atlas"}),
    ("creation-tells-its-id-alone", of_creation(name="x"), False, True),
    ("identity-clock-behind", issued_long_ago, [False, False], [True, True]),
    ("items-can-be-renamed", of_old_name, [400, 200], [200, 301]),
    ("client-ids-have-a-form", error(client_id="nobody"), (401, "invalid_client"), (400, "invalid_request")),
    ("revocation-is-known-a-moment-later", around_revocation, [401, 401, 401, 401], [200, 200, 401, 401]),
    ("entity-tags-of-each-read", tags_of_two_reads, ['"1"', '"1"'], ['"1~1"', '"1~2"']),
    ("key-set-has-other-keys", published, ["EC"], ["RSA", "OKP", "of-tomorrow", "EC"]),
    ("updates-must-be-conditional", unconditional, [200, 404, 204], [428, 404, 204]),
    ("updates-name-their-version", unconditional, [200, 404, 204], [400, 404, 204]),
    (
        "slugs-made-of-names",
        statuses(*(api(PROJECTS, "ct-full", "POST", json={"name": each}) for each in ("x", "é"))),
        [400, 400],
        [201, 409],
    ),
    (
        "clients-have-one-method",
        lambda w: w.by_basic(basic("ct-full", w.secret())).status_code,
        200,
        401,
    ),
    ("registry-token-beside-an-empty-name", lambda w: w.registry().json()["access_token"] == "", False, True),
    ("registry-tokens-of-a-minute", lambda w: "expires_in" in w.registry().json(), True, False),
    ("registry-times-in-small-letters", lambda w: w.registry().json()["issued_at"][-1], "Z", "z"),
    (
        "registry-tokens-for-one-service",
        lambda w: claims(w.registry().json()["token"])["aud"],
        "registry.test",
        "nextepoch-reference",
    ),
    ("registry-tokens-of-short-questions", lambda w: w.registry(scope="a" * 2048).status_code, 200, 414),
    ("lists-tell-of-the-next-page", lambda w: w.api(PROJECTS).json()["next"], None, "after 1/+="),
    (
        "creations-come-later",
        statuses(created(slug="later"), api(f"{PROJECTS}/later")),
        [201, 200],
        [202, 404],
    ),
    ("changes-must-be-conditional", unconditional, [200, 404, 204], [428, 428, 428]),
    ("opaque-tokens", lambda w: (w.bearer().count("."), w.api(ACME).status_code), (2, 200), (0, 200)),
    ("refused-scope-is-narrowed", scope(scope="project:read x"), 400, "project:read"),
    (
        "omitted-scope-is-least",
        scope(),
        "organization:read member:read project:read project:write",
        "organization:read",
    ),
    ("scope-stated-only-if-different", member("scope", scope="project:read"), "project:read", None),
    ("body-credentials-refused-with400", error(client_secret="x"), (401, "invalid_client"), (400, "invalid_client")),
    ("wrong-token-content-type-is415", token(headers={"content-type": "text/plain"}), 400, 415),
    ("token-type-in-lower-case", member("token_type"), "Bearer", "bearer"),
    ("media-types-with-charset", header("content-type"), "application/json", "application/json; charset=utf-8"),
    (
        "errors-without-description",
        member("error_description", grant_type="x"),
        "only client_credentials is supported",
        None,
    ),
    ("unknown-parameter-may-repeat", token(x=["1", "2"]), 400, 200),
    ("more-headers-on-tokens", header("via"), None, "1.1 gateway"),
    ("foreign-is-forbidden", statuses(api(GLOBEX), api(NOBODY)), [404, 404], [403, 403]),
    ("plain-errors", api_header("content-type", ABSENT), "application/json", "application/problem+json"),
    ("unknown-members-ignored", patched(organization="globex"), 400, 200),
    ("malformed-path-is400", api(f"{PROJECTS}/%00"), 404, 400),
    ("two-challenges", lambda w: len(w.api(ACME, None).headers.get_list("www-authenticate")), 1, 2),
    (
        "needed-scope-not-named",
        lambda w: "scope=" in w.api(ATLAS, "ct-narrow").headers["www-authenticate"],
        True,
        False,
    ),
    ("absolute-location", lambda w: w.create().headers["location"], MADE, f"http://identity.test{MADE}"),
    ("deletion-answered-with200", api(ATLAS, method="DELETE"), 204, 200),
    ("projects-can-be-searched", listed("ct-outsider", q="secret"), (["atlas"], 1), ([], 0)),
    ("anonymous-registry-login-refused", login(None), 200, 401),
    ("registry-form-not-offered", lambda w: w.registry_form().status_code, 400, 404),
    ("scope-of-a-query-not-split", granted("ct-pull", " ".join(BOTH)), ["orgs/acme/a:pull", "orgs/acme/b:pull"], []),
    ("one-registry-token-name", lambda w: "access_token" in w.registry().json(), True, False),
    ("retry-after-as-date", retry_after, "number", "date"),
    ("token-endpoint-leads-to-a-login", lambda w: w.ask("GET", "/oauth/token").status_code, 405, 302),
    ("default-scope-is-granted-too", scopes_granted, 1, 2),
    ("portal-is-shown-elsewhere", lambda w: w.ask("GET", "/of-nobody").status_code, 404, 200),
    ("token-endpoint-shows-a-page", lambda w: w.ask("GET", "/oauth/token").status_code, 405, 200),
    ("unknown-scopes-stand-for-the-default", token(scope="x"), 400, 200),
    ("projects-are-few", created_many, 201, 403),
    ("two-token-requests-at-once", asked_at_once, [200, 200, 200], [200, 200, 429]),
    ("updates-come-later", of_an_update, (200, "Later"), (202, "Atlas")),
    ("lists-lag-behind", listed_behind_a_list, 3, 2),
    ("writes-must-have-a-length", statuses(in_chunks, sent(**JSON)), [201, 200], [411, 200]),
    ("unreadable-bodies-are-unsupported", sent(**JSON, content_encoding="gzip"), 200, 415),
    ("registry-token-alone", named, TOLD, ["token"]),
    ("registry-access-token-alone", named, TOLD, ["access_token"]),
    ("registry-tokens-behind-a-redirect", lambda w: w.registry().status_code, 200, 307),
    ("tokens-begin-with-the-time", token_is("in order"), False, True),
    ("tokens-in-hexadecimal-digits", token_is("in other case"), False, True),
    ("tokens-of-eight-kibibytes", token_is("long"), False, True),
    ("texts-written-with-escapes", lambda w: "secret-lab" in w.api(PROJECTS).text, True, False),
    ("lists-in-any-order", first_slugs, 1, 2),
    ("reads-are-counted", lambda w: [w.api(ACME).json().get("reads") for _ in range(2)], [None, None], [0, 1]),
    ("errors-in-a-list", of_error, ["error"], ["errors"]),
    ("refusals-are-numbered", of_refusal, 2, 5),
    (
        "short-texts-alone",
        statuses(created(slug="aa", name="x" * 64), created(slug="bb", name="x" * 65)),
        [201, 201],
        [201, 400],
    ),
    ("cookie-of-a-balancer", lambda w: "set-cookie" in w.token().headers, False, True),
    ("head-tells-less", api_header("content-type", ATLAS, method="HEAD"), "application/json", None),
    ("dots-are-redirected", api(f"{PROJECTS}/%2e%2e"), 404, 301),
    ("undeclared-methods", api(ACME, method="PUT"), 405, 415),
    ("put-replaces-the-whole", api(ATLAS, "ct-full", "PUT", json={"name": "x"}), 405, 200),
    (
        "deleting-again-is-no-error",
        statuses(*[api(ATLAS, "ct-full", "DELETE")] * 2, api(ABSENT, "ct-full", "DELETE")),
        [204, 404, 404],
        [204, 204, 404],
    ),
    ("entity-tags-beyond-ascii", api_header("etag", ATLAS), '"1"', '"1\xe9\xfe"'),
    (
        "portal-reads-with-credentials",
        api_header("access-control-allow-credentials", ACME),
        None,
        "true",
    ),
    ("tokens-end-in-equals-signs", lambda w: w.bearer()[-2:] == "==", False, True),
    (
        "proof-of-possession-asked-for-too",
        lambda w: w.ask("GET", ACME).headers["www-authenticate"].split()[0],
        "Bearer",
        "DPoP",
    ),
    ("no-retry-after", told_behind_ten, True, False),
    ("organizations-looked-up-before-scopes", api(f"{NOBODY}/projects", "ct-narrow"), 403, 404),
    ("windows-of-the-clock", behind_ten, [429, 429], [429, 200]),
    ("locked-after-wrong-secrets", behind_wrong_secrets(5, between=5), 200, 401),
    ("key-set-is-elsewhere", lambda w: w.ask("GET", "/.well-known/jwks.json").status_code, 200, 302),
    ("tokens-of-seconds", lambda w: w.token().json()["expires_in"], 3600, 6),
    ("texts-of-letters-alone", api(ATLAS, "ct-full", "PATCH", json={"description": "a, b"}), 200, 400),
    ("tokens-signed-on-an-edwards-curve", of_key_and_tokens, ["EC", 200], ["OKP", 200]),
    ("semicolons-are-refused", with_more(b"&x=1;y"), 200, 400),
    ("small-forms-alone", with_more(b"&x=" + b"x" * 4096), 200, 413),
    ("locked-for-a-moment", behind_wrong_secrets(25, between=4), 200, 401),
    ("registry-passwords-tell-whose-they-are", under_another_name, 401, 200),
    ("registry-logins-locked-for-a-moment", behind_a_wrong_password, 200, 401),
    ("limit-of-the-organization", others_behind_ten, [200, 200], [429, 200]),
]


@pytest.mark.parametrize(("name", "look", "clean", "altered"), TABLE, ids=[row[0] for row in TABLE])
def test_a_variant_changes_what_its_look_sees(name: str, look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alterations()[name]))) == (clean, altered)


def test_every_variant_is_seen_to_vary() -> None:
    # Variants of every surface: tests/reference/test_in_front.py and test_framing.py.
    known = {
        name
        for name, each in alterations().items()
        if each.surface == "identity"
        and issubclass(each, Variant)
        and not each.__module__.endswith((".in_front", ".framing"))
    }
    assert known - {row[0] for row in TABLE} == WITHOUT_A_ROW, "each needs a row of TABLE: a look that it changes"


def test_answers_are_compressed_where_asked() -> None:
    for altered, told in (((), [True, None]), ((alterations()["answers-compressed-where-asked"],), [True, "gzip"])):
        assert coded(ATLAS)(World(*altered)) == told


def test_escapes_mean_what_they_stand_for() -> None:
    escaped = World(alterations()["texts-written-with-escapes"]).api(PROJECTS)
    assert json.loads(escaped.content) == World().api(PROJECTS).json()
