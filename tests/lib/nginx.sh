# nginx for builds and tests, without touching the one that may run on this machine.
# Sourced; wants $repo (this repository) and packages.sh.

# Where Debian's nginx and the matching nginx-dev stand: $debian_root/usr/sbin/nginx,
# $debian_root/usr/share/nginx/src. The system's own if both are installed (nginx-dev pins
# nginx's exact version), else both unpacked into DIR: installing them could upgrade and
# restart a running nginx.
debian_nginx() {
    if [ -x /usr/sbin/nginx ] && [ -f /usr/share/nginx/src/conf_flags ]; then
        debian_root=
        return
    fi
    debian_root=$1
    if [ ! -f "$1/complete" ]; then
        rm -rf "$1"
        mkdir -p "$1"
        download_packages "$1" nginx nginx-common nginx-dev
        for package in "$1"/*.deb; do
            dpkg -x "$package" "$1"
        done
        touch "$1/complete"
    fi
}

# configure_nginx SOURCE OUT OPTION...: nginx's configure with this module, out of tree.
# Does nothing if it was done before with the same options and the same list of files.
configure_nginx() {
    nginx_source=$1
    nginx_out=$2
    shift 2
    mkdir -p "$nginx_out"
    wanted=$(printf '%s\n' "$nginx_source" "$@"; cat "$repo/config"
             find "$repo/core" "$repo/ngx_module" -name '*.cpp' -o -name '*.h' | sort)
    if [ -f "$nginx_out/Makefile" ] && [ -f "$nginx_out/configured" ] &&
       [ "$wanted" = "$(cat "$nginx_out/configured")" ]; then
        return
    fi
    cc=${CC:-cc}
    if command -v ccache >/dev/null; then
        cc="ccache $cc"
    fi
    if [ -f "$nginx_source/conf_flags" ]; then
        # Debian keeps its options in a bash array.
        set -- bash -c '. ./conf_flags && exec bash ./configure "${NGX_CONF_FLAGS[@]}" "$@"' \
            configure "$@"
    else
        configure=./configure
        [ -f "$nginx_source/configure" ] || configure=auto/configure
        set -- $configure --with-compat --with-debug --with-threads --with-pcre-jit \
            --with-http_ssl_module --with-http_v2_module --with-http_realip_module \
            --with-http_auth_request_module --with-http_stub_status_module "$@"
    fi
    (cd "$nginx_source" && "$@" --builddir="$nginx_out" --with-cc="$cc") \
        >"$nginx_out/configure.log" 2>&1 || {
        tail -n 20 "$nginx_out/configure.log" >&2
        return 1
    }
    printf '%s\n' "$wanted" >"$nginx_out/configured"
}

# make_nginx SOURCE OUT TARGET: "modules" or "binary"
make_nginx() {
    (cd "$1" && make -s -j"$(nproc)" -f "$2/Makefile" "$3") >"$2/make.log" 2>&1 || {
        cat "$2/make.log" >&2
        return 1
    }
    grep -A5 'warning:' "$2/make.log" || true
}

# build_module SOURCE OUT: OUT/ngx_http_momento_module.so
build_module() {
    configure_nginx "$1" "$2" --add-dynamic-module="$repo" \
        --with-cc-opt='-g -O2 -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2' \
        --with-ld-opt='-Wl,-z,relro -Wl,-z,now' &&
        make_nginx "$1" "$2" modules
}
