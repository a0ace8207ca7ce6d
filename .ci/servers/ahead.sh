# Sourced by the lanes that check several servers one after another.
# Installs the server of a place in the list ${servers[@]}, if there is one, while another is checked, by a script that
# is called as SCRIPT install NAME FOLDER; "wait "$installing"" waits for it.
#   install_ahead SCRIPT PLACE
installing=
install_ahead() {
    installing=
    [ "$2" -lt ${#servers[@]} ] || return 0
    local next=${servers[$2]%-*}
    "$1" install "$next" "$scratch/$next" &
    installing=$!
}
