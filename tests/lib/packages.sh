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
    local package
    for package in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
            "install ok installed") ;;
            *) echo "$package" ;;
        esac
    done
}

# install_packages PACKAGE...: installs those that are missing. Starts no service.
install_packages() {
    local missing policy=/usr/sbin/policy-rc.d made_policy="" status=0
    missing=$(echo $(missing_packages "$@"))
    [ -n "$missing" ] || return 0
    echo "installing: $missing"
    # invoke-rc.d asks this script before it starts anything; 101 forbids it.
    if [ ! -e $policy ]; then
        made_policy=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod 755 $policy
    fi
    # Without lists, or with old ones, the first try says what is not so.
    apt_install $missing 2>/dev/null ||
        { as_root apt-get -qq update && apt_install $missing; } || status=1
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
        cd "$1" || exit
        shift
        apt-get -qq -o APT::Sandbox::User=root download "$@" 2>/dev/null || {
            as_root apt-get -qq update
            apt-get -qq -o APT::Sandbox::User=root download "$@"
        }
    )
}

# unpack_packages DIR PACKAGE...: fetches packages and unpacks them into DIR, once
unpack_packages() {
    local dir="$1" package
    shift
    [ ! -f "$dir/complete" ] || return 0
    rm -rf "$dir"
    mkdir -p "$dir"
    download_packages "$dir" "$@" || return
    for package in "$dir"/*.deb; do
        dpkg -x "$package" "$dir" || return
    done
    touch "$dir/complete"
}

# private_apt RELEASE DIR COMMAND...: runs an apt command on another Debian release, and
# leaves the system's package lists alone. DIR keeps that release's lists.
private_apt() {
    local release="$1" lists="$2" kind command
    local mirror="${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    shift 2
    mkdir -p "$lists/state/partial" "$lists/cache/partial"
    for kind in deb deb-src; do
        echo "$kind [signed-by=$keyring] $mirror $release main"
    done >"$lists/sources.list"
    for command in "update" "$*"; do
        apt-get -qq -o Dir::Etc::sourcelist="$lists/sources.list" \
            -o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists="$lists/state" \
            -o Dir::Cache="$lists/cache" -o APT::Sandbox::User=root \
            -o Acquire::Check-Valid-Until=false $command </dev/null || return
    done
}

# foreign_loader RELEASE DIR PACKAGE...: DIR/run, which runs a program on another release's
# libraries, on this machine's for what is not among the packages.
foreign_loader() {
    local release="$1" dir="$2" package machine
    [ ! -f "$dir/run" ] || return 0
    shift 2
    rm -rf "$dir"
    mkdir -p "$dir/debs"
    (cd "$dir/debs" && private_apt "$release" "$dir/apt" download libc6 "$@") || return
    for package in "$dir"/debs/*.deb; do
        dpkg -x "$package" "$dir/root" || return
    done
    machine=$(${CC:-cc} -print-multiarch)
    cat >"$dir/run" <<EOF
#!/bin/sh
exec $(find "$dir/root/usr" -name 'ld-linux*.so.*' | head -n 1) --library-path \\
    $dir/root/usr/lib/$machine:/usr/lib/$machine "\$@"
EOF
    chmod 755 "$dir/run"
}

# clean_root DIR: a fresh Debian's files as DIR/root, with what this repository's packages need
# at hand, not installed. As root.
clean_root() {
    [ ! -f "$1/complete" ] || return 0
    install_packages mmdebstrap || return
    rm -rf "$1"
    mkdir -p "$1"
    mmdebstrap --variant=apt --skip=cleanup/apt \
        --aptopt='Acquire::Check-Valid-Until "false"' \
        --aptopt='APT::Install-Recommends "false"' \
        --customize-hook='chroot "$1" apt-get -qq install --download-only ca-certificates \
            curl nginx libjansson4 "^libsimdjson[0-9]+$"' \
        "$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")" "$1/root" \
        "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" || return
    touch "$1/complete"
}

# on_a_copy DIR COMMAND...: runs a command as root on a copy of this machine that ends with it:
# what it installs is not installed here. DIR and ccache's are the machine's own.
on_a_copy() {
    local copy status=0
    copy=$(mktemp -d)
    kept="$1 ${CCACHE_DIR:-}" copy="$copy" unshare --mount sh -euc '
        shift
        mount -t tmpfs copy "$copy"
        mkdir "$copy/changed" "$copy/work" "$copy/root"
        mount -t overlay -o "lowerdir=/,upperdir=$copy/changed,workdir=$copy/work" overlay \
            "$copy/root"
        for each in /proc /dev $kept; do
            mount --rbind "$each" "$copy/root$each"
        done
        exec chroot "$copy/root" "$@"' sh "$@" || status=1
    rmdir "$copy"
    return $status
}
