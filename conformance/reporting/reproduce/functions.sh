# The functions of reproduce.sh, by sections: a script has those that it needs.
#: PREAMBLE
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
#: RAW
# Sends standard input as it is over a connection of its own, and listens until that closes, or for so many seconds.
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
    # An interim response is one only where another follows.
    LC_ALL=C sed "/^HTTP\/[0-9.]* 1[0-9][0-9]/,${end_of_head}d" "$answers/raw" >"$answers/final"
    [ -s "$answers/final" ] || cat "$answers/raw" >"$answers/final"
    LC_ALL=C sed "${end_of_head}q" "$answers/final" >"$answers/$1.head"
    tail -c +$(($(wc -c <"$answers/$1.head") + 1)) "$answers/final" >"$answers/$1.body"
    code=$(LC_ALL=C sed -n '1s/^HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' "$answers/$1.head")
    printf %s "${code:-000}" >"$answers/$1.status"
    printf 'request %s is answered %s\n' "$1" "$(status "$1")"
}
#: OPERATOR
# Has the operator's command done, in the folder from which this is started, as the run was.
operator() {
    number=$1 && shift
    (cd "$started_in" && "$@" >/dev/null) || cannot "step $number, the operator's command, ended with $?"
    printf 'step %s is done\n' "$number"
}
#: AGAIN
# What is rare does not show each time that it is asked for.
until_shown() {
    tried=1
    until look >"$answers/said"; ended=$?; [ $ended = 1 ] || [ $tried -ge "$1" ]; do tried=$((tried + 1)); done
    printf 'asked %s times, the last time:\n' $tried
    cat "$answers/said"
    exit $ended
}
#: LISTS
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
#: DATES
# A date of HTTP ($3) so many seconds later ($2), in one of its three forms ($1), or in seconds since 1970.
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
#: TOLD
# Whether the operator's command events tells a text so many times ("+": or more), in the time that an event may take.
events_tell() {
    waited=0
    while :; do
        (cd "$started_in" && operators_events) >"$answers/events" || cannot "the command events ended with $?"
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
# Bytes in hex as escapes of printf, each exclusive-or $2, filled up with zeros to $3 digits.
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
# The signature of the canonical request on standard input, by a secret, at a moment, in a region.
sign() {
    canonical=$(cat)
    key=$(printf 'AWS4%s' "$1" | od -An -v -tx1 | tr -d ' \n')
    [ ${#key} -le 128 ] || key=$(printf 'AWS4%s' "$1" | sha256)
    for part in "${2%%T*}" "$3" s3 aws4_request; do key=$(hmac "$key" "$part"); done
    hashed=$(printf %s "$canonical" | sha256)
    hmac "$key" "$(printf 'AWS4-HMAC-SHA256\n%s\n%s\n%s' "$2" "${2%%T*}/$3/s3/aws4_request" "$hashed")"
}
#: CLEANUP
# Removes what was made, the last first, and tells what stays.
accepted() {
    for each; do case $(cat "$answers/$each.status" 2>/dev/null) in 2??) return 0 ;; esac; done
    return 1
}
remove() {
    code=$(curl -sS --globoff --max-time 60 -K - -o /dev/null -w '%{http_code}')
    case $code in 2?? | 404 | 410) return ;; esac
    printf 'left behind: what request %s made (its removal is answered %s)\n' "$1" "$code"
}
