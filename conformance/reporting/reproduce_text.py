"""The words of a script that reproduces a finding: its head, its functions, its judgement; and how text is quoted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.reporting.reproduce_seen import PASSES
from conformance.reporting.text import on_one_line
from conformance.runs.record import CheckResult

LONGEST_LINE = 400
PREAMBLE = r"""
set -u
started_in=$PWD
cd "$(dirname "$0")" || exit 2
cannot() { printf 'cannot be told: %s\n' "$1"; exit 2; }
answers=$(mktemp -d) && ANSWERS=$answers || exit 2
trap 'rm -rf "$answers"' EXIT
# New names for what is made, so that it is not there yet; conformance sweep knows them.
RUN=$(od -An -N2 -tx1 /dev/urandom | tr -d ' \n')
CAPITAL_RUN=$(printf %s "$RUN" | tr a-f A-F)

# Sends one request, which curl reads from standard input; keeps status, header and body of the answer. One that breaks
# off in its body is none, as in the run.
send() {
    : >"$answers/$1.head" && : >"$answers/$1.body"
    curl -sS --globoff --max-time 60 -K - -D "$answers/$1.head" -o "$answers/$1.body" -w '%{http_code}' \
        >"$answers/$1.status" || ended "$1" "$?"
    printf 'request %s is answered %s\n' "$1" "$(status "$1")"
}
# Goes on until a limit that others have used up in the run is used up.
send_until_limited() {
    asked=$(cat) && tries=0
    while [ $tries -lt 100 ]; do
        printf '%s\n' "$asked" | send "$1" >/dev/null
        [ "$(status "$1")" != 429 ] || break
        tries=$((tries + 1))
    done
    printf 'request %s is answered %s after %s more\n' "$1" "$(status "$1")" "$tries"
}
ended() {
    printf '(curl ended with %s)\n' "$2"
    [ "$2" != 18 ] || { : >"$answers/$1.head" && : >"$answers/$1.body" && printf 000 >"$answers/$1.status"; }
}
status() { cat "$answers/$1.status"; }
# A secret as it stands between the quotes of curl's configuration.
quoted() { printf %s "$1" | sed 's/[\\"]/\\&/g'; }
fields() { sed -n "s/^$2: *//p" "$answers/$1.head" | tr -d '\r'; }
field() { fields "$1" "$2" | tail -n 1; }
location_of() {
    value=$(field "$1" '[Ll][Oo][Cc][Aa][Tt][Ii][Oo][Nn]')
    path=${value%%\?*}
    printf '%s%s' "${path##*/}" "${value#"$path"}"
}
# Where a Location leads, from an origin.
address_of() {
    value=$(field "$1" '[Ll][Oo][Cc][Aa][Tt][Ii][Oo][Nn]')
    case $value in /*) value=$2$value ;; esac
    printf %s "$value"
}
# Whether an answer has a text, as it is or escaped or encoded, in any case; by a file, for it may be a secret.
says() {
    in_url=$(printf %s "$2" | encoded) && all=$(printf %s "$2" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g')
    for form in "$2" "$(quoted "$2")" "$in_url" "$(printf %s "$in_url" | sed 's/%20/+/g')" "$all"; do
        printf '%s\n' "$form" >"$answers/form"
        ! LC_ALL=C grep -Fiqf "$answers/form" "$answers/$1.head" "$answers/$1.body" || return 0
    done
    return 1
}
etag_of() { field "$1" '[Ee][Tt][Aa][Gg]' | sed 's|^W/||; s/"//g'; }
link_of() { field "$1" '[Ll][Ii][Nn][Kk]' | sed 's/^<\([^>]*\)>.*/\1/'; }
next_of() { on_one_line "$1" | sed -n 's/.*<NextContinuationToken>\([^<]*\)<.*/\1/p'; }
encoded() {
    tr -d '\n' | od -An -v -tx1 | awk 'BEGIN { for (i = 33; i < 127; i++) of[sprintf("%02x", i)] = sprintf("%c", i) }
        { for (i = 1; i <= NF; i++) printf "%s", of[$i] ~ /^[A-Za-z0-9._~-]$/ ? of[$i] : "%" toupper($i) }'
}
upload_of() { on_one_line "$1" | sed -n 's/.*<UploadId>\([^<]*\)<.*/\1/p'; }
token_of() { on_one_line "$1" | sed -n "s/.*\"$2\" *: *\"\([^\"]*\)\".*/\1/p"; }
# A part of the JWT in an answer takes the place of its body: the header and the claims decoded.
token_part() {
    token=$(token_of "$1" access_token)
    [ "$token" ] || token=$(token_of "$1" token)
    case $token in *.*.*) ;; *) cannot "answer $1 gives no JWT" ;; esac
    case $2 in
        header) printf %s "$token" | cut -d. -f1 | from_base64url ;;
        claims) printf %s "$token" | cut -d. -f2 | from_base64url ;;
        signature) printf %s "$token" | cut -d. -f3 ;;
    esac >"$answers/$1.body"
}
from_base64url() {
    tr '_-' '/+' | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | base64 -d 2>/dev/null
}
# A claim as it stands, up to a comma, a bracket or its end.
claim_of() { on_one_line "$1" | sed -n "s/.*\"$2\" *: *\(\"[^\"]*\"\|[^],}]*\).*/\1/p"; }
sha256_of() { { sha256sum "$answers/$1.body" || shasum -a 256 "$answers/$1.body"; } 2>/dev/null | cut -d' ' -f1; }
needs() { eval "case $(status "$1") in $2) ;; *) cannot 'request $1 is answered $(status "$1")' ;; esac"; }
# A body on one line; in XML the names of elements stand without prefix, and without the blanks behind them.
on_one_line() {
    tr -d '\n' <"$answers/$1.body" | LC_ALL=C sed '/^[^<]\{0,4\}</{s/<\(\/\{0,1\}\)[[:alnum:]_.-]*:/<\1/g
        s/\(<\/\{0,1\}[[:alnum:]]*\)[[:space:]]*\(\/\{0,1\}>\)/\1\2/g;}'
}
# A file so many times.
repeated() {
    cat "$1" >"$answers/unit" && left=$2
    while [ "$left" -gt 0 ]; do
        [ $((left % 2)) = 0 ] || cat "$answers/unit"
        left=$((left / 2))
        [ "$left" = 0 ] || cat "$answers/unit" "$answers/unit" >"$answers/twice"
        [ "$left" = 0 ] || cat "$answers/twice" >"$answers/unit"
    done
}
signed_well() {
    [ "$(status "$1")" != 403 ] || ! grep -q 'SignatureDoesNotMatch' "$answers/$1.body" ||
        cannot "the signature that curl makes for request $1 is refused"
}
finds() { case $(status "$1") in 404 | 410) cannot "request $1 finds nothing" ;; esac; }
# Not every sleep knows parts of a second.
pause() { sleep "$1" 2>/dev/null || sleep "$2"; }
# As long as an answer says now, and a little more; as long as in the run where it says nothing.
pause_as_told() {
    told=$(field "$1" '[Rr][Ee][Tt][Rr][Yy]-[Aa][Ff][Tt][Ee][Rr]')
    case $told in '' | *[!0-9]*) pause "$2" "${2%.*}" ;; *) pause "$told.1" $((told + 1)) ;; esac
}
now() { date -u +%Y%m%d%H%M%S; }
shows() { printf 'FAILS: %s\n' "$1"; exit 1; }
# Which fields describe an answer, with their values; none that is of its moment.
described() {
    tr -d '\r' <"$answers/$1.head" | sed -n 's/^\([^ :]*\): */\1: /p' | awk '{ $1 = tolower($1); print }' |
        grep -Ev "^($momentary):" |
        LC_ALL=C sort
}
# Whether an answer has a pattern, in a field or in its body.
has() { { tr -d '\r' <"$answers/$1.head"; on_one_line "$1"; } | grep -Eiq -e "$2" && echo yes; }
# Answers of one status that both have it, or neither.
alike_in() { [ "$(status "$1")" = "$(status "$2")" ] && [ "$(has "$1" "$3")" = "$(has "$2" "$3")" ]; }
# Answered alike: the same status and, where that is a success, the same body.
alike() {
    [ "$(status "$1")" = "$(status "$2")" ] || return 1
    case $(status "$1") in 2??) cmp -s "$answers/$1.body" "$answers/$2.body" ;; esac
}
"""
OPERATOR = r"""
# Has the operator's command done, in the folder from which this is started, as the run was.
operator() {
    number=$1 && shift
    (cd "$started_in" && "$@" >/dev/null) || cannot "step $number, the operator's command, ended with $?"
    printf 'step %s is done\n' "$number"
}
trap 'rm -rf "$answers"; restored' EXIT
"""
LISTS = r"""
# What a page says in an element, and the last string of a list in it: where the next page begins.
element_of() {
    on_one_line "$1" | sed -n "s/.*<$2>\([^<]*\)<.*/\1/p" | decoded "$1" |
        sed "s/&quot;/\"/g;s/&#34;/\"/g;s/&apos;/'/g;s/&#39;/'/g;s/&lt;/</g;s/&gt;/>/g;s/&amp;/\&/g"
}
last_of() { strings_of "$2" "$1" | tail -n 1 | sed 's/^=//'; }
# The strings of a list in JSON, and the texts of an element in XML, a line each behind "=".
strings_of() {
    # A last line without its end would run into the next page.
    { on_one_line "$2"; echo; } | sed -n "s/.*\"$1\" *: *\[\([^]]*\)\].*/\1/p" | tr ',' '\n' |
        sed -n 's/^ *"\(.*\)" *$/=\1/p'
}
texts_of() {
    { on_one_line "$2"; echo; } | tr '<' '\n' |
        sed -n "/^${1%/*}>/,/^\/${1%/*}>/{s/^${1#*/}>/=/p;s/^${1#*/} *\/>.*/=/p;}" | decoded "$2" |
        sed "s/&quot;/\"/g;s/&#34;/\"/g;s/&apos;/'/g;s/&#39;/'/g;s/&lt;/</g;s/&gt;/>/g;s/&amp;/\&/g"
}
decoded() {
    on_one_line "$1" | grep '<EncodingType>url<' >/dev/null || { cat; return; }
    LC_ALL=C awk 'BEGIN { for (i = 1; i < 256; i++) of[sprintf("%02X", i)] = sprintf("%c", i) }
        { gsub(/\+/, " "); out = ""
          while (match($0, /%[0-9A-Fa-f][0-9A-Fa-f]/)) {
              out = out substr($0, 1, RSTART - 1) of[toupper(substr($0, RSTART + 1, 2))]; $0 = substr($0, RSTART + 3) }
          print out $0 }'
}
goes_on() {
    field "$1" '[Ll][Ii][Nn][Kk]' | grep -Eq 'rel *= *"?next' || on_one_line "$1" | grep -q '<IsTruncated>true<'
}
list_is_read() { [ ! -e "$answers/refused" ] || cannot 'a page of the list is refused'; }
# Whether pages have what stands on standard input, each once; of a list that goes on behind them: nothing else.
lists() {
    LC_ALL=C sort >"$answers/wanted"
    name=$1 more= && : >"$answers/listed"
    shift
    for page; do
        more=
        case $(status "$page") in
            200) ;;
            # Where there is nothing, a list of it may be unknown.
            404) [ ! -s "$answers/wanted" ]; return ;;
            *) : >"$answers/refused" && return 1 ;;
        esac
        case $name in */*) texts_of "$name" "$page" ;; *) strings_of "$name" "$page" ;; esac >"$answers/page"
        cat "$answers/page" >>"$answers/listed"
        # Who goes on from the last item stops where none is left; else a page says whether another follows.
        if [ "${by_items-}" ]; then [ -s "$answers/page" ]; else goes_on "$page"; fi || break
        more=yes
    done
    LC_ALL=C sort -o "$answers/listed" "$answers/listed"
    if [ "$more" ]; then
        LC_ALL=C comm -23 "$answers/listed" "$answers/wanted" | grep -q . && return 1
        return 0
    fi
    cmp -s "$answers/listed" "$answers/wanted"
}
"""
NAMED = re.compile(r"\$[A-Z][A-Z0-9_]*")
NOT_KEPT = "cannot 'it does not show, and a part of a secret that was sent is not kept'"


def name_of(check_id: str, number: int) -> str:
    """The folder of a finding."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", check_id).strip("-")
    return plain if number == 0 else f"{plain}-{number + 1}"


def commented(result: CheckResult, finding: Mapping[str, Any]) -> Iterator[str]:
    """What the script is about, as comments."""
    told = [
        f"{result.id} ({result.level}): {result.title}",
        f"expected: {finding['expected']}",
        f"observed: {finding['observed']}",
        "",
        "Ends with 1 where this still shows, 0 where it does not, 2 where that cannot be told.",
        "Needs a POSIX shell and curl 7.87 or newer; secrets come from the environment.",
    ]
    for line in told:
        # One line each: what a target says must not become a line of the script.
        yield f"# {on_one_line(line)[:LONGEST_LINE]}".rstrip()


def looks_plain(text: str) -> bool:
    """Whether a body can stand in the script: one short printable line of ASCII, which curl takes as it is."""
    return len(text) <= LONGEST_LINE and text.isascii() and text.isprintable() and not text.startswith("@")


def here(text: str, secrets: Mapping[str, str], marks: Mapping[str, str]) -> str:
    """Text for a quoted value of curl's configuration in a here document; secrets and marks become variables.

    ``secrets`` tells, by the names that stand in the text, which variables hold them. A mark's value holds the names of
    variables between NUL characters, which no text that is sent here contains.
    """
    text = marked(text, marks)
    for name in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"\${re.escape(name)}(?![A-Z0-9_])", f"\0{secrets[name]}\0", text)
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\v", "\\v")):
        text = text.replace(plain, escaped)
    text = re.sub(r"([\\$`])", r"\\\1", text)
    return re.sub("\0([A-Z0-9_]+)\0", r"${\1}", text)


def marked(text: str, marks: Mapping[str, str]) -> str:
    """Text with its marks replaced by the names of variables between NUL characters."""
    text = text.replace("\0", "")
    for literal in sorted(marks, key=len, reverse=True):
        text = text.replace(literal, marks[literal])
    return text


def word(text: str, marks: Mapping[str, str]) -> str:
    """Text as one word of the shell; marks become variables."""
    plain = re.split("\0([A-Z0-9_]+)\0", marked(text, marks))
    return "".join(f'"${{{part}}}"' if place % 2 else shlex.quote(part) for place, part in enumerate(plain) if part)


def patterns(statuses: Sequence[int]) -> str:
    """Statuses as a pattern of ``case``, whole classes in short."""
    left = set(statuses)
    words = []
    for hundred in range(1, 6):
        whole = set(range(100 * hundred, 100 * hundred + 100))
        if whole <= left:
            left -= whole
            words.append(f"{hundred}??")
    return "|".join([*words, *map(str, sorted(left))])


def judged(
    proof: Mapping[str, Any],
    numbers: Mapping[str, int],
    number: int,
    status: int,
    marks: Mapping[str, str],
    secrets: Mapping[str, str],
) -> list[str]:
    """The lines that look whether a finding shows, by what an oracle said of it; none where it said nothing.

    ``marks`` are texts with what they are called now, ``secrets`` names of secrets with the variables that hold them.
    """
    lines = [*_of_pairs(proof, numbers, marks)]
    for each, pattern in proof.get("given", []):
        if each in numbers:
            found = f"on_one_line {numbers[each]} | grep -Eq {word(pattern.removeprefix('!'), marks)}"
            unless = "&&" if pattern.startswith("!") else "||"
            lines.append(f"{found} {unless} cannot 'answer {numbers[each]} says something else'")
    if proof.get("statuses"):
        accepted = patterns(proof["statuses"])
        # Where a limit should be reached and is not, others have used a part of it up in the run.
        below = "2??) cannot 'no limit is reached by so few requests' ;; " if _limited(proof, status) else ""
        wrong = f'shows "status $(status {number})"'
        lines.append(f"case $(status {number}) in {accepted}) ;; {below}*) {wrong} ;; esac")
    elif {"fields", "fields_match", "fields_lack", "fields_if_any", "matches", "unsaid", "inside"} & set(proof):
        # What is said of one answer is not said of another kind of answer.
        another = f"cannot 'answer {number} has another status'"
        kind = f"{status // 100}??" if status < 400 else str(status)
        lines.append(f"case $(status {number}) in {kind}) ;; *) {another} ;; esac")
    lines.extend(_of_the_fields(proof, number))
    if proof.get("inside"):
        lines.append(f"token_part {number} {proof['inside']}")
    lines.extend(_of_the_body(proof, number, marks))
    unsaid = [_unsaid(text, marks, secrets) for text in proof.get("unsaid", [])]
    lines += [f"! says {number} {each} || shows 'what answer {number} should not say'" for each in unsaid if each]
    if None in unsaid:
        return [*lines, f"cannot 'answer {number} says nothing of it that can be looked for'"]
    for name, first, second in proof.get("same", []):
        if first in numbers and second in numbers:
            values = [f'"$(field {numbers[each]} {shlex.quote(_in_any_case(name))})"' for each in (first, second)]
            told = f"{name} of answers {numbers[first]} and {numbers[second]}"
            lines.append(f"[ {' = '.join(values)} ] || shows {shlex.quote(told)}")
    for name, first, second in proof.get("differ", []):
        if first in numbers and second in numbers:
            one, other = numbers[first], numbers[second]
            lines += [f"token_part {each} claims" for each in (one, other)]
            told = f'[ "$(claim_of {one} {name})" != "$(claim_of {other} {name})" ]'
            lines.append(f"{told} || shows 'the same {name} in the tokens of answers {one} and {other}'")
    for each in proof.get("listed", []):
        pages = " ".join(str(numbers[page]) for page in each["pages"] if page in numbers)
        wanted = " ".join(shlex.quote(f"={item}") for item in each["items"])
        told = f"{printed(wanted)} | lists {shlex.quote(each['name'])} {pages}"
        lines.append(f"{told} || {{ list_is_read; shows 'a list that has not what it should have'; }}")
    return [*lines, PASSES] if lines else []


def _of_pairs(proof: Mapping[str, Any], numbers: Mapping[str, int], marks: Mapping[str, str]) -> Iterator[str]:
    """The lines that look whether two answers are alike, as a whole or in one respect."""
    for first, second, *patterns in [*proof.get("alike", []), *proof.get("alike_in", [])]:
        if first in numbers and second in numbers:
            one, other = numbers[first], numbers[second]
            told = "".join(f" {word(each, marks)}" for each in patterns)
            compared = f"alike{'_in' if patterns else ''} {one} {other}{told}"
            yield f"{compared} || shows 'answers {one} and {other} are not alike'"


def _unsaid(text: str, marks: Mapping[str, str], secrets: Mapping[str, str]) -> str | None:
    """A text that would stand nowhere, as a word of the shell; None for a part of a secret, which is not kept."""
    named = secrets.get(text.removeprefix("$")) if text.startswith("$") else None
    if named or not NAMED.search(text):
        return f'"${named}"' if named else word(text, marks)
    return None


def printed(words: str) -> str:
    """A command that prints words, a line each, or nothing."""
    return f"printf '%s\\n' {words}" if words else ":"


def _in_any_case(name: str) -> str:
    """A field's name as a pattern, in whatever case it may come."""
    return "".join(f"[{each.upper()}{each.lower()}]" if each.isalpha() else each for each in name)


def _limited(proof: Mapping[str, Any], status: int) -> bool:
    """Whether a limit was reached in the run, and told as something else."""
    return list(proof["statuses"]) == [429] and not 200 <= status < 300


def _of_the_fields(proof: Mapping[str, Any], number: int) -> Iterator[str]:
    """The lines that look at the header fields of an answer."""
    for name, value in proof.get("fields", []):
        found = f'"$(field {number} {shlex.quote(_in_any_case(name))})"'
        yield f"[ {found} = {shlex.quote(value)} ] || shows {shlex.quote(f'{name} of answer {number}')}"
    for name, value in proof.get("fields_if_any", []):
        found = f'"$(field {number} {shlex.quote(_in_any_case(name))})"'
        yield (
            f"case {found} in ''|{shlex.quote(value)}) ;; *) shows {shlex.quote(f'{name} of answer {number}')} ;; esac"
        )
    for name, pattern in proof.get("fields_lack", []):
        told = f"fields {number} {shlex.quote(_in_any_case(name))} | grep -Eiq {shlex.quote(pattern)}"
        yield f"{told} && shows {shlex.quote(f'{name} of answer {number}')}"
    for name, pattern in proof.get("fields_match", []):
        told = f"fields {number} {shlex.quote(_in_any_case(name))} | grep -Eiq {shlex.quote(pattern)}"
        yield f"{told} || shows {shlex.quote(f'{name} of answer {number}')}"


def _of_the_body(proof: Mapping[str, Any], number: int, marks: Mapping[str, str]) -> Iterator[str]:
    """The lines that look at the body of an answer."""
    if proof.get("sha256"):
        shown = f'shows "another body in answer {number}"'
        same = f"case $(sha256_of {number}) in {proof['sha256']}) ;; *) {shown} ;; esac"
        # Where a refusal would be right too, it has no such body.
        yield f"case $(status {number}) in 2??) {same} ;; esac" if proof.get("statuses") else same
    if proof.get("matches"):
        said = f"on_one_line {number} | grep -Eq {word(proof['matches'], marks)} || shows 'body {number}'"
        yield f"case $(status {number}) in 2??) {said} ;; esac" if proof.get("statuses") else said
    if proof.get("lacks"):
        yield f"on_one_line {number} | grep -Eq {word(proof['lacks'], marks)} && shows 'body {number}'"
