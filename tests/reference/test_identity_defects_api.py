"""Defects of the organization API and the registry token endpoint, and each variant, show in their answers."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import (
    concealment,
    conflicts,
    foreign,
    organizations,
    registry_forms,
    registry_scopes,
    registry_tokens,
    searching,
)
from conformance.reference.identity.records import CANARY
from conformance.reference.variants import identity as variants
from tests.reference.identity_table import (
    Look,
    Row,
    alterations_in,
    api,
    api_header,
    created,
    error,
    header,
    hidden,
    listed,
    member,
    patched,
    scope,
    statuses,
    token,
)
from tests.reference.identity_world import (
    ABSENT,
    ACME,
    ATLAS,
    GLOBEX,
    HIDDEN,
    NOBODY,
    PROJECTS,
    World,
    alike,
    basic,
    claims,
    pauses,
)

JSON = {"content-type": "application/json"}
STALE = {"if-match": '"9"'}
MADE, VAULT = f"{PROJECTS}/made", f"{GLOBEX}/projects/globex-vault"
APP, BOTH = "repository:orgs/acme/app", ["repository:orgs/acme/a:pull", "repository:orgs/acme/b:pull"]
DOZEN = [f"repository:orgs/acme/a{number}:pull" for number in range(12)]
OWN_AND_FOREIGN = ["repository:orgs/acme/a:pull", "repository:orgs/globex/a:pull"]


def body_is(status_of: bytes, method: str = "PATCH") -> Look:
    """Status of a body as these bytes."""
    return api(ATLAS if method == "PATCH" else PROJECTS, "ct-full", method, content=status_of, headers=JSON)


def at_once(method: str, url: str, *bodies: dict[str, Any], **headers: str) -> Look:
    """Statuses, in order, of writes sent together."""

    def look(w: World) -> list[int]:
        sent = {"authorization": f"Bearer {w.bearer()}", **{name.replace("_", "-"): v for name, v in headers.items()}}
        answers = w.at_once([(method, url, {"headers": sent, "json": body}) for body in bodies])
        return sorted(answer.status_code for answer in answers)

    return look


def beginning_of_password(w: World) -> int:
    return w.registry(password=w.identity.accounts["ct-pull"].password[:-1]).status_code


def by_form(name: str) -> Look:
    """A member of the answer to a form that asks for more than the login may do."""
    return lambda w: w.registry_form(**who(w), scope=f"{APP}:pull,push").json().get(name)


def by_malformed_basic(w: World) -> int:
    return w.ask("GET", "/registry/token?service=x", headers={"authorization": "Basic bm8="}).status_code


def who(w: World) -> dict[str, str]:
    return {"username": "ct-pull", "password": w.identity.accounts["ct-pull"].password}


def hours_since_issue(w: World) -> int:
    """How many hours ago a registry token was issued, by its answer."""
    issued = datetime.datetime.fromisoformat(w.registry().json()["issued_at"])
    return round((datetime.datetime.now(datetime.UTC) - issued).total_seconds() / 3600)


def kept(w: World) -> tuple[str, str]:
    """Name and description of ``atlas`` once both were changed at the same time."""
    at_once("PATCH", ATLAS, {"name": "N"}, {"description": "D"})(w)
    document = w.api(ATLAS).json()
    return document["name"], document["description"]


def description_after(headers: Any = (), **body: Any) -> Look:
    """The description of ``atlas`` after an update."""

    def look(w: World) -> str:
        w.patch(headers=headers, **body)
        return str(w.api(ATLAS).json()["description"])

    return look


def pages(w: World) -> list[str]:
    """The slugs of a list read in pages of one."""
    w.create(slug="beta")
    return [slug for offset in range(3) for slug in listed(limit=1, offset=offset)(w)[0]]


def slower(w: World) -> list[int]:
    return [pauses(lambda: w.api(HIDDEN, "ct-outsider")), pauses(lambda: w.api(ABSENT, "ct-outsider"))]


def foreign_is_hidden(w: World) -> bool:
    return alike(w, "GET", GLOBEX, NOBODY)


def canary(url: str, **details: Any) -> Look:
    """Whether a byte of the other organization comes to a caller of this one."""

    def look(w: World) -> bool:
        answer = w.api(url, **details)
        return CANARY in answer.text + repr(answer.headers)

    return look


def error_shape(w: World) -> set[str]:
    return set(w.create(slug="atlas").json())


def of_hidden_duplicate(w: World) -> bool:
    return w.create("ct-outsider", slug="atlas").content == w.create("ct-outsider", slug="secret-lab").content


def after_delete(w: World) -> int:
    w.api(ATLAS, method="DELETE")
    return w.api(ATLAS).status_code


def recreated(w: World) -> int:
    w.create()
    w.api(MADE, method="DELETE")
    return w.create().status_code


def twenty(w: World) -> int:
    headers = {"authorization": f"Bearer {w.bearer()}"}
    return sum(w.ask("GET", ACME, headers=headers).status_code == 200 for _ in range(20))


def stale_read(w: World) -> str:
    w.api(ATLAS)
    w.patch(name="New")
    return str(w.api(ATLAS).json()["name"])


def granted(account: str | None, asked: Any) -> Look:
    """What a registry token grants."""
    return lambda w: w.granted(account, asked)


def login(account: str | None = "ct-pull", password: str | None = None, **query: Any) -> Look:
    """Status of a request for a registry token."""
    return lambda w: w.registry(account, password, **query).status_code


def login_in_small_letters(w: World) -> int:
    """Status of a request for a registry token by the scheme "basic"."""
    shown = basic("ct-pull", w.identity.accounts["ct-pull"].password).replace("Basic", "basic")
    service = {"service": "registry.test"}
    return w.ask("GET", "/registry/token", params=service, headers={"authorization": shown}).status_code


def registry_member(name: str, **query: Any) -> Look:
    """A member of a registry token's answer."""
    return lambda w: w.registry(**query).json().get(name)


