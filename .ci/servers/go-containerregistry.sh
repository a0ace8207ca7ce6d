#!/usr/bin/env bash
# Builds, starts and stops go-containerregistry's registry on loopback: from Debian's packages of its source, in memory,
# without a login.
#   .ci/servers/go-containerregistry.sh install FOLDER       wants root where the packages are not there yet
#   .ci/servers/go-containerregistry.sh start FOLDER PORT    prints the registry's URL
#   .ci/servers/go-containerregistry.sh stop FOLDER
set -euo pipefail

action=$1
folder=$2
port=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=.ci/servers/process.sh
source "$here/process.sh"
# shellcheck source=.ci/servers/debian.sh
source "$here/debian.sh"
sources=/usr/share/gocode

install() {
    debian_packages golang-go golang-github-google-go-containerregistry-dev
    mkdir -p "$folder"
    GO111MODULE=off GOPATH=$sources GOCACHE=$folder/cache \
        go build -o "$folder/registry" "$here/go-containerregistry/main.go"
    rm -rf "$folder/cache"
}

start() {
    setsid "$folder/registry" "127.0.0.1:$port" >>"$folder/log" 2>&1 </dev/null &
    echo $! >"$folder/pid"
    answering "the registry" "http://127.0.0.1:$port/v2/"
    printf 'http://127.0.0.1:%s\n' "$port"
}

"$action"
