# Runs the steps of a gate and prints, when the script ends, how long each of them took. To be sourced.
export CI=${CI:-true}
# Compiled files are kept: without them every process of every run compiles its modules anew.
unset PYTHONDONTWRITEBYTECODE
took=()

# step NAME COMMAND …
step() {
    printf '\n== %s (%s)\n' "$1" "$(date -u +%T)"
    local begun=$SECONDS code=0
    "${@:2}" || code=$?
    took+=("$(printf '%5d s  %s' $((SECONDS - begun)) "$1")")
    return $code
}

# wait_for PROCESS LOG: waits for a process that was begun before, and prints what it said
wait_for() {
    local code=0
    wait "$1" || code=$?
    cat "$2"
    return $code
}

trap 'printf "\n== the time of each step\n"; printf "%s\n" "${took[@]}" "$(printf "%5d s  in all" "$SECONDS")"' EXIT
