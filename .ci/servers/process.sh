# What the scripts of servers share that are one process: sourced, with $folder set, where the process's number is kept
# (pid) and what it says (log).

# Waits until the server answers, or tells what it said.
#   answering NAME URL
answering() {
    for _ in $(seq 100); do
        ! curl -gsk -o /dev/null "$2" || return 0
        kill -0 "$(cat "$folder/pid")" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$folder/log" >&2
    echo "$1 did not start within 10 s" >&2
    exit 1
}

stop() {
    [ -f "$folder/pid" ] || return 0
    kill "$(cat "$folder/pid")" 2>/dev/null || true
    rm -f "$folder/pid"
}
