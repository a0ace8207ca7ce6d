#!/usr/bin/env bash
# Installs, starts and stops a real identity server on loopback, in a folder of its own. Servers: oidc-provider,
# node-oauth2-server (npm), authlib, django-oauth-toolkit (PyPI), doorkeeper, glewlwyd (Debian).
#   .ci/servers/identity.sh install NAME FOLDER
#   .ci/servers/identity.sh start NAME FOLDER PORT    FULL_SECRET, NARROW_SECRET, FOREIGN_SECRET: secrets of its clients
#   .ci/servers/identity.sh stop NAME FOLDER
# start prints the server's URL. The clients are ct-full (organization:read and organization:write), ct-narrow
# (organization:read), both of acme, and ct-foreign (both scopes) of globex.
set -euo pipefail

action=$1
name=$2
folder=$3
port=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=.ci/servers/process.sh
source "$here/process.sh"
# shellcheck source=.ci/servers/debian.sh
source "$here/debian.sh"

install() {
    mkdir -p "$folder/data"
    cp -r "$here/$name/." "$folder"
    case $name in
        oidc-provider | node-oauth2-server)
            npm ci --prefix "$folder" --silent --no-audit --no-fund
            ;;
        authlib | django-oauth-toolkit)
            python3 -m venv "$folder/venv"
            "$folder/venv/bin/pip" install -q --disable-pip-version-check -r "$folder/requirements.txt"
            ;;
        doorkeeper)
            mapfile -t packages <"$folder/packages.txt"
            debian_packages "${packages[@]}"
            ;;
        glewlwyd) ;;
        *)
            echo "there is no server named $name" >&2
            exit 4
            ;;
    esac
}

command_of() {
    case $name in
        oidc-provider | node-oauth2-server) command=(node "$folder/server.mjs") ;;
        authlib | django-oauth-toolkit)
            command=("$folder/venv/bin/gunicorn" --chdir "$folder" --bind "127.0.0.1:$port" --threads 4 \
                --no-control-socket server:app)
            ;;
        doorkeeper)
            command=(env RAILS_ENV=production puma --quiet --bind "tcp://127.0.0.1:$port" --threads 4:4 "$folder/config.ru")
            ;;
        glewlwyd)
            "$folder/configure" "$folder" "$port"
            command=(glewlwyd --config-file="$folder/glewlwyd.conf")
            ;;
    esac
}

start() {
    command_of
    PORT=$port DATA=$folder/data setsid "${command[@]}" >"$folder/log" 2>&1 </dev/null &
    echo $! >"$folder/pid"
    answering "$name" "http://127.0.0.1:$port/"
    [ ! -x "$folder/prepare" ] || "$folder/prepare" "$port" >>"$folder/log" 2>&1
    printf 'http://127.0.0.1:%s\n' "$port"
}

"$action"
