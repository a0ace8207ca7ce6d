# What the scripts of servers share that come from Debian: sourced.

# Installs packages, as root, where one of them is not there yet.
#   debian_packages NAME …
debian_packages() {
    ! dpkg -s "$@" >/dev/null 2>&1 || return 0
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
