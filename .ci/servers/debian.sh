# What the scripts of servers share that come from Debian: sourced.

# Installs packages, as root, where one of them is not there yet; one caller after another.
#   debian_packages NAME …
debian_packages() (
    exec 9>"${TMPDIR:-/tmp}/conformance-debian-packages.lock"
    flock 9
    ! dpkg -s "$@" >/dev/null 2>&1 || return 0
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
)
