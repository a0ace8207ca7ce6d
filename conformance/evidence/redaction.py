"""Keeps secrets out of everything that is written: known values are replaced by their ``$NAME``.

A secret is replaced in all the forms in which it travels (as is, percent-encoded, form-encoded, JSON, XML, and
inside Basic credentials), and in the sensitive places of a request also where only a part of it is there,
since checks send secrets that are cut, padded or otherwise almost right. Percent-encoded it is called
``$NAME_PERCENT_ENCODED`` where that is another text than the secret itself, and ``$NAME_ALL_ENCODED`` where
also letters are encoded that need not be. What is left of one that was altered is ``$NAME~altered``, with the
way where it is a simple one (``$NAME~altered-cut-1``), so that it can be sent again; and so are parts of a JWT that
stand beside other parts than their own (``$NAME~altered-claims``).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote

from conformance.evidence.secret_encodings import (
    HALVES,
    KnownForms,
    as_encoded,
    as_written,
    found_as,
    in_small_letters,
    way_of,
)
from conformance.evidence.token_discovery import created_in, issued_in, issued_tokens
from conformance.target.description import SHORTEST_SECRET
from conformance.vocabulary.values import base64url, is_common

FRAGMENT = 8
LEAST_PARTED = 3 * FRAGMENT
"""So long is a secret of which a fragment is left, whichever letter of it is changed."""
GLIMPSE = 5
ALTERED = "~altered"
PARTS = ("header", "claims", "signature")
"""Of a JWT in its compact form, in their order (RFC 7515 section 7.1)."""
ENCODED, ALL_ENCODED = "_PERCENT_ENCODED", "_ALL_ENCODED"
STEP = FRAGMENT - GLIMPSE + 1
"""Wherever a fragment stands in a text, one of the glimpses that are taken of it, a step apart, lies inside it."""
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
"""So many client secrets that answers show are kept out: a target that shows ever more would slow everything down."""
TOKEN, WORD = (re.compile(rf"[A-Za-z0-9_.~-]{{{shortest},}}") for shortest in (LONG, LEAST_WORD))
NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
URL_SAFE = str.maketrans("-_", "+/")
# A letter, a digit or another character that is encoded though it need not be (RFC 3986 section 2.3), and such texts.
LETTER = re.compile(r"%(?:2[DE]|3\d|[46][1-9A-F]|5[0-9AF]|7[0-9AE])", re.IGNORECASE)
ENCODED_TEXT = re.compile(r"(?:%[0-9A-Fa-f]{2}|[\w.~+/-])+", re.ASCII)
NAME = re.compile(r"\$([A-Z][A-Z0-9_]*)")
# An Authorization field that a target shows to who sent it, in a text or in JSON that escapes the solidus.
BASIC = re.compile(r"(?P<scheme>\bbasic(?:\s|%20|\+)+)(?P<value>(?:[\w+/=-]|\\/){8,})", re.ASCII | re.IGNORECASE)
URL = re.compile(r"https?://[^/@]+(?P<rest>/.*)")


class Redactor:
    """Knows the secrets of a run by name and replaces them in text.

    Few secrets are of the target file; many are tokens made during the run. The first are found by one pattern, the
    others by looking up each long run of token characters, so that a run that makes a thousand tokens stays quick.
    """

    def __init__(self) -> None:
        self._names = KnownForms()
        self._tokens: dict[str, str] = {}
        self._fragments: dict[str, str] = {}
        self._glimpses: set[str] = set()
        self._public: set[str] = set()
        # Of these no fragment may be left where a letter is changed: they are short, common, or in part public.
        self._given: dict[str, str] = {}
        self._known: dict[str, str] = {}
        # What differs from token to token: the header of a JWT is its issuer's, and the same in many.
        self._parts: dict[str, str] = {}
        self._serials: dict[str, int] = {}
        self._created = 0
        # Most header fields and URLs of a check come again and again; what was written is read, often by many.
        self._seen: dict[str, str] = {}
        self._seen_bodies: dict[str, str] = {}

    def learn(self, name: str, value: str) -> None:
        """Remember a secret under a name (``CT_FULL_SECRET``).

        A common word (``is_common``) is replaced where secrets are expected and as the value of a parameter, not in
        sentences; one of under four characters is not replaced.
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
                self._given[name] = value
            encoded = as_encoded(value) - as_written(value)
            self._names.add(encoded, f"{name}{ENCODED}")
            self._names.add(as_written(value), name)
            if encoded:
                self._known[f"{name}{ENCODED}"] = quote(value, safe="", errors=HALVES)
        if is_common(value):
            # Its fragments are fragments of other texts, too.
            self._given[name] = value
            return
        # What a URL has in common with every other one of its host is no part of a secret.
        address = URL.fullmatch(value)
        hidden = address["rest"] if address else value
        for form in as_written(hidden) | as_encoded(hidden):
            lowered = form.lower()
            stride = 1 if len(form) < 3 * FRAGMENT * FRAGMENT else FRAGMENT
            for start in range(0, len(lowered) - FRAGMENT + 1, stride):
                fragment = lowered[start : start + FRAGMENT]
                if fragment in self._public:
                    self._given[name] = value
                else:
                    self._fragments[fragment] = name
                self._glimpses.update(lowered[each : each + GLIMPSE] for each in range(start, start + STEP))

    def publish(self, text: str) -> None:
        """Has what a text says taken for no part of a secret: a password may hold the name of the repository.

        Such a secret is still replaced where it is whole, and where more is left of it than that.
        """
        lowered = text.lower()
        for start in range(len(lowered) - FRAGMENT + 1):
            fragment = lowered[start : start + FRAGMENT]
            self._public.add(fragment)
            if name := self._fragments.pop(fragment, ""):
                self._given[name] = self._known[name]

    def learn_digest(self, name: str, digest: str) -> None:
        """Remember a digest of a secret, from which a short one can be guessed; its parts may be parts of others."""
        self._names[digest], self._known[name] = name, digest

    def learn_login(self, name: str, user: str, value: str) -> None:
        """Remember a secret also in base64: with its user's name (RFC 7617 section 2), and alone."""
        for text in {f"{user}:{value}", f"{quote_plus(user)}:{quote_plus(value)}", value} - {""}:
            self._names[base64.b64encode(text.encode()).decode()] = f"{name}_IN_BASE64"

    def learn_issued(self, text: str) -> None:
        """Remembers the tokens that a JSON answer issues, before anybody gives them a better name."""
        for token, written in issued_in(text):
            self._serials.setdefault(token, len(self._serials) + 1)
            if token not in self._tokens:
                self.learn("ISSUED_TOKEN", token)
            if token != written:
                # JSON permits to escape any character, and many servers escape some that are frequent in tokens.
                self._names[written] = "ISSUED_TOKEN"

    def learn_created(self, said: bytes) -> None:
        """Remembers the client secrets that a JSON answer shows, of credentials that are not of the target file."""
        for secret in {text for each in created_in(said) for text in each} - self._tokens.keys() - self._names.keys():
            if self._created < MOST_CREATED:
                self._created += 1
                self.learn("CREATED_SECRET", secret)

    def issued(self, text: str) -> list[int]:
        """Which tokens a JSON answer issues, in its order: a number each, the same one for the same token."""
        return [self._serials.get(each, 0) for each in issued_tokens(text)] if self._serials else []

    def issued_in(self, texts: Iterable[str], altered: bool = False) -> dict[str, int]:
        """Which of the tokens that were issued stand in texts, by the names that they have there.

        ``altered``: also those of which something there was made.
        """
        found = {match for text in texts for match in TOKEN.findall(text)} if self._serials else set()
        if altered:
            found |= {self._source(each) for each in found}
        return {self._tokens[each]: self._serials[each] for each in found if each in self._serials}

    def _source(self, text: str) -> str:
        """The token that a text was made of, in a simple way or of its parts; "" for any other text."""
        if token := self._with_part_of(text):
            return token
        name = self._first_part(in_small_letters(text))[1]
        token = self._known.get(name, "")
        return token if token in self._tokens and way_of(token, text) else ""

    def _with_part_of(self, text: str) -> str:
        """The token whose claims or signature a JWT has; "" for any other text."""
        return next((self._parts[each] for each in text.split(".")[1:] if each in self._parts), "")

    def value_of(self, name: str) -> str | None:
        """The secret that a name stands for, the last where there were several; None for a name that is not known."""
        return self._known.get(name)

    def names_in(self, texts: Iterable[str]) -> list[str]:
        """The names of secrets that stand in redacted texts; a ``$NAME`` that was there before is none."""
        found = {name for text in texts if "$" in text for name in NAME.findall(text)}
        return sorted(found.intersection(self._known))

    def text(self, text: str) -> str:
        """The text with each known secret replaced by ``$NAME``."""
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
            # Before all else, as in a header field.
            text = BASIC.sub(lambda match: match["scheme"] + self._basic(match["value"].replace("\\", "")), text)
        if "%" in text and LETTER.search(text):
            text = ENCODED_TEXT.sub(self._decoded, text)
        text = self._exactly(text)
        return WORD.sub(self._word, text) if self._tokens else text

    def _exactly(self, text: str, expected: bool = False) -> str:
        """The text with each whole secret of the target file replaced; common words where secrets are ``expected``."""
        # To look for each is much quicker than a pattern of them all, which many tokens make long, and new with each.
        found = self._names.found_in(text)
        if not found:
            return text
        for each in (form for form in found if len(form) > LONGEST_PATTERN):
            # Compiling a pattern takes 90 bytes of memory for each character.
            text = text.replace(each, f"${self._names[each]}")
        pattern = "|".join(found_as(each, expected) for each in found if len(each) <= LONGEST_PATTERN)
        return re.sub(pattern, lambda match: f"${self._names[match.group()]}", text) if pattern else text

    def _decoded(self, match: re.Match[str]) -> str:
        """A text with letters that are percent-encoded: as it is, or what it holds of a secret by name."""
        text = match.group()
        plain = unquote(text)
        if plain == text:
            return text
        name = self._tokens.get(plain) or self._names.get(plain)
        if name:
            self._known.setdefault(f"{name}{ALL_ENCODED}", text)
            return f"${name}{ALL_ENCODED}"
        redacted = self.remains(self.text(plain))
        return text if redacted == plain else redacted

    def _word(self, match: re.Match[str]) -> str:
        """A word of a text: as it is, or the name of the token or of the secret that it is a part of."""
        found = match.group()
        if name := self._tokens.get(found):
            return f"${name}"
        name = self._first_part(lowered := in_small_letters(found))[1]
        # A short word may have something in common with a secret; only one that is all of the secret is a part of it.
        if not name or (len(found) < LONG and lowered not in self._known.get(name, "").lower()):
            return found
        return self._made_of_one(found) or (found if self._is_of_claims(found) else self.remains(found))

    def _is_of_claims(self, text: str) -> bool:
        """Whether a text has no more in common with secrets than a piece of what a JWT says, which opens nothing.

        Two encodings of one name have as much in common: claims that name a repository, a page's token that does.
        """
        lowered = in_small_letters(text)
        pieces = [lowered[start : start + FRAGMENT] for start in range(len(lowered) - FRAGMENT + 1)]
        shared = [(each, self._known.get(self._fragments[each], "")) for each in pieces if each in self._fragments]
        return "." not in text and all(
            token.count(".") == len(PARTS) - 1 and each in token.rpartition(".")[0].lower() for each, token in shared
        )

    def _made_of_one(self, found: str) -> str:
        """A text that was made of a token in a way that can be told; "" for any other, and for a token itself."""
        simple = self._simply(found)
        return "" if found in self._tokens else simple if simple != found else self._of_parts(found)

    def _of_parts(self, found: str) -> str:
        """A JWT one of whose parts is another than its token's, part by part; "" for any other text."""
        parts, token = found.split("."), self._with_part_of(found)
        if not token:
            return ""
        own = dict(zip(token.split("."), PARTS, strict=True))
        redacted = [
            f"${self._tokens[token]}{ALTERED}-{own[each]}" if each in own else self.remains(each) for each in parts
        ]
        lost = f"${self._tokens[token]}{ALTERED}"
        if parts[0] not in own:
            # Who sees how it was forged can forge it again.
            redacted[0] = parts[0] if self._is_plain(parts[0]) else lost
        if len(set(parts[-1])) > 1 and parts[-1] not in own:
            # Whatever it was made with, of the claims of another token it is none.
            redacted[-1] = lost
        return ".".join(redacted)

    def _is_plain(self, part: str) -> bool:
        """Whether the header of a JWT, which is no secret, says none either."""
        try:
            plain = base64url(part).decode("utf-8")
            json.loads(plain)
            # Certificates in it may have in common with tokens what both are encoded of.
            return not any(form in plain for value in self._known.values() for form in as_written(value))
        except (ValueError, RecursionError):
            return False

    def header(self, name: str, value: str) -> str:
        """A header field's value with secrets, Basic credentials and parts of secrets replaced."""
        if name.lower() not in SENSITIVE_HEADERS:
            return self.text(value)
        scheme, blank, credentials = value.partition(" ")
        if scheme.lower() == "basic":
            # Before all else: the encoding may look in part like a token, and what is left of it would still be told.
            return f"{scheme}{blank}{self._basic(credentials)}"
        # Cookies are several, and what stands before the first blank may be one of them, or a token without its scheme.
        alone = credentials and not name.lower().endswith("cookie") and self.remains(self.text(scheme)) == scheme
        if alone and (redacted := self._as_basic(credentials) or self._made_of_one(credentials)):
            return f"{scheme}{blank}{redacted}"
        value = self.text(self._exactly(value, expected=True))
        return value if scheme == "AWS4-HMAC-SHA256" else self.remains(value)

    def body(self, text: str) -> str:
        """A body's text with secrets replaced, and parts of secrets where a parameter names one."""
        if not any(word in text for word in ("secret", "token", "password")):
            # All the names have one of these, and most bodies none, however large they are.
            return self.text(text)
        # Before all else: a secret that stands there as it is may hold what ends a parameter.
        text = self._exactly(text)
        # Then at once: what is left of a secret may look in part like a token.
        text = SENSITIVE_PARAMETER.sub(lambda m: m["before"] + self._simply(m["value"]), text)
        return SENSITIVE_PARAMETER.sub(lambda m: m["before"] + self.remains(m["value"]), self.text(text))

    def cut(self, text: str) -> str:
        """A text that was cut off somewhere, without the beginning of a secret at its end."""
        for form, name in list(self._names.items()):
            place = text.find(form[:FRAGMENT], max(0, len(text) - len(form) + 1))
            while place >= 0:
                if form.startswith(text[place:]):
                    return f"{text[:place]}${name}{ALTERED}"
                place = text.find(form[:FRAGMENT], place + 1)
        return text

    def _simply(self, text: str) -> str:
        """What stands for a secret: its name, or the way in which it was made of one; any other text as it is."""
        if known := self._first_part(in_small_letters(text))[1]:
            way = way_of(self._known[known], text) if known in self._known else ""
            return f"${known}{ALTERED}-{way}" if way else text
        # Of one that is short, or for the most part public, no eight letters may be left together that tell it.
        for name, value in list(self._given.items()):  # to which a caller at the same moment may add
            if value in text:
                return text.replace(value, f"${name}")
            if encoded := next((each for each in as_encoded(value) if each in text), ""):
                return text.replace(encoded, f"${name}{ENCODED}")
            # Encoded it may be three times as long.
            if len(value) < 2 * len(text) <= 6 * len(value) and (way := way_of(value, text)):
                return f"${name}{ALTERED}-{way}"
        return text

    def _first_part(self, lowered: str) -> tuple[int, str]:
        """Where the first fragment of a secret stands in a text in small letters, and its name; -1 and "" for none."""
        if not self._glimpses.isdisjoint([lowered[each : each + GLIMPSE] for each in range(0, len(lowered), STEP)]):
            for start in range(len(lowered) - FRAGMENT + 1):
                if name := self._fragments.get(lowered[start : start + FRAGMENT]):
                    return start, name
        return -1, ""

    def remains(self, text: str) -> str:
        """The text with runs that belong to a known secret replaced by ``$NAME~altered``."""
        lowered = in_small_letters(text)
        start, name = self._first_part(lowered)
        if not name:
            return text
        end = last = start + FRAGMENT
        # Fragments of long secrets are kept at every eighth character: a gap of up to that is still the secret.
        while end < len(text) and end - last < FRAGMENT:
            end += 1
            further = self._fragments.get(lowered[end - FRAGMENT : end])
            if further:
                # Tokens of one issuer begin alike; what comes later tells which it is.
                name, last = further, end
        return f"{text[:start]}${name}{ALTERED}{self.remains(text[last:])}"

    def _basic(self, credentials: str) -> str:
        try:
            plain = base64.b64decode(credentials, validate=True).decode("utf-8")
        except ValueError:  # no base64, no UTF-8, or no ASCII to begin with
            return self._almost_basic(credentials)
        user, colon, password = plain.partition(":")
        redacted = self.remains(self.text(f"{user}{colon}{self._simply(password)}"))
        return credentials if redacted == plain else f"<base64 of {redacted}>"

    def _as_basic(self, credentials: str) -> str:
        """Basic credentials under another scheme, where they hold a secret; "" for any others."""
        try:
            plain = base64.b64decode(credentials, validate=True).decode("utf-8")
        except ValueError:
            return ""
        redacted = self.text(plain)
        return "" if redacted == plain else f"<base64 of {redacted}>"

    def _almost_basic(self, credentials: str) -> str:
        """Credentials that are no right base64, which most servers and readers can still decode."""
        found = NOT_BASE64.sub("", credentials.translate(URL_SAFE))
        whole = found[: len(found) - (len(found) % 4 == 1)]
        plain = base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("utf-8", "replace")
        redacted = self.remains(self.text(plain))
        if redacted != plain:
            return f"<almost base64 of {redacted}>"
        return self.remains(self.text(self._exactly(credentials, expected=True)))
