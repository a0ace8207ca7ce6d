# The functions of reproduce.sh, by sections: a script contains the sections that it needs.
#: PREAMBLE
set -u
started_in=$PWD
cd "$(dirname "$0")" || exit 2
cannot() { printf 'cannot decide: %s\n' "$1"; exit 2; }
answers=$(mktemp -d) && ANSWERS=$answers || exit 2
# New names for the resources, so that none exists yet; conformance sweep knows them.
RUN=$(od -An -N2 -tx1 /dev/urandom | tr -d ' \n')
CAPITAL_RUN=$(printf %s "$RUN" | tr a-f A-F)

# Sends one request, which curl reads from standard input; stores status, header and body of the response. An
# incomplete response counts as none, as in the run.
send() {
    : >"$answers/$1.head" && : >"$answers/$1.body"
    curl -sS --globoff --max-time 60 -K - -D "$answers/$1.head" -o "$answers/$1.body" -w '%{http_code}' \
        >"$answers/$1.status" || curl_failed "$1" "$?"
    printf 'response %s: status %s\n' "$1" "$(status "$1")"
}
# The same; a request that must wait is sent once more, as in the run.
send_patiently() {
    request=$(cat)
    send "$1" <<REQUEST
$request
REQUEST
    must_wait "$1" || return 0
    pause_retry_after "$1" 1.0
    send "$1" <<REQUEST
$request
REQUEST
}
# Whether a response is 429 or 503 with a short Retry-After, or SlowDown.
must_wait() {
    case $(status "$1") in 429 | 503) ;; *) return 1 ;; esac
    case $(field "$1" '[Rr][Ee][Tt][Rr][Yy]-[Aa][Ff][Tt][Ee][Rr]') in
        [0-9] | [0-9][0-9]) ;;
        '') grep -q '<Code>SlowDown</Code>' "$answers/$1.body" ;;
        *) return 1 ;;
    esac
}
# Sends a request until it reaches a limit, which other requests used up in the run.
send_until_limited() {
    request=$(cat) && tries=0
    while [ $tries -lt 100 ]; do
        printf '%s\n' "$request" | send "$1" >/dev/null
        [ "$(status "$1")" != 429 ] || break
        tries=$((tries + 1))
    done
    printf 'response %s: status %s after %s more requests\n' "$1" "$(status "$1")" "$tries"
}
curl_failed() {
    printf '(curl exited with %s)\n' "$2"
    [ "$2" != 18 ] || { : >"$answers/$1.head" && : >"$answers/$1.body" && printf 000 >"$answers/$1.status"; }
}
status() { cat "$answers/$1.status"; }
# A secret as written between the quotes of curl's configuration.
quoted() { printf %s "$1" | sed 's/[\\"]/\\&/g'; }
fields() { tr -d '\r' <"$answers/$1.head" | sed -n "s/[[:blank:]]*$//;s/^$2:[[:blank:]]*//p"; }
field() { fields "$1" "$2" | tail -n 1; }
location_of() {
    value=$(field "$1" '[Ll][Oo][Cc][Aa][Tt][Ii][Oo][Nn]')
    path=${value%%\?*}
    printf '%s%s' "${path##*/}" "${value#"$path"}"
}
# The URL of a Location, with an origin for a relative one.
address_of() {
    value=$(field "$1" '[Ll][Oo][Cc][Aa][Tt][Ii][Oo][Nn]')
    case $value in /*) value=$2$value ;; esac
    printf %s "$value"
}
# Whether a response contains a text, plain, escaped or encoded, in any case. The text is in a file, as it may be secret.
says() {
    in_url=$(printf %s "$2" | encoded) && all=$(printf %s "$2" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g')
    for form in "$2" "$(quoted "$2")" "$in_url" "$(printf %s "$in_url" | sed 's/%20/+/g')" "$all"; do
        printf '%s\n' "$form" >"$answers/form"
        ! LC_ALL=C grep -Fiqf "$answers/form" "$answers/$1.head" "$answers/$1.body" || return 0
    done
    return 1
}
etag_of() { field "$1" '[Ee][Tt][Aa][Gg]' | sed 's|^W/||; s/"//g'; }
# The target of a Link: its URL if an origin is given, or else its path.
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
# Replaces the body of a response by a part of its JWT: decoded header, decoded claims, or signature.
token_part() {
    token=$(token_of "$1" access_token)
    [ "$token" ] || token=$(token_of "$1" token)
    case $token in *.*.*) ;; *) cannot "response $1 contains no JWT" ;; esac
    case $2 in
        header) printf %s "$token" | cut -d. -f1 | from_base64url ;;
        claims) printf %s "$token" | cut -d. -f2 | from_base64url ;;
        signature) printf %s "$token" | cut -d. -f3 ;;
    esac >"$answers/$1.body"
}
from_base64url() {
    tr '_-' '/+' | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | base64 -d 2>/dev/null
}
# The text of a claim, up to a comma, a bracket or its end.
claim_of() { on_one_line "$1" | sed -n "s/.*\"$2\" *: *\(\"[^\"]*\"\|[^],}]*\).*/\1/p"; }
# The integer part of a JSON number, and the time in seconds since 1970.
whole() { claim_of "$1" "$2" | sed -n 's/^\([0-9]\{1,15\}\)\(\.[0-9]*\)\{0,1\} *$/\1/p'; }
clock() { dated seconds 0 "$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')"; }
sha256_of() { { sha256sum "$answers/$1.body" || shasum -a 256 "$answers/$1.body"; } 2>/dev/null | cut -d' ' -f1; }
needs() { eval "case $(status "$1") in $2) ;; *) cannot 'response $1 has status $(status "$1")' ;; esac"; }
# A body on one line. In XML, element names are without prefix and trailing blanks. CDATA brackets are removed if the
# text contains no characters that XML would escape.
on_one_line() {
    tr -d '\n' <"$answers/$1.body" | LC_ALL=C sed '/^[^<]\{0,4\}</{s/<\(\/\{0,1\}\)[[:alnum:]_.-]*:/<\1/g
        s/\(<\/\{0,1\}[[:alnum:]]*\)[[:space:]]*\(\/\{0,1\}>\)/\1\2/g
        s/<!\[CDATA\[\([^]<>&]*\)\]\]>/\1/g;}'
}
# Prints a file $2 times.
repeated() {
    cat "$1" >"$answers/unit" && left=$2
    while [ "$left" -gt 0 ]; do
        [ $((left % 2)) = 0 ] || cat "$answers/unit"
        left=$((left / 2))
        [ "$left" = 0 ] || cat "$answers/unit" "$answers/unit" >"$answers/twice"
        [ "$left" = 0 ] || cat "$answers/twice" >"$answers/unit"
    done
}
signature_accepted() {
    [ "$(status "$1")" != 403 ] || ! grep -q 'SignatureDoesNotMatch' "$answers/$1.body" ||
        cannot "the server refuses the signature that curl computes for request $1"
}
finds() { case $(status "$1") in 404 | 410) cannot "the resource of request $1 does not exist" ;; esac; }
# Not every sleep accepts fractions of a second.
pause() { sleep "$1" 2>/dev/null || sleep "$2"; }
# A little longer than the Retry-After of the response; without one, as long as in the run.
pause_retry_after() {
    seconds=$(field "$1" '[Rr][Ee][Tt][Rr][Yy]-[Aa][Ff][Tt][Ee][Rr]')
    case $seconds in '' | *[!0-9]*) pause "$2" "${2%.*}" ;; *) pause "$seconds.1" $((seconds + 1)) ;; esac
}
now() { date -u +%Y%m%d%H%M%S; }
shows() { printf 'FAILS: %s\n' "$1"; exit 1; }
# The header fields of a response with their values, except volatile ones.
described() {
    tr -d '\r' <"$answers/$1.head" | sed -n 's/[[:blank:]]*$//;s/^\([^ :]*\):[[:blank:]]*/\1: /p' |
        awk '{ $1 = tolower($1); print }' |
        grep -Ev "^($volatile):" |
        LC_ALL=C sort
}
# Whether a pattern matches a field or the body of a response.
has() { { tr -d '\r' <"$answers/$1.head"; on_one_line "$1"; } | grep -Eiq -e "$2" && echo yes; }
# Whether two responses have the same status, and both match a pattern or neither does.
alike_in() { [ "$(status "$1")" = "$(status "$2")" ] && [ "$(has "$1" "$3")" = "$(has "$2" "$3")" ]; }
# Whether two responses have the same status and, if they are successes, the same body.
alike() {
    [ "$(status "$1")" = "$(status "$2")" ] || return 1
    case $(status "$1") in 2??) cmp -s "$answers/$1.body" "$answers/$2.body" ;; esac
}
#: RAW
# Sends standard input unchanged over a new connection, and listens until it closes, or for $5 seconds.
send_raw() {
    exec 3<&0
    case $2 in
        https) exec_raw='exec openssl s_client -quiet -connect "$3:$4" -servername "$3"' ;;
        *) exec_raw='exec bash -c "exec 3<>/dev/tcp/$3/$4; cat >&3; exec cat <&3"' ;;
    esac
    (eval "$exec_raw") <&3 >"$answers/raw" 2>/dev/null &
    left=$(($5 * 10))
    while [ $left -gt 0 ] && kill -0 $! 2>/dev/null; do pause 0.1 1 && left=$((left - 1)); done
    { kill $!; wait $!; } 2>/dev/null
    exec 3<&-
    end_of_head="/^$(printf '\r')\$/"
    # An interim response counts as final if no other follows.
    LC_ALL=C sed "/^HTTP\/[0-9.]* 1[0-9][0-9]/,${end_of_head}d" "$answers/raw" >"$answers/final"
    [ -s "$answers/final" ] || cat "$answers/raw" >"$answers/final"
    LC_ALL=C sed "${end_of_head}q" "$answers/final" >"$answers/$1.head"
    tail -c +$(($(wc -c <"$answers/$1.head") + 1)) "$answers/final" >"$answers/$1.body"
    code=$(LC_ALL=C sed -n '1s/^HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' "$answers/$1.head")
    printf %s "${code:-000}" >"$answers/$1.status"
    printf 'response %s: status %s\n' "$1" "$(status "$1")"
}
#: OPERATOR
# Runs the operator's command in the folder from which the script is started, as the run did.
operator() {
    number=$1 && shift
    (cd "$started_in" && "$@" >/dev/null) || cannot "the operator's command in step $number exited with $?"
    printf 'step %s is done\n' "$number"
}
#: AGAIN
# Repeats the last requests, since a rare finding does not show each time.
until_shown() {
    tried=1
    until attempt >"$answers/output"; ended=$?; [ $ended = 1 ] || [ $tried -ge "$1" ]; do tried=$((tried + 1)); done
    printf 'tried %s times, the last time:\n' $tried
    cat "$answers/output"
    exit $ended
}
#: LISTS
# An element of a page, and the last string of its list: where the next page begins.
element_of() {
    on_one_line "$1" | sed -n "s/.*<$2>\([^<]*\)<.*/\1/p" | unescaped | decoded "$1"
}
last_of() { strings_of "$2" "$1" | tail -n 1 | sed 's/^=//'; }
# The strings of a JSON list, and the texts of an XML element, each on a line after "=".
strings_of() {
    # Without the echo, the next page would continue the last line.
    { on_one_line "$2"; echo; } | sed -n "s/.*\"$1\" *: *\[\([^]]*\)\].*/\1/p" | tr ',' '\n' |
        sed -n 's/^ *"\(.*\)" *$/=\1/p'
}
texts_of() {
    # XML parsers normalize an unescaped carriage return.
    { on_one_line "$2"; echo; } | tr '<\r' '\n ' |
        sed -n "/^${1%/*}>/,/^\/${1%/*}>/{s/^${1#*/}>/=/p;s/^${1#*/} *\/>.*/=/p;}" | unescaped | decoded "$2"
}
# Decodes XML first, then the URL encoding in it: "%26amp%3B" is "&amp;", and no ampersand.
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
has_next_page() {
    field "$1" '[Ll][Ii][Nn][Kk]' | grep -Eq 'rel *= *"?next' || on_one_line "$1" | grep -q '<IsTruncated>true<'
}
list_is_readable() { [ ! -e "$answers/refused" ] || cannot 'a page of the list is refused or unreadable'; }
# Whether pages contain each line of standard input once, and nothing else. If more pages follow, lines may be missing,
# unless more pages followed in the run too.
lists() {
    LC_ALL=C sort >"$answers/expected"
    name=$1 more= && : >"$answers/listed"
    shift
    for page; do
        more=
        case $(status "$page") in
            200) ;;
            # An empty list may be missing.
            404) [ ! -s "$answers/expected" ]; return ;;
            *) : >"$answers/refused" && return 1 ;;
        esac
        ! on_one_line "$page" | grep -q '<!\[CDATA\[' || { : >"$answers/refused" && return 1; }
        case $name in */*) texts_of "$name" "$page" ;; *) strings_of "$name" "$page" ;; esac >"$answers/page"
        cat "$answers/page" >>"$answers/listed"
        # Pages by the last item end with an empty page; others announce the next page.
        if [ "${by_last_item-}" ]; then [ -s "$answers/page" ]; else has_next_page "$page"; fi || break
        more=yes
    done
    LC_ALL=C sort -o "$answers/listed" "$answers/listed"
    if [ "$more" ] && [ ! "${continued-}" ]; then
        LC_ALL=C comm -23 "$answers/listed" "$answers/expected" | grep -q . && return 1
        return 0
    fi
    cmp -s "$answers/listed" "$answers/expected"
}
#: DATES
# An HTTP date ($3), $2 seconds later, in one of its three forms ($1) or in seconds since 1970.
dated() {
    printf '%s\n' "$3" | awk -v form="$1" -v later="$2" '
    function year_begins(year) { return 365 * year + int(year / 4) - int(year / 100) + int(year / 400) }
    {
        split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", months, " ")
        split("Thursday Friday Saturday Sunday Monday Tuesday Wednesday", names, " ")
        split($5, hour, ":")
        for (month = 1; months[month] != $3 && month < 12; month++);
        year = month < 3 ? $4 - 1 : $4
        days = year_begins(year) + int(((month + 9) % 12 * 306 + 5) / 10) + $2 - 719469
        moment = days * 86400 + hour[1] * 3600 + hour[2] * 60 + hour[3] + later
        if (form == "seconds") { printf "%.0f", moment; exit }
        days = int(moment / 86400); second = moment - days * 86400
        name = names[days % 7 + 1]
        year = int((10000 * (days + 719468) + 14780) / 3652425)
        left = days + 719468 - year_begins(year)
        if (left < 0) { year--; left = days + 719468 - year_begins(year) }
        month = int((100 * left + 52) / 3060)
        day = left - int((month * 306 + 5) / 10) + 1
        year += int((month + 2) / 12); month = months[(month + 2) % 12 + 1]
        clock = sprintf("%02d:%02d:%02d", int(second / 3600), int(second % 3600 / 60), second % 60)
        if (form == "rfc850") printf "%s, %02d-%s-%02d %s GMT", name, day, month, year % 100, clock
        else if (form == "asctime") printf "%s %s %2d %s %d", substr(name, 1, 3), month, day, clock, year
        else printf "%s, %02d %s %d %s GMT", substr(name, 1, 3), day, month, year, clock
    }'
}
#: EVENTS
# Whether the operator's events contain a text $2 times ("+": or more), within the time that an event may take.
has_events() {
    waited=0
    while :; do
        (cd "$started_in" && operators_events) >"$answers/events" || cannot "the command events exited with $?"
        count=$(awk -v "text=$1" '{ while (place = index($0, text)) { n++; $0 = substr($0, place + length(text)) } }
            END { print n + 0 }' "$answers/events")
        case $2 in
            0) [ "$count" = 0 ] || return 1 ;;
            "$count") return 0 ;;
            *+) [ "$count" -lt "${2%+}" ] || return 0 ;;
        esac
        [ "$waited" -lt "$arrival" ] || break
        sleep 1
        waited=$((waited + 1))
    done
    [ "$count" = "$2" ]
}
#: SIGNING
# HMAC-SHA256 and Signature Version 4. Keys pass through printf and standard input, so that no process list shows them.
sha256() { { sha256sum || shasum -a 256; } 2>/dev/null | cut -d' ' -f1; }
# Hex bytes as escapes of printf, each XORed with $2, padded with zeros to $3 digits.
escapes_of() {
    printf '%s\n' "$1" | awk -v mask="$2" -v digits="$3" '{
        while (length($0) < digits) $0 = $0 "0"
        for (i = 1; i < length($0); i += 2) {
            byte = 16 * index(hex, substr($0, i, 1)) + index(hex, substr($0, i + 1, 1)) - 17
            masked = 0
            for (bit = 1; bit < 256; bit *= 2) masked += (int(byte / bit) % 2 != int(mask / bit) % 2) * bit
            printf "\\%03o", masked
        } }' hex=0123456789abcdef -
}
hmac() {
    inner=$({ printf "$(escapes_of "$1" 54 128)"; printf %s "$2"; } | sha256)
    { printf "$(escapes_of "$1" 92 128)"; printf "$(escapes_of "$inner" 0 0)"; } | sha256
}
# The signature of the canonical request on standard input, for a secret, a time and a region.
sign() {
    canonical=$(cat)
    key=$(printf 'AWS4%s' "$1" | od -An -v -tx1 | tr -d ' \n')
    [ ${#key} -le 128 ] || key=$(printf 'AWS4%s' "$1" | sha256)
    for part in "${2%%T*}" "$3" s3 aws4_request; do key=$(hmac "$key" "$part"); done
    hashed=$(printf %s "$canonical" | sha256)
    hmac "$key" "$(printf 'AWS4-HMAC-SHA256\n%s\n%s\n%s' "$2" "${2%%T*}/$3/s3/aws4_request" "$hashed")"
}
#: CLEANUP
# Removes the created resources, the last first, and reports those that remain.
accepted() {
    for each; do case $(cat "$answers/$each.status" 2>/dev/null) in 2??) return 0 ;; esac; done
    return 1
}
remove() {
    code=$(curl -sS --globoff --max-time 60 -K - -o /dev/null -w '%{http_code}')
    case $code in 2?? | 404 | 410) return ;; esac
    printf 'left behind: the resource of request %s (its removal returned %s)\n' "$1" "$code"
}