def registry_claim(name: str) -> Look:
    """A claim of a registry token, times relative to its iat."""

    def look(w: World) -> Any:
        found = claims(w.registry().json()["token"])
        return found[name] - found["iat"] if name in ("nbf", "exp") else found[name]

    return look


def refreshed_elsewhere(w: World) -> int:
    refresh = w.registry(offline_token="true").json()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "service": "another"}
    return w.registry_form(**form).status_code


def refreshed_here(w: World) -> int:
    refresh = w.registry(offline_token="true").json()["refresh_token"]
    return w.registry_form(grant_type="refresh_token", refresh_token=refresh).status_code


def refreshed_twice(w: World) -> int:
    refresh = w.registry(offline_token="true").json()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    return [w.registry_form(**form).status_code for _ in range(2)][-1]


def with_the_password_of_another(w: World) -> int:
    return w.registry("ct-pull", w.identity.accounts["ct-push"].password).status_code


def without_service(w: World) -> int:
    return w.ask("GET", "/registry/token", params={"scope": BOTH[0]}).status_code


def unreadable_query(w: World) -> int:
    return w.ask("GET", "/registry/token?service=%ff").status_code


def refreshed_scope(w: World) -> str:
    refresh = w.registry(offline_token="true").json()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "scope": f"{APP}:pull,push"}
    return str(w.registry_form(**form).json()["scope"])


def refreshed_subject(w: World) -> bool:
    """Whether a refresh token's subject is the one that it was given to."""
    given = w.registry("ct-push", offline_token="true").json()
    reply = w.registry_form(grant_type="refresh_token", refresh_token=given["refresh_token"])
    return bool(claims(given["token"])["sub"] == claims(reply.json()["token"])["sub"])


def scope_asked_twice(w: World) -> int:
    try:
        return w.registry("ct-push", scope=[f"{APP}:pull", f"{APP}:push"]).status_code
    except ValueError:
        return 500


def refreshed_altered(w: World) -> Any:
    refresh = w.registry(offline_token="true").json()["refresh_token"]
    return w.registry_form(grant_type="refresh_token", refresh_token=refresh[:-4] + "----")


def formed(w: World) -> Any:
    """The answer to a password in a form, of a login that may only pull."""
    password = w.identity.accounts["ct-pull"].password
    return w.registry_form(username="ct-pull", password=password, scope=f"{APP}:pull,push")


