"""Keeps secrets out of all output: replaces known values by their ``$NAME``.

A secret is replaced in all its encodings: plain, percent-encoded, form-encoded, JSON, XML, and inside Basic
credentials. In sensitive places of a request parts of it are replaced too, since checks send altered secrets. The file
stays whole above 400 lines: all ways of finding a secret share the known ones.

- ``$NAME_PERCENT_ENCODED``: a percent-encoded secret that differs from the plain one;
- ``$NAME_ALL_ENCODED``: one in which characters are encoded that need not be;
- ``$NAME~altered``: the rest of an altered secret, with the alteration if a script can repeat it
  (``$NAME~altered-cut-1``), or a part of a JWT among other parts (``$NAME~altered-claims``).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote

from conformance.evidence.secret_encodings import (
    SURROGATES,
    KnownForms,
    alteration_of,
    lower_in_place,
    pattern_of,
    text_forms,
    url_forms,
)
from conformance.evidence.token_discovery import created_in, issued_in, issued_tokens
from conformance.target.description import SHORTEST_SECRET
from conformance.vocabulary.values import base64url, is_common

FRAGMENT = 8
LEAST_PARTED = 3 * FRAGMENT
"""The length from which a secret contains an intact fragment whichever character is changed."""
GLIMPSE = 5
ALTERED = "~altered"
PARTS = ("header", "claims", "signature")
"""The parts of a JWT in compact form, in order (RFC 7515 section 7.1)."""
ENCODED, ALL_ENCODED = "_PERCENT_ENCODED", "_ALL_ENCODED"
FROM_RESPONSES = ("ISSUED_TOKEN", "CREATED_SECRET")
STEP = FRAGMENT - GLIMPSE + 1
"""Every fragment in a text contains one of the glimpses that are taken at this distance."""
LONG, LEAST_WORD = 20, 12
REMEMBERED = 4096
REMEMBERED_LENGTH = 256
REMEMBERED_BODIES = 32
LONGEST_REMEMBERED = 64 * 1024
LONGEST_PATTERN = 4096
"""The longest secret that is replaced by a regular expression, in characters."""
SENSITIVE_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-amz-security-token"})
SENSITIVE_PARAMETER = re.compile(
    r"(?P<before>\b(?:client_secret|password|access_token|refresh_token|token|secret)[\"']?\s*[=:]\s*(?P<quote>[\"'])?)"
    r"(?P<value>(?(quote)[^\"']*|[^&\"'\s,}]*))"
)
MOST_CREATED = 1000
"""The most client secrets in responses that are redacted; more would slow down the whole run."""
TOKEN, WORD = (re.compile(rf"[A-Za-z0-9_.~-]{{{shortest},}}") for shortest in (LONG, LEAST_WORD))
NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
URL_SAFE = str.maketrans("-_", "+/")
# An unreserved character that is percent-encoded (RFC 3986 section 2.3), and texts that may contain one.
LETTER = re.compile(r"%(?:2[DE]|3\d|[46][1-9A-F]|5[0-9AF]|7[0-9AE])", re.IGNORECASE)
ENCODED_TEXT = re.compile(r"(?:%[0-9A-Fa-f]{2}|[\w.~+/-])+", re.ASCII)
NAME = re.compile(r"\$([A-Z][A-Z0-9_]*)")
# An Authorization field that a target repeats in a text, or in JSON that escapes the solidus.
BASIC = re.compile(r"(?P<scheme>\bbasic(?:\s|%20|\+)+)(?P<value>(?:[\w+/=-]|\\/){8,})", re.ASCII | re.IGNORECASE)
URL = re.compile(r"https?://[^/@]+(?P<rest>/.*)")


class Redactor:
    """Knows the secrets of a run by name and replaces them in text.

    The few secrets of the target file are found by a pattern. Tokens, of which a run may issue thousands, are found by
    looking up each long sequence of token characters.
    """

    def __init__(self) -> None:
        self._names = KnownForms()
        self._tokens: dict[str, str] = {}
        self._fragments: dict[str, str] = {}
        self._glimpses: set[str] = set()
        self._public: set[str] = set()
        # Secrets that fragments do not find reliably: short, common, or partly public ones.
        self._weak: dict[str, str] = {}
        self._known: dict[str, str] = {}
        # Secrets of the target file in lower case: a server may repeat one in another letter case.
        self._lowered: dict[str, str] = {}
        # Claims and signatures of JWTs; many tokens share a header.
        self._parts: dict[str, str] = {}
        self._serials: dict[str, int] = {}
        self._created = 0
        # Caches: most header fields, URLs and bodies occur many times.
        self._seen: dict[str, str] = {}
        self._seen_bodies: dict[str, str] = {}

    def learn(self, name: str, value: str) -> None:
        """Remember a secret under a name (``CT_FULL_SECRET``).

        A common word (``is_common``) is replaced in places for secrets and as the value of a parameter, but not in
        sentences. A secret of fewer than four characters is not replaced.
        """
        if len(value) < SHORTEST_SECRET:
            return
        if name not in self._known:
            self.publish(name)
        self._known[name] = value
        self._seen.clear()
        self._seen_bodies.clear()
        if TOKEN.fullmatch(value) and not is_common(value):
            self._tokens[value] = name
            if value.count(".") == len(PARTS) - 1:
                self._parts.update((each, value) for each in value.split(".")[1:] if len(each) >= FRAGMENT)
        else:
            if len(value) < LEAST_PARTED:
                self._weak[name] = value
            encoded = url_forms(value) - text_forms(value)
            self._names.add(encoded, f"{name}{ENCODED}")
            self._names.add(text_forms(value), name)
            if encoded:
                self._known[f"{name}{ENCODED}"] = quote(value, safe="", errors=SURROGATES)
        if is_common(value):
            # Its fragments occur in other texts.
            self._weak[name] = value
            return
        if name not in FROM_RESPONSES:
            self._lowered.update((form.lower(), name) for form in text_forms(value) if self._identifies(form.lower()))
        # The host of a secret URL is no secret.
        address = URL.fullmatch(value)
        hidden = address["rest"] if address else value
        for form in text_forms(hidden) | url_forms(hidden):
            lowered = form.lower()
            stride = 1 if len(form) < 3 * FRAGMENT * FRAGMENT else FRAGMENT
            for start in range(0, len(lowered) - FRAGMENT + 1, stride):
                fragment = lowered[start : start + FRAGMENT]
                if fragment in self._public:
                    self._weak[name] = value
                else:
                    self._fragments[fragment] = name
                self._glimpses.update(lowered[each : each + GLIMPSE] for each in range(start, start + STEP))

    def _identifies(self, lowered: str) -> bool:
        """Return whether a text in lower case is long enough to identify a secret, and not public."""
        return any(lowered[each : each + FRAGMENT] not in self._public for each in range(len(lowered) - FRAGMENT + 1))

    def publish(self, text: str) -> None:
        """Treat a text as public, so its fragments identify no secret: a password may contain the repository's name.

        Such a secret is still replaced as a whole, and by its other fragments.
        """
        lowered = text.lower()
        for start in range(len(lowered) - FRAGMENT + 1):
            fragment = lowered[start : start + FRAGMENT]
            self._public.add(fragment)
            if name := self._fragments.pop(fragment, ""):
                self._weak[name] = self._known[name]

    def learn_digest(self, name: str, digest: str) -> None:
        """Remember a digest of a secret, which may reveal a short one; its fragments are not redacted."""
        self._names[digest], self._known[name] = name, digest

    def learn_login(self, name: str, user: str, value: str) -> None:
        """Remember the base64 forms of a secret: with its user name (RFC 7617 section 2), and alone."""
        for text in {f"{user}:{value}", f"{quote_plus(user)}:{quote_plus(value)}", value} - {""}:
            self._names[base64.b64encode(text.encode()).decode()] = f"{name}_IN_BASE64"

    def learn_issued(self, text: str) -> None:
        """Remember the tokens that a JSON response issues; a client may name them later."""
        for token, written in issued_in(text):
            self._serials.setdefault(token, len(self._serials) + 1)
            if token not in self._tokens:
                self.learn("ISSUED_TOKEN", token)
            if token != written:
                # Many servers escape characters in JSON that are frequent in tokens.
                self._names[written] = "ISSUED_TOKEN"

    def learn_created(self, body: bytes) -> None:
        """Remember the client secrets of newly created credentials in a JSON response."""
        for secret in {text for each in created_in(body) for text in each} - self._tokens.keys() - self._names.keys():
            if self._created < MOST_CREATED:
                self._created += 1
                self.learn("CREATED_SECRET", secret)

    def issued(self, text: str) -> list[int]:
        """Return the numbers of the tokens that a JSON response issues, in order; equal for equal tokens."""
        return [self._serials.get(each, 0) for each in issued_tokens(text)] if self._serials else []

    def issued_in(self, texts: Iterable[str], altered: bool = False) -> dict[str, int]:
        """Return the numbers of issued tokens in texts, by name; ``altered``: include altered ones."""
        found = {match for text in texts for match in TOKEN.findall(text)} if self._serials else set()
        if altered:
            found |= {self._source(each) for each in found}
        return {self._tokens[each]: self._serials[each] for each in found if each in self._serials}

    def _source(self, text: str) -> str:
        """Return the token that a text is a simple alteration of, or has parts of; "" for any other text."""
        if token := self._with_part_of(text):
            return token
        name = self._first_part(lower_in_place(text))[1]
        token = self._known.get(name, "")
        return token if token in self._tokens and alteration_of(token, text) else ""

    def _with_part_of(self, text: str) -> str:
        """Return the token whose claims or signature a JWT contains; "" for any other text."""
        return next((self._parts[each] for each in text.split(".")[1:] if each in self._parts), "")

    def value_of(self, name: str) -> str | None:
        """Return the latest secret of a name; None for an unknown name."""
        return self._known.get(name)

    def names_in(self, texts: Iterable[str]) -> list[str]:
        """Return the names of secrets in redacted texts; other ``$NAMES`` do not count."""
        found = {name for text in texts if "$" in text for name in NAME.findall(text)}
        return sorted(found.intersection(self._known))

    def text(self, text: str) -> str:
        """Return the text with each known secret replaced by ``$NAME``."""
        if len(text) > LONGEST_REMEMBERED:
            return self._replaced(text)
        long = len(text) > REMEMBERED_LENGTH
        seen = self._seen_bodies if long else self._seen
        replaced = seen.get(text)
        if replaced is None:
            replaced = self._replaced(text)
            if len(seen) >= (REMEMBERED_BODIES if long else REMEMBERED):
                seen.clear()
            seen[text] = replaced
        return replaced

    def _replaced(self, text: str) -> str:
        if "asic" in text or "ASIC" in text:
            # First, as in a header field.
            text = BASIC.sub(lambda match: match["scheme"] + self._basic(match["value"].replace("\\", "")), text)
        if "%" in text and LETTER.search(text):
            text = ENCODED_TEXT.sub(self._decoded, text)
        text = self._in_any_case(self._exactly(text))
        return WORD.sub(self._word, text) if self._tokens else text

    def _in_any_case(self, text: str) -> str:
        """Return the text without secrets of the target file in another letter case."""
        lowered = lower_in_place(text)
        for form, name in [each for each in list(self._lowered.items()) if each[0] in lowered]:
            end, pieces, lowered = 0, list[str](), lower_in_place(text)
            while (place := lowered.find(form, end)) >= 0:
                before, end = text[end:place], place + len(form)
                found = text[place:end]
                way = alteration_of(self._known[name], found)
                # Whole tokens are replaced with the words.
                pieces += [before, found if found in self._tokens else f"${name}{ALTERED}{way and '-'}{way}"]
            text = "".join([*pieces, text[end:]])
        return text

    def _exactly(self, text: str, expected: bool = False) -> str:
        """Return the text with each whole secret replaced; common words only if secrets are ``expected``."""
        # Faster than one pattern of all, which is long and changes with each token.
        found = self._names.found_in(text)
        if not found:
            return text
        for each in (form for form in found if len(form) > LONGEST_PATTERN):
            # Compiling a pattern takes 90 bytes of memory for each character.
            text = text.replace(each, f"${self._names[each]}")
        pattern = "|".join(pattern_of(each, expected) for each in found if len(each) <= LONGEST_PATTERN)
        return re.sub(pattern, lambda match: f"${self._names[match.group()]}", text) if pattern else text

    def _decoded(self, match: re.Match[str]) -> str:
        """Redact a text with percent-encoded unreserved characters."""
        text = match.group()
        plain = unquote(text)
        if plain == text:
            return text
        name = self._tokens.get(plain) or self._names.get(plain)
        if name:
            self._known.setdefault(f"{name}{ALL_ENCODED}", text)
            return f"${name}{ALL_ENCODED}"
        redacted = self.redact_parts(self.text(plain))
        return text if redacted == plain else redacted

    def _word(self, match: re.Match[str]) -> str:
        """Redact a word that is a token, or contains a part of a secret."""
        found = match.group()
        if name := self._tokens.get(found):
            return f"${name}"
        name = self._first_part(lowered := lower_in_place(found))[1]
        # A short word may share a fragment with a secret by chance, so it must be a part of the secret itself.
        if not name or (len(found) < LONG and lowered not in self._known.get(name, "").lower()):
            return found
        return self._altered_token(found) or (found if self._only_shares_claims(found) else self.redact_parts(found))

    def _only_shares_claims(self, text: str) -> bool:
        """Return whether a text shares only fragments of header or claims with JWTs, which grant no access.

        Two encodings of one name share fragments, such as claims and a page token that name one repository.
        """
        lowered = lower_in_place(text)
        pieces = [lowered[start : start + FRAGMENT] for start in range(len(lowered) - FRAGMENT + 1)]
        shared = [(each, self._known.get(self._fragments[each], "")) for each in pieces if each in self._fragments]
        return "." not in text and all(
            token.count(".") == len(PARTS) - 1 and each in token.rpartition(".")[0].lower() for each, token in shared
        )

    def _altered_token(self, found: str) -> str:
        """Return the notation for an altered token; "" for any other text, and for a token itself."""
        simple = self._altered_secret(found)
        return "" if found in self._tokens else simple if simple != found else self._of_parts(found)

    def _of_parts(self, found: str) -> str:
        """Redact a JWT with a part of a known token, part by part; "" for any other text."""
        parts, token = found.split("."), self._with_part_of(found)
        if not token:
            return ""
        own = dict(zip(token.split("."), PARTS, strict=True))
        redacted = [
            f"${self._tokens[token]}{ALTERED}-{own[each]}" if each in own else self.redact_parts(each) for each in parts
        ]
        removed = f"${self._tokens[token]}{ALTERED}"
        if parts[0] not in own:
            # A visible forged header lets a reader repeat the forgery.
            redacted[0] = parts[0] if self._is_harmless(parts[0]) else removed
        if len(set(parts[-1])) > 1 and parts[-1] not in own:
            redacted[-1] = removed
        return ".".join(redacted)

    def _is_harmless(self, part: str) -> bool:
        """Return whether a JWT header contains no secret."""
        try:
            plain = base64url(part).decode("utf-8")
            json.loads(plain)
            # Whole secrets only: encoded certificates may share fragments with tokens.
            return not any(form in plain for value in self._known.values() for form in text_forms(value))
        except (ValueError, RecursionError):
            return False

    def header(self, name: str, value: str) -> str:
        """Return a header field's value with secrets, Basic credentials and parts of secrets replaced."""
        if name.lower() not in SENSITIVE_HEADERS:
            return self.text(value)
        scheme, blank, credentials = value.partition(" ")
        if scheme.lower() == "basic":
            # First, because a part of the encoding may look like a token, and the rest would remain.
            return f"{scheme}{blank}{self._basic(credentials)}"
        # The text before the first blank may also be a cookie, or a token without a scheme.
        alone = credentials and not name.lower().endswith("cookie") and self.redact_parts(self.text(scheme)) == scheme
        if alone and (redacted := self._as_basic(credentials) or self._altered_token(credentials)):
            return f"{scheme}{blank}{redacted}"
        value = self.text(self._exactly(value, expected=True))
        return value if scheme == "AWS4-HMAC-SHA256" else self.redact_parts(value)

    def body(self, text: str) -> str:
        """Return a body with secrets replaced, and parts of secrets in parameters for secrets."""
        if not any(word in text for word in ("secret", "token", "password")):
            # Fast path: the name of each such parameter contains one of these words.
            return self.text(text)
        # First, because a whole secret may contain a delimiter of parameters.
        text = self._exactly(text)
        # Second, because a part of the rest of a secret may look like a token.
        text = SENSITIVE_PARAMETER.sub(lambda m: m["before"] + self._altered_secret(m["value"]), text)
        return SENSITIVE_PARAMETER.sub(lambda m: m["before"] + self.redact_parts(m["value"]), self.text(text))

    def cut(self, text: str) -> str:
        """Return a truncated text without the start of a secret at its end."""
        for form, name in list(self._names.items()):
            place = text.find(form[:FRAGMENT], max(0, len(text) - len(form) + 1))
            while place >= 0:
                if form.startswith(text[place:]):
                    return f"{text[:place]}${name}{ALTERED}"
                place = text.find(form[:FRAGMENT], place + 1)
        return text

    def _altered_secret(self, text: str) -> str:
        """Return the notation for a secret or a simple alteration of one; any other text unchanged."""
        if known := self._first_part(lower_in_place(text))[1]:
            way = alteration_of(self._known[known], text) if known in self._known else ""
            return f"${known}{ALTERED}-{way}" if way else text
        # No fragment identifies these. A copy, because other threads may add to them.
        for name, value in list(self._weak.items()):
            if value in text:
                return text.replace(value, f"${name}")
            if encoded := next((each for each in url_forms(value) if each in text), ""):
                return text.replace(encoded, f"${name}{ENCODED}")
            # Percent-encoding triples the length.
            if len(value) < 2 * len(text) <= 6 * len(value) and (way := alteration_of(value, text)):
                return f"${name}{ALTERED}-{way}"
        return text

    def _first_part(self, lowered: str) -> tuple[int, str]:
        """Return place and name of the first fragment of a secret in a lower-case text; -1 and "" for none."""
        if not self._glimpses.isdisjoint([lowered[each : each + GLIMPSE] for each in range(0, len(lowered), STEP)]):
            for start in range(len(lowered) - FRAGMENT + 1):
                if name := self._fragments.get(lowered[start : start + FRAGMENT]):
                    return start, name
        return -1, ""

    def redact_parts(self, text: str) -> str:
        """Return the text with parts of known secrets replaced by ``$NAME~altered``."""
        lowered = lower_in_place(text)
        start, name = self._first_part(lowered)
        if not name:
            return text
        end = last = start + FRAGMENT
        # Fragments of long secrets start at every eighth character, so a gap of up to eight is still the secret.
        while end < len(text) and end - last < FRAGMENT:
            end += 1
            further = self._fragments.get(lowered[end - FRAGMENT : end])
            if further:
                # Tokens of one issuer begin alike; later fragments identify the token.
                name, last = further, end
        return f"{text[:start]}${name}{ALTERED}{self.redact_parts(text[last:])}"

    def _basic(self, credentials: str) -> str:
        try:
            plain = base64.b64decode(credentials, validate=True).decode("utf-8")
        except ValueError:  # not base64, not UTF-8, or not ASCII
            return self._almost_basic(credentials)
        user, colon, password = plain.partition(":")
        redacted = self.redact_parts(self.text(f"{user}{colon}{self._altered_secret(password)}"))
        return credentials if redacted == plain else f"<base64 of {redacted}>"

    def _as_basic(self, credentials: str) -> str:
        """Redact Basic credentials with a secret under another scheme; "" for any others."""
        try:
            plain = base64.b64decode(credentials, validate=True).decode("utf-8")
        except ValueError:
            return ""
        redacted = self.text(plain)
        return "" if redacted == plain else f"<base64 of {redacted}>"

    def _almost_basic(self, credentials: str) -> str:
        """Redact credentials in invalid base64, which most servers can still decode."""
        found = NOT_BASE64.sub("", credentials.translate(URL_SAFE))
        whole = found[: len(found) - (len(found) % 4 == 1)]
        plain = base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("utf-8", "replace")
        redacted = self.redact_parts(self.text(plain))
        if redacted != plain:
            return f"<almost base64 of {redacted}>"
        return self.redact_parts(self.text(self._exactly(credentials, expected=True)))
