"""The words of a script that reproduces a finding: its head and its functions; and how text is quoted."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.evidence.curl import FROM_FILE, secret_of
from conformance.reporting.text import on_one_line
from conformance.runs.record import CheckResult

SCRIPT = "reproduce.sh"
AT_END = 'rm -rf "$answers"; exit $ended'
"""What a script does last; ``$ended`` is what it ends with."""
LONGEST_LINE = 400
IN_JSON = "_IN_JSON"
PREAMBLE = r"""
set -u
started_in=$PWD
cd "$(dirname "$0")" || exit 2
cannot() { printf 'cannot be told: %s\n' "$1"; exit 2; }
answers=$(mktemp -d) && ANSWERS=$answers || exit 2
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
# The same, once more where it is asked to wait, as in the run.
send_patiently() {
    asked=$(cat)
    send "$1" <<ASKED
$asked
ASKED
    asks_to_wait "$1" || return 0
    pause_as_told "$1" 1.0
    send "$1" <<ASKED
$asked
ASKED
}
# 429 or 503 that tells for how long, or 503 that requests come too fast.
asks_to_wait() {
    case $(status "$1") in 429 | 503) ;; *) return 1 ;; esac
    case $(field "$1" '[Rr][Ee][Tt][Rr][Yy]-[Aa][Ff][Tt][Ee][Rr]') in
        [0-9] | [0-9][0-9]) ;;
        '') grep -q '<Code>SlowDown</Code>' "$answers/$1.body" ;;
        *) return 1 ;;
    esac
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
fields() { tr -d '\r' <"$answers/$1.head" | sed -n "s/[[:blank:]]*$//;s/^$2:[[:blank:]]*//p"; }
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
# Where a Link leads: whole, from an origin, or by its path where none is given.
link_of() {
    value=$(field "$1" '[Ll][Ii][Nn][Kk]' | sed 's/^<\([^>]*\)>.*/\1/')
    case ${2:+whole}$value in
        whole/*) value=$2$value ;;
        http://*/* | https://*/*) value=/${value#*://*/} ;;
    esac
    printf %s "$value"
}
next_of() { on_one_line "$1" | sed -n 's/.*<NextContinuationToken>\([^<]*\)<.*/\1/p'; }
encoded() {
    tr -d '\n' | od -An -v -tx1 | awk 'BEGIN { for (i = 33; i < 127; i++) of[sprintf("%02x", i)] = sprintf("%c", i) }
        { for (i = 1; i <= NF; i++) printf "%s", of[$i] ~ /^[A-Za-z0-9._~-]$/ ? of[$i] : "%" toupper($i) }'
}
part_of() { on_one_line "$1" | sed 's/&quot;//g;s/&#34;//g;s/"//g' | sed -n 's/.*<ETag>\([^<]*\)<.*/\1/p'; }
upload_of() { on_one_line "$1" | sed -n 's/.*<UploadId>\([^<]*\)<.*/\1/p'; }
token_of() { on_one_line "$1" | sed -n "s/.*\"$2\" *: *\"\([^\"]*\)\".*/\1/p"; }
id_of() { claim_of "$1" id | tr -d '" '; }
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
# A number of JSON without what stands behind its point, and the time in seconds since 1970.
whole() { claim_of "$1" "$2" | sed -n 's/^\([0-9]\{1,15\}\)\(\.[0-9]*\)\{0,1\} *$/\1/p'; }
clock() { dated seconds 0 "$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')"; }
sha256_of() { { sha256sum "$answers/$1.body" || shasum -a 256 "$answers/$1.body"; } 2>/dev/null | cut -d' ' -f1; }
needs() { eval "case $(status "$1") in $2) ;; *) cannot 'request $1 is answered $(status "$1")' ;; esac"; }
# A body on one line; in XML the names of elements stand without prefix, and without the blanks behind them, and texts
# without the brackets of CDATA, but for those in which these change what a letter means.
on_one_line() {
    tr -d '\n' <"$answers/$1.body" | LC_ALL=C sed '/^[^<]\{0,4\}</{s/<\(\/\{0,1\}\)[[:alnum:]_.-]*:/<\1/g
        s/\(<\/\{0,1\}[[:alnum:]]*\)[[:space:]]*\(\/\{0,1\}>\)/\1\2/g
        s/<!\[CDATA\[\([^]<>&]*\)\]\]>/\1/g;}'
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
    tr -d '\r' <"$answers/$1.head" | sed -n 's/[[:blank:]]*$//;s/^\([^ :]*\):[[:blank:]]*/\1: /p' |
        awk '{ $1 = tolower($1); print }' |
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
"""
AGAIN = r"""
# What is rare does not show each time that it is asked for.
until_shown() {
    tried=1
    until look >"$answers/said"; ended=$?; [ $ended = 1 ] || [ $tried -ge "$1" ]; do tried=$((tried + 1)); done
    printf 'asked %s times, the last time:\n' $tried
    cat "$answers/said"
    exit $ended
}
"""
LISTS = r"""
# What a page says in an element, and the last string of a list in it: where the next page begins.
element_of() {
    on_one_line "$1" | sed -n "s/.*<$2>\([^<]*\)<.*/\1/p" | unescaped | decoded "$1"
}
last_of() { strings_of "$2" "$1" | tail -n 1 | sed 's/^=//'; }
# The strings of a list in JSON, and the texts of an element in XML, a line each behind "=".
strings_of() {
    # A last line without its end would run into the next page.
    { on_one_line "$2"; echo; } | sed -n "s/.*\"$1\" *: *\[\([^]]*\)\].*/\1/p" | tr ',' '\n' |
        sed -n 's/^ *"\(.*\)" *$/=\1/p'
}
texts_of() {
    # To a reader of XML a carriage return that is not escaped is none.
    { on_one_line "$2"; echo; } | tr '<\r' '\n ' |
        sed -n "/^${1%/*}>/,/^\/${1%/*}>/{s/^${1#*/}>/=/p;s/^${1#*/} *\/>.*/=/p;}" | unescaped | decoded "$2"
}
# What stands in XML, then what is encoded in that: "%26amp%3B" is "&amp;", and no ampersand.
unescaped() {
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
list_is_read() { [ ! -e "$answers/refused" ] || cannot 'a page of the list is refused, or not understood'; }
# Whether pages have what stands on standard input, each once; of a list that goes on behind them: nothing else, unless
# it went on in the run as well, where that was what these pages alone should have.
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
        ! on_one_line "$page" | grep -q '<!\[CDATA\[' || { : >"$answers/refused" && return 1; }
        case $name in */*) texts_of "$name" "$page" ;; *) strings_of "$name" "$page" ;; esac >"$answers/page"
        cat "$answers/page" >>"$answers/listed"
        # Who goes on from the last item stops where none is left; else a page says whether another follows.
        if [ "${by_items-}" ]; then [ -s "$answers/page" ]; else goes_on "$page"; fi || break
        more=yes
    done
    LC_ALL=C sort -o "$answers/listed" "$answers/listed"
    if [ "$more" ] && [ ! "${went_on-}" ]; then
        LC_ALL=C comm -23 "$answers/listed" "$answers/wanted" | grep -q . && return 1
        return 0
    fi
    cmp -s "$answers/listed" "$answers/wanted"
}
"""


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
    return document(text, {})


def document(text: str, marks: Mapping[str, str]) -> str:
    """Text for a here document; marks become variables."""
    text = marked(text, marks) if marks else text
    text = re.sub(r"([\\$`])", r"\\\1", text)
    return re.sub("\0([A-Z0-9_]+)\0", r"${\1}", text)


def within_json(entry: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, str]:
    """Of an entry's secrets, where its body is JSON, those with variables that hold them as JSON writes them there."""
    try:
        written = isinstance(json.loads(entry["request_body"].get("text", "")), dict | list)
    except (ValueError, RecursionError):
        return {}
    names = [each for each in entry.get("secrets", []) if secrets[each].endswith("_QUOTED")]
    return {name: f"{secrets[name]}{IN_JSON}" for name in names} if written else {}


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


def had(name: str, recipe: str) -> Iterator[str]:
    """The lines by which a secret is had that a command makes, or that is in a file: of the environment before it."""
    file = FROM_FILE.fullmatch(recipe)
    yield f'[ -n "${{{name}-}}" ] || {name}=$(cd "$started_in" && cat {file["path"]})' if file else recipe
    yield f'[ -n "${name}" ] || cannot "no {name} is given"'
    if (secret := secret_of(name)) != name:
        # Another secret than the run's may have there already what is put there.
        yield f'[ "${name}" != "${secret}" ] || cannot "{secret} is so itself"'
