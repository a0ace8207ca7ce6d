#!/usr/bin/env bash
# Starts and stops Debian's docker-registry on loopback, deletion enabled, its data in one folder, or in the bucket my-app
# of a server of storage.sh where STORE names that one's environment file: who pulls a blob is led there.
#   .ci/servers/docker-registry.sh start FOLDER PORT open
#   .ci/servers/docker-registry.sh start FOLDER PORT htpasswd             user ct-push, its password in FOLDER/password
#   .ci/servers/docker-registry.sh start FOLDER PORT token REALM CERT     tokens of the reference's identity; CERT is
#                                                                         registry-token.crt beside its target file
#   .ci/servers/docker-registry.sh stop FOLDER
# start prints the registry's URL. With TLS=ADDRESS (127.0.0.1 or [::1]) that is https, with a certificate of the
# authority in FOLDER/ca.pem. Docker engines verify it on [::1] only, podman and skopeo know no such address.
set -euo pipefail

action=$1
folder=$2
port=${3:-}
mode=${4:-open}
realm=${5:-}
certificate=${6:-}
tls=${TLS:-}
store=${STORE:-}
address=${tls:-127.0.0.1}
scheme=http${tls:+s}

# shellcheck source=.ci/servers/process.sh
source "$(dirname "$0")/process.sh"

auth() {
    case $mode in
        open) ;;
        htpasswd)
            head -c 18 /dev/urandom | base64 | tr '+/' '-_' >"$folder/password"
            htpasswd -Bin ct-push <"$folder/password" >"$folder/htpasswd"
            printf 'auth:\n  htpasswd:\n    realm: docker-registry\n    path: %s/htpasswd\n' "$folder"
            ;;
        token)
            cp "$certificate" "$folder/token.crt"
            printf 'auth:\n  token:\n    realm: %s\n    service: nextepoch-reference\n' "$realm"
            printf '    issuer: nextepoch-reference\n    rootcertbundle: %s/token.crt\n' "$folder"
            ;;
        *)
            echo "the mode is open, htpasswd or token, not $mode" >&2
            exit 4
            ;;
    esac
}

# An authority, and a certificate of it for loopback.
certificates() {
    key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc)
    openssl req -x509 "${key[@]}" -days 2 -subj /CN=authority -keyout "$folder/ca.key" -out "$folder/ca.pem" \
        -addext keyUsage=critical,keyCertSign 2>>"$folder/log"
    printf 'subjectAltName=IP:127.0.0.1,IP:::1\nauthorityKeyIdentifier=keyid\n' >"$folder/extensions"
    openssl req "${key[@]}" -subj /CN=registry -keyout "$folder/tls.key" -out "$folder/request" 2>>"$folder/log"
    openssl x509 -req -in "$folder/request" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -days 2 \
        -extfile "$folder/extensions" -out "$folder/tls.crt" 2>>"$folder/log"
}

# Where what is pushed is kept.
storage() {
    if [ -z "$store" ]; then
        printf '  filesystem:\n    rootdirectory: %s/data\n' "$folder"
        return
    fi
    # shellcheck disable=SC1090
    source "$store"
    printf '  s3:\n    region: us-east-1\n    bucket: my-app\n    regionendpoint: %s\n    secure: false\n' "$STORAGE_ENDPOINT"
    printf '    accesskey: "%s"\n    secretkey: "%s"\n' "$STORAGE_ACCESS_KEY" "$STORAGE_SECRET_KEY"
}

configuration() {
    printf 'version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\n'
    printf 'storage:\n  cache:\n    blobdescriptor: inmemory\n'
    storage
    printf '  delete:\n    enabled: true\n'
    printf 'http:\n  addr: "%s:%s"\n' "$address" "$port"
    [ -z "$tls" ] || printf '  tls:\n    certificate: %s/tls.crt\n    key: %s/tls.key\n' "$folder" "$folder"
    auth
}

start() {
    mkdir -p "$folder"
    [ -z "$tls" ] || certificates
    (umask 077 && configuration >"$folder/config.yml")
    # With AWS_CA_BUNDLE its S3 client does not start: it has a transport of its own.
    env -u OTEL_TRACES_EXPORTER -u AWS_CA_BUNDLE setsid docker-registry serve "$folder/config.yml" >>"$folder/log" 2>&1 </dev/null &
    echo $! >"$folder/pid"
    answering "docker-registry" "$scheme://$address:$port/v2/"
    printf '%s://%s:%s\n' "$scheme" "$address" "$port"
}

"$action"
