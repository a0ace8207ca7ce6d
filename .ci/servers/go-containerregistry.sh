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
sources=/usr/share/gocode

install() {
    if ! command -v go >/dev/null || [ ! -d $sources/src/github.com/google/go-containerregistry ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            golang-go golang-github-google-go-containerregistry-dev >/dev/null
    fi
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
