# Sourced by the lanes whose servers are checked each by itself, when its run is over: one line about it.
# Wants $PYTHON, $name, $version, $targets, $run and the run's exit code as $code; ends with 1 where anything is not expected.
case $code in
    0 | 1 | 7) ;;
    *)
        cat "$run.out"
        exit 1
        ;;
esac
failed=0
told=$("$PYTHON" -m tests.real_servers.compare "$run" "$targets/$name-$version.expected.toml") || failed=1
counted=$(grep -o '[0-9,]* checks: .*; [0-9,]* requests in [^;]*' "$run.out")
printf '%s %s: %s; %s\n' "$name" "$version" "$counted" "${told//$'\n'/; }"
exit $failed
