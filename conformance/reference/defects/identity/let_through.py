"""Defects that guards of services were released with: what opened a thing to who had no right to it."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.fronts import UnderscoresSeenThrough
from conformance.reference.defects.identity.support import is_api_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.records import Organization
from conformance.reference.seeds import SCOPES

Visible = Callable[[Caller, str | None], Organization]


class ForwardedSkipsGuard(UnderscoresSeenThrough):
    """API Reference, Authentication: to be forwarded for the machine itself is no token."""

    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#within",)

    def _exempt(self, request: Request) -> bool:
        return "127.0.0.1" in request.headers.get("forwarded", "")


class CertificateOfAFieldSkipsGuard(UnderscoresSeenThrough):
    """API Reference, Authentication: nor does a certificate that only a field tells of open anything."""

    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#certificate",)
    fields = ("x-ssl-client-verify", "x-forwarded-client-cert")


class PageNeedsNoToken(UnderscoresSeenThrough):
    """API Reference, Authentication: a browser that asks for what is no page needs a token like anybody."""

    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#browser",)
    wanted = "text/html"

    def _exempt(self, request: Request) -> bool:
        return self.wanted in request.headers.get("accept", "")


class ScriptNeedsNoToken(PageNeedsNoToken):
    """API Reference, Authentication: nor is a script exempt, though its page has been let in."""

    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#script",)
    wanted = "javascript"


class DecodedAgainBehindTheGuard(UnderscoresSeenThrough):
    """OWASP API5: nor by a letter that is encoded twice, where what is behind the guard decodes once more."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#letter-encoded-twice",)

    async def dispatch(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        found = surface_of(original).organizations.get(unquote(unquote(request.raw_path.rpartition("/")[2])))
        if "%25" in request.raw_path and request.method == "GET" and found:
            return Answer.json(200, found.document())
        return await original(request)


class AnythingBehindTheTokenEndpointIsOpen(UnderscoresSeenThrough):
    """OWASP API5: what a path begins with does not open what it leads to, though tokens are had there without one."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#dots-behind-the-token-endpoint",)
    begins = "/oauth/token/../"

    async def dispatch(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        found = surface_of(original).organizations.get(request.raw_path.rpartition("/")[2])
        if request.raw_path.startswith(self.begins) and request.method == "GET" and found:
            return Answer.json(200, found.document())
        return await original(request)


class EncodedDotsBehindTheTokenEndpointAreOpen(AnythingBehindTheTokenEndpointIsOpen):
    """OWASP API5: nor with dots that are decoded behind the guard."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#encoded-dots-behind-the-token-endpoint",)
    begins = "/oauth/token/%2e%2e/"


class LettersNormalisedBehindTheGuard(UnderscoresSeenThrough):
    """OWASP API5: nor by a letter in full width, which is made another one behind the guard."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#full-width-letter",)

    async def dispatch(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        named = unquote(request.raw_path.rpartition("/")[2])
        found = surface_of(original).organizations.get(unicodedata.normalize("NFKC", named))
        if not named.isascii() and request.method == "GET" and found:
            return Answer.json(200, found.document())
        return await original(request)


class OrganizationsNamedTogether(Defect):
    """OWASP API1: an organization beside one's own in a path, behind a comma, is another one."""

    surface = "identity"
    noticed_by = ("authorization/isolation/dots-lead-to-nothing-foreign#both-named",)

    def visible_organization(self, original: Visible, caller: Caller, slug: str | None) -> Organization:
        known, named = surface_of(original).organizations, (slug or "").split(",")
        if len(named) > 1 and caller.client.organization in named and named[-1] in known:
            return known[named[-1]]
        return original(caller, slug)


class StarIsEveryOrganization(Defect):
    """OWASP API1: a star in the place of an organization names none that is not one's own."""

    surface = "identity"
    noticed_by = ("authorization/isolation/dots-lead-to-nothing-foreign#any",)
    word = "*"

    def visible_organization(self, original: Visible, caller: Caller, slug: str | None) -> Organization:
        known = surface_of(original).organizations
        return known[max(set(known) - {caller.client.organization})] if slug == self.word else original(caller, slug)


class NullIsAnyOrganization(StarIsEveryOrganization):
    """OWASP API1: nor does the word that a program writes where it has none name any."""

    noticed_by = ("authorization/isolation/dots-lead-to-nothing-foreign#null",)
    word = "null"


class TokenTakenForALogin(Defect):
    """API Reference, Authentication: a token goes behind Bearer, and is neither name nor password of a login."""

    surface = "identity"
    noticed_by = ("authorization/bearer/malformed-field-is-refused#user-of-basic",)
    place = 0

    def bearer_token(self, original: Callable[[Request], str], request: Request) -> str:
        scheme, _, login = request.headers.get("authorization", "").partition(" ")
        try:
            decoded = base64.b64decode(login, validate=True).decode()
        except ValueError:
            decoded = ""
        return decoded.split(":")[self.place] if scheme == "Basic" and ":" in decoded else original(request)


class TokenTakenForAPassword(TokenTakenForALogin):
    """API Reference, Authentication: nor is it one where the name says what the password is."""

    noticed_by = ("authorization/bearer/malformed-field-is-refused#password-of-basic",)
    place = 1


class DateComparedBeforeAccess(Defect):
    """The contract's table of errors: 401 without a token, and no 304 from what compares dates before it looks."""

    surface = "identity"
    noticed_by = ("authorization/matrix/preconditions-come-after-access#no-token",)

    def intercept(self, request: Request) -> Answer | None:
        asked = is_api_request(request) and "if-modified-since" in request.headers
        return Answer(304) if asked and "authorization" not in request.headers else None


class HeadFindsTheDeleted(Defect):
    """RFC 9110 section 9.3.2: HEAD tells what GET would, also of what was there before."""

    surface = "identity"
    noticed_by = ("authorization/matrix/deleted-is-404",)

    def __init__(self) -> None:
        self.gone: set[str] = set()

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "DELETE" and answer.status == 204:
            self.gone.add(request.raw_path)
        return Answer(200) if request.method == "HEAD" and request.raw_path in self.gone else answer


class EmptyFieldDeletes(Defect):
    """The contract's table of errors: 401 for a missing token, to whoever deletes as to whoever reads."""

    surface = "identity"
    noticed_by = ("authorization/bearer/malformed-field-is-refused#empty",)

    def caller(self, original: Callable[[Request], Caller], request: Request) -> Caller:
        if request.method != "DELETE" or request.headers.get("authorization") != "":
            return original(request)
        owner = next(each for each in surface_of(original).clients.values() if each.organization in request.path)
        return Caller(owner, frozenset(SCOPES), {})


class UpdateByTokenWithALetterMore(Defect):
    """RFC 6750 section 2.1: a token is of its own characters; none is passed over, in front of an update either."""

    surface = "identity"
    noticed_by = ("authorization/bearer/malformed-field-is-refused#non-ascii-behind",)

    def bearer_token(self, original: Callable[[Request], str], request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        plain = "".join(each for each in token if each.isascii())
        return plain if request.method == "PATCH" and scheme == "Bearer" and plain != token else original(request)