def told_users(w: World) -> bool:
    return w.registry("nobody", "x").content == w.registry("ct-pull", "x").content


def cached_login(w: World) -> Any:
    w.registry("ct-push", scope=f"{APP}:push")
    return w.granted(None, f"{APP}:push")


def retry_after(w: World) -> str:
    answers = [w.token("ct-limited") for _ in range(11)]
    return "number" if answers[-1].headers["retry-after"].isdigit() else "date"


HIDING: list[Row] = [
    *[(each, hidden(), True, False) for each in (
        concealment.HiddenProjectIs403, concealment.HiddenProjectHasOwnMessage, concealment.HiddenProjectHasOwnCode,
        concealment.HiddenProjectHasOwnFields, concealment.HiddenProjectHasOwnSpacing,
        concealment.HiddenProjectHasOwnHeader, concealment.HiddenProjectHasOwnCaching,
        concealment.HiddenProjectHasOwnMediaType, concealment.HiddenProjectReadable)],
    (concealment.HiddenProjectAnsweredSlower, slower, [0, 0], [1, 0]),
    (concealment.HiddenProjectAnsweredAMillisecondSlower, slower, [0, 0], [1, 0]),
    (concealment.HiddenProjectWritable, hidden("PATCH", json={"name": "x"}), True, False),
    (concealment.HiddenProjectDeletable, statuses(api(HIDDEN, "ct-outsider", "DELETE"), api(HIDDEN)), [404, 200],
     [404, 404]),
    (concealment.HiddenProjectInHead, hidden("HEAD"), True, False),
    (concealment.HiddenProjectNotModified, hidden(headers={"if-none-match": "*"}), True, False),
    (concealment.PreconditionBeforeVisibility, hidden("PATCH", json={}, headers=STALE), True, False),
    (concealment.ValidationBeforeVisibility, hidden("PATCH", json={"name": 1}), True, False),
    (concealment.DeletionOfHiddenIs403, hidden("DELETE"), True, False),
    (concealment.ChildOfHiddenIs403, hidden(one=f"{HIDDEN}/x", other=f"{ABSENT}/x"), True, False),
    (concealment.TrailingSlashRedirectsWhatExists, hidden(one=f"{HIDDEN}/", other=f"{ABSENT}/"), True, False),
    (concealment.OptionsTellWhatExists, hidden("OPTIONS"), True, False),
    (concealment.UnknownMethodTellsWhatExists, hidden("PUT"), True, False),
    (concealment.OtherCaseOfHiddenIs403, hidden(one=f"{PROJECTS}/Secret-Lab"), True, False),
    (concealment.HiddenProjectListed, listed("ct-outsider"), (["atlas"], 1), (["atlas", "secret-lab"], 2)),
    (concealment.HiddenProjectCounted, listed("ct-outsider"), (["atlas"], 1), (["atlas"], 2)),
    (searching.SearchFindsHidden, listed("ct-outsider", q="secret-lab"), (["atlas"], 1), (["secret-lab"], 1)),
    (searching.SearchCountsHidden, listed("ct-outsider", search="secret"), (["atlas"], 1), ([], 1)),
    (concealment.HiddenProjectCountedInAField,
     lambda w: w.api(PROJECTS, "ct-outsider").headers.get("x-total-count"), None, "2"),
    (concealment.DuplicateOfHiddenIsNamed, of_hidden_duplicate, True, False),
]  # fmt: skip
FOREIGN: list[Row] = [
    (foreign.ForeignOrganizationIs403, foreign_is_hidden, True, False),
    (foreign.ForeignOrganizationHasOwnHeader, foreign_is_hidden, True, False),
    (foreign.ForeignOrganizationNamedInError, canary(GLOBEX), False, True),
    (foreign.ForeignOrganizationReadable, canary(GLOBEX), False, True),
    (foreign.ForeignChangesAreForbidden, api(f"{GLOBEX}/projects/x", "ct-full", "DELETE"), 404, 403),
    (foreign.ForeignMembersReadable, canary(f"{GLOBEX}/members"), False, True),
    (foreign.ForeignProjectReadable, canary(VAULT), False, True),
    (foreign.ForeignOrganizationAsOwner, patched(organization="globex"), 400, 200),
]
CONFLICTS: list[Row] = [
    (conflicts.DuplicateSlugIs400, created(slug="atlas"), 409, 400),
    (conflicts.DuplicateSlugCrashes, created(slug="atlas"), 409, 500),
    (conflicts.DuplicateSlugReplaces, created(slug="atlas"), 409, 201),
    (conflicts.DuplicateSlugRefusedButWritten, lambda w: w.create(slug="atlas",
     description="x") and w.api(ATLAS).json()[
        "description"], "Open to the whole organization", "x"),
    (conflicts.DuplicateSlugGetsSuffix, created(slug="atlas"), 409, 201),
    (conflicts.CreationRace, at_once("POST", PROJECTS, *[{"slug": "one", "name": "x"}] * 2), [201, 409], [201, 201]),
    (conflicts.UpdateRace, at_once("PATCH", ATLAS, {}, {}, if_match='"1"'), [200, 409], [200, 200]),
    (conflicts.LostUpdate, kept, ("N", "D"), ("Atlas", "D")),
    (conflicts.IfMatchIgnored, patched(STALE), 409, 200),
    (conflicts.IfMatchIgnoredOnDelete, api(ATLAS, method="DELETE", headers=STALE), 409, 204),
    (conflicts.OwnVersionRefused, patched({"if-match": '"1"'}), 200, 409),
    (conflicts.ConcurrentUpdateIs400, patched(STALE), 409, 400),
    (conflicts.ConcurrentUpdateTold200, patched(STALE), 409, 200),
    (conflicts.RefusedUpdateHalfWritten, description_after(STALE, description="x"), "Open to the whole organization",
     "x"),
    (conflicts.VersionNotCounted, lambda w: w.patch(name="x").headers["etag"], '"2"', '"1"'),
    (conflicts.UpdateForgotten, description_after(description="x"), "x", "Open to the whole organization"),
    (conflicts.DeletionForgotten, after_delete, 404, 200),
    (conflicts.DeletedTellsItWasThere, after_delete, 404, 410),
    (conflicts.SlugOfDeletedStaysTaken, recreated, 201, 409),
]  # fmt: skip
BODIES: list[Row] = [
    (organizations.BadBoundCrashes, listed(limit="x"), 400, 500),
    (organizations.InvalidBodyCrashes, body_is(b"{"), 400, 500),
    (organizations.DeepBodyCrashes, body_is(b"[" * 1000), 400, 500),
    (organizations.WrongTypeCrashes, patched(name=1), 400, 500),
    (organizations.NulInTextCrashes, patched(name="a\0"), 400, 500),
    (organizations.LoneSurrogateCrashes, body_is(b'{"name":"\\ud800"}'), 400, 500),
    (organizations.AnySlugAccepted, created(slug="A b"), 400, 201),
    (organizations.SlugMatchedAtItsStart, created(slug="ab\n"), 400, 201),
    (organizations.SlugFolded, created(slug="AB"), 400, 201),
    (organizations.ApiContentTypeIgnored, api(ATLAS, method="PATCH", content=b"{}"), 400, 200),
    (organizations.InvalidBodyIs422, patched(name=1), 400, 422),
    (organizations.SlugChangedByPatch, statuses(patched(slug="other"), api(ATLAS)), [400, 200], [200, 404]),
    (organizations.VersionSetByCreate, created(version=7), 400, 201),
    (organizations.TextCutShort, description_after(description="x" * 99), "x" * 99, "x" * 64),
    (organizations.LocationMissing, lambda w: w.create().headers.get("location"), MADE, None),
    (organizations.LocationIsInternal, lambda w: w.create().headers["location"][:1], "/", "h"),
    (organizations.CreationIs200, created(), 201, 200),
    (organizations.ApiAllowMissing, api_header("allow", ACME, method="PUT"), "GET, HEAD, OPTIONS", None),
    (organizations.UnknownMethodCrashes, api(ACME, method="BREW"), 405, 500),
    (organizations.HeadIsNotAllowed, api(ACME, method="HEAD"), 200, 405),
    (organizations.ConflictHasOwnShape, error_shape, {"error"}, {"message", "statusCode"}),
    (organizations.NotFoundIsHtml, api_header("content-type", ABSENT), "application/json", "text/html"),
    (organizations.ErrorCodeIsStatus, lambda w: w.api(ATLAS, "ct-narrow").json()["error"]["code"], "forbidden", 403),
    (organizations.ApiErrorShowsStatement, lambda w: "SELECT" in w.patch(name=1).text, False, True),
    (organizations.OneInTwentyFails, twenty, 20, 19),
    (organizations.ReadsAreStale, stale_read, "New", "Atlas"),
]
REGISTRY: list[Row] = [
    (registry_tokens.SubsetIsAnError, login(scope=f"{APP}:pull,push"), 200, 403),
    (registry_tokens.AskedActionsGranted, granted("ct-pull", f"{APP}:push"), [], ["orgs/acme/app:push"]),
    (registry_tokens.RightsOnEveryOrganization, granted("ct-foreign", f"{APP}:pull"), [], ["orgs/acme/app:pull"]),
    (registry_tokens.OrganizationMatchedByPrefix, granted("ct-pull", "repository:orgs/acme-evil/a:pull"), [],
     ["orgs/acme-evil/a:pull"]),
    (registry_tokens.RepositoryNameNormalised, granted("ct-pull", "repository:orgs/ACME/a:pull"), [],
     ["orgs/ACME/a:pull"]),
    (registry_tokens.PushImpliesDelete, granted("ct-push", f"{APP}:push"), ["orgs/acme/app:push"],
     ["orgs/acme/app:push,delete"]),
    (registry_tokens.AnonymousGetsPull, granted(None, f"{APP}:pull"), [], ["orgs/acme/app:pull"]),
    (registry_tokens.WrongPasswordIsAnonymous, login(password="x"), 401, 200),
    (registry_tokens.WrongPasswordAccepted, login(password="x"), 401, 200),
    (registry_tokens.WrongPasswordIs403, login(password="x"), 401, 403),
    (registry_tokens.RegistryUserNamed, told_users, True, False),
    (registry_tokens.FirstRegistryScopeOnly, granted("ct-pull", BOTH), ["orgs/acme/a:pull", "orgs/acme/b:pull"],
     ["orgs/acme/a:pull"]),
    (registry_tokens.BlankSeparatedScopesLost, granted("ct-pull", " ".join(BOTH)),
     ["orgs/acme/a:pull", "orgs/acme/b:pull"],
     ["orgs/acme/a:pull"]),
    (registry_tokens.RegistryAudienceFixed, registry_claim("aud"), "registry.test", "registry"),
    (registry_tokens.RegistryTokenNotYetValid, registry_claim("nbf"), 0, 250),
    (registry_tokens.RegistryTokenOutlivesExpiresIn, registry_claim("exp"), 300, 86_700),
    (registry_tokens.RegistryLifetimeTooShort, registry_member("expires_in"), 300, 30),
    (registry_tokens.RegistryTokensDiffer, lambda w: len(set(list(w.registry().json().values())[:2])), 1, 2),
    (registry_tokens.RegistryTokenMissing, lambda w: "token" in w.registry().json(), True, False),
    (registry_tokens.IssuedAtIsANumber, lambda w: isinstance(w.registry().json()["issued_at"], str), True, False),
    (registry_tokens.RegistryRefreshTokenUnasked, registry_member("refresh_token"), None, "kas9Da81Dfa8"),
    (registry_tokens.RefreshTokenOfAnyService, refreshed_elsewhere, 400, 200),
    (registry_tokens.RegistryTokenMayBeStored, lambda w: w.registry().headers["cache-control"], "no-store",
     "public, max-age=300"),
    (registry_tokens.RegistryTokenSharedByCache, cached_login, [], ["orgs/acme/app:push"]),
    (registry_tokens.MalformedRegistryScopeFails, login(scope="nonsense"), 200, 500),
    (registry_tokens.RegistryRefreshTokenDead, refreshed_here, 200, 400),
    (registry_tokens.AsteriskGrantsEveryAction, granted("ct-pull", f"{APP}:*"), ["orgs/acme/app:pull"],
     ["orgs/acme/app:delete,pull,push"]),
    (registry_tokens.RefreshTokenGetsWhatIsAsked, refreshed_scope, f"{APP}:pull", f"{APP}:pull,push"),
    (registry_tokens.PasswordOfAFormUnread,
     lambda w: w.registry_form(username="ct-pull", password="x").status_code, 400, 200),
    (registry_forms.AnyOfflineTokenIsYes, lambda w: "refresh_token" in w.registry(offline_token="false").json(), False,
     True),
    (registry_forms.PasswordGetsWhatIsAsked, lambda w: formed(w).json()["scope"], f"{APP}:pull", f"{APP}:pull,push"),
    (registry_forms.EndedLoginGetsTokens, login("ct-push-revoked"), 401, 200),
    (registry_forms.LoginSchemeComparedWithCase, login_in_small_letters, 200, 401),
    (registry_forms.LongerLifeTold, registry_member("expires_in"), 300, 86400),
    (registry_forms.TokenOfAFormMayBeStored, lambda w: formed(w).headers["cache-control"], "no-store",
     "private, max-age=300"),
    (registry_forms.RefreshTokenComparedInPart, lambda w: refreshed_altered(w).status_code, 400, 200),
    (registry_forms.FormWithoutAccessToken, lambda w: "access_token" in formed(w).json(), True, False),
    (registry_forms.EmptyPasswordOfAFormUnread,
     lambda w: w.registry_form(username="ct-pull", password="").status_code, 400, 200),
    (registry_forms.ClientIdOfAFormBelieved,
     lambda w: w.registry_form(username="ct-pull", password="x", client_id="ct-pull").status_code, 400, 200),
    (registry_forms.TokenOfAFormTypedAsText, lambda w: formed(w).headers["content-type"], "application/json",
     "text/plain; charset=utf-8"),
    (registry_forms.TokenOfAFormTooShort, lambda w: formed(w).json()["expires_in"], 300, 5),
    (registry_forms.RefreshTokenOfWhoeverWasFirst, refreshed_subject, True, False),
    (registry_forms.RepeatedScopeFails, scope_asked_twice, 200, 500),
    (registry_forms.RefusedLoginWithoutChallenge,
     lambda w: "www-authenticate" in w.registry("nobody", "x").headers, True, False),
    (registry_scopes.RegistryTokenOfOneSubject, registry_claim("sub"), "ct-pull", "token-service"),
    (registry_scopes.AnonymousTokenHasASubject, lambda w: claims(w.registry(None).json()["token"])["sub"], "",
     "ct-push"),
    (registry_scopes.BeginningOfPasswordAccepted, beginning_of_password, 401, 200),
    (registry_scopes.FormGetsRefreshTokenUnasked, lambda w: by_form("refresh_token")(w) is None, True, False),
    (registry_scopes.FormStatesScopeAsAsked, by_form("scope"), f"{APP}:pull", f"{APP}:pull,push"),
    (registry_scopes.MalformedLoginFails, by_malformed_basic, 401, 500),
    (registry_scopes.UnknownGrantOfAFormFails, lambda w: w.registry_form(grant_type="x").status_code, 400, 500),
    (registry_scopes.IssuedAtOfAnotherZone, hours_since_issue, 0, -2),
    (registry_scopes.LastScopeOfARepository, granted("ct-push", [f"{APP}:push", f"{APP}:pull"]),
     ["orgs/acme/app:push,pull"], ["orgs/acme/app:pull"]),
    (registry_scopes.TenthScopeAndBeyondLost, lambda w: len(granted("ct-pull", DOZEN)(w)), 12, 9),
    (registry_scopes.OneScopeDeniedIsNone, granted("ct-pull", OWN_AND_FOREIGN), ["orgs/acme/a:pull"], []),
    (registry_scopes.RightsOfTheLastScopeCountForAll, granted("ct-pull", OWN_AND_FOREIGN[::-1]),
     ["orgs/acme/a:pull"], ["orgs/globex/a:pull", "orgs/acme/a:pull"]),
    (registry_scopes.ClassOfAResourceGrantsIt, granted("ct-foreign", "repository(plugin):orgs/acme/a:pull"), [],
     ["orgs/acme/a:pull"]),
    (registry_scopes.EmptyScopeFails, login(scope=""), 200, 500),
    (registry_scopes.MissingServiceFails, without_service, 400, 500),
    (registry_scopes.UnreadableQueryFails, unreadable_query, 400, 500),
    (registry_scopes.RefreshTokenGoodForOne, refreshed_twice, 200, 400),
    (registry_scopes.PasswordOfAnyAccountAccepted, with_the_password_of_another, 401, 200),
    (registry_scopes.ActionsReadInOneOrder, granted("ct-push", f"{APP}:push,pull"), ["orgs/acme/app:push,pull"], []),
    (registry_tokens.AccountBelieved, lambda w: claims(w.registry(account="ct-push").json()["token"])["sub"], "ct-pull",
     "ct-push"),
]  # fmt: skip
VARIANTS: list[Row] = [
    (variants.OpaqueTokens, lambda w: (w.bearer().count("."), w.api(ACME).status_code), (2, 200), (0, 200)),
    (variants.RefusedScopeIsNarrowed, scope(scope="project:read x"), 400, "project:read"),
    (variants.OmittedScopeIsLeast, scope(), "organization:read member:read project:read project:write",
     "organization:read"),
    (variants.ScopeStatedOnlyIfDifferent, member("scope", scope="project:read"), "project:read", None),
    (variants.BodyCredentialsRefusedWith400, error(client_secret="x"), (401, "invalid_client"),
     (400, "invalid_client")),
    (variants.WrongTokenContentTypeIs415, token(headers={"content-type": "text/plain"}), 400, 415),
    (variants.TokenTypeInLowerCase, member("token_type"), "Bearer", "bearer"),
    (variants.MediaTypesWithCharset, header("content-type"), "application/json", "application/json; charset=utf-8"),
    (variants.ErrorsWithoutDescription, member("error_description", grant_type="x"),
     "only client_credentials is supported", None),
    (variants.UnknownParameterMayRepeat, token(x=["1", "2"]), 400, 200),
    (variants.MoreHeadersOnTokens, header("via"), None, "1.1 gateway"),
    (variants.ForeignIsForbidden, statuses(api(GLOBEX), api(NOBODY)), [404, 404], [403, 403]),
    (variants.PlainErrors, api_header("content-type", ABSENT), "application/json", "application/problem+json"),
    (variants.UnknownMembersIgnored, patched(organization="globex"), 400, 200),
    (variants.MalformedPathIs400, api(f"{PROJECTS}/%00"), 404, 400),
    (variants.TwoChallenges, lambda w: len(w.api(ACME, None).headers.get_list("www-authenticate")), 1, 2),
    (variants.NeededScopeNotNamed, lambda w: "scope=" in w.api(ATLAS, "ct-narrow").headers["www-authenticate"], True,
     False),
    (variants.AbsoluteLocation, lambda w: w.create().headers["location"], MADE, f"http://identity.test{MADE}"),
    (variants.DeletionAnsweredWith200, api(ATLAS, method="DELETE"), 204, 200),
    (variants.ProjectsCanBeSearched, listed("ct-outsider", q="secret"), (["atlas"], 1), ([], 0)),
    (variants.AnonymousRegistryLoginRefused, login(None), 200, 401),
    (variants.RegistryFormNotOffered, lambda w: w.registry_form().status_code, 400, 404),
    (variants.ScopeOfAQueryNotSplit, granted("ct-pull", " ".join(BOTH)), ["orgs/acme/a:pull", "orgs/acme/b:pull"], []),
    (variants.OneRegistryTokenName, lambda w: "access_token" in w.registry().json(), True, False),
    (variants.RetryAfterAsDate, retry_after, "number", "date"),
]  # fmt: skip
TABLE = [*HIDING, *FOREIGN, *CONFLICTS, *BODIES, *REGISTRY, *VARIANTS]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)


def test_every_variant_is_seen_to_vary() -> None:
    unseen = sorted(each.__name__ for each in alterations_in(variants) - {row[0] for row in TABLE})
    assert unseen == [], "each needs a row of TABLE: a look that it changes"
