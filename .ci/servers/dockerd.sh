#!/usr/bin/env bash
# Starts and stops a Docker engine of the checkout's own: no bridge, no firewall rules, its data in one folder.
#   .ci/servers/dockerd.sh start FOLDER              prints the DOCKER_HOST to use; images by its graph driver
#   .ci/servers/dockerd.sh start FOLDER containerd   the same with containerd's image store, which speaks other HTTP
#   .ci/servers/dockerd.sh stop FOLDER
set -euo pipefail

action=$1
folder=$2
store=${3:-graph}

start() {
    case $store in
        graph) driver=vfs containerd=false ;;
        containerd) driver=native containerd=true ;;
        *)
            echo "the image store is graph or containerd, not $store" >&2
            exit 4
            ;;
    esac
    mkdir -p "$folder"
    printf '{"features": {"containerd-snapshotter": %s}}\n' "$containerd" >"$folder/daemon.json"
    dockerd --config-file "$folder/daemon.json" --data-root "$folder/data" --exec-root "$folder/exec" \
        --pidfile "$folder/pid" --host "unix://$folder/docker.sock" \
        --bridge=none --iptables=false --ip6tables=false --ip-forward=false --userland-proxy=false \
        --storage-driver=$driver >"$folder/log" 2>&1 </dev/null &
    for _ in $(seq 150); do
        if curl -sf --unix-socket "$folder/docker.sock" http://engine/_ping >/dev/null; then
            printf 'unix://%s\n' "$folder/docker.sock"
            return
        fi
        sleep 0.1
    done
    tail -n 20 "$folder/log" >&2
    echo "the Docker engine did not start within 15 s" >&2
    exit 1
}

stop() {
    [ -f "$folder/pid" ] || return 0
    pid=$(cat "$folder/pid")
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
}

"$action"
