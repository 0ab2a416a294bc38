# Debian packages: installs what is missing, downloads without installing. Sourced.

# What the module and momentoctl are built from.
build_packages="g++ make cmake ninja-build libcurl4-openssl-dev libjansson-dev
    libsimdjson-dev libssl-dev libpcre2-dev zlib1g-dev"

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "must be root (or have sudo) to run: $*" >&2
        return 1
    fi
}

# missing_packages PACKAGE...: those that are not installed
missing_packages() {
    for package in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
            "install ok installed") ;;
            *) echo "$package" ;;
        esac
    done
}

# install_packages PACKAGE...: installs those that are missing. Starts no service.
install_packages() {
    missing=$(echo $(missing_packages "$@"))
    [ -n "$missing" ] || return 0
    echo "installing: $missing"
    # invoke-rc.d asks this script before it starts anything; 101 forbids it.
    policy=/usr/sbin/policy-rc.d
    made_policy=
    if [ ! -e $policy ]; then
        made_policy=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod 755 $policy
    fi
    status=0
    apt_install $missing || { as_root apt-get -qq update && apt_install $missing; } || status=1
    [ -z "$made_policy" ] || as_root rm -f $policy
    [ $status = 0 ] || echo "cannot install: $missing" >&2
    return $status
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install --no-install-recommends --no-upgrade "$@" </dev/null >/dev/null
}

# download_packages DIR PACKAGE...: fetches .deb files into DIR
download_packages() {
    (
        cd "$1"
        shift
        apt-get -qq -o APT::Sandbox::User=root download "$@" 2>/dev/null || {
            as_root apt-get -qq update
            apt-get -qq -o APT::Sandbox::User=root download "$@"
        }
    )
}
