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
    unpack_packages "$1" nginx nginx-dev
}

# foreign_nginx RELEASE DIR: another release's nginx as DIR/nginx, and its nginx-dev in
# DIR/root. It runs on that release's libraries, on this machine's for what the module needs.
foreign_nginx() {
    [ ! -f "$2/nginx" ] || return 0
    foreign_loader "$1" "$2" nginx nginx-dev libssl3t64 libpcre2-8-0 zlib1g libcrypt1 || return
    cat >"$2/nginx" <<EOF
#!/bin/sh
exec $2/run $2/root/usr/sbin/nginx "\$@"
EOF
    chmod 755 "$2/nginx"
    "$2/nginx" -v || {
        rm "$2/nginx"
        return 1
    }
}

# nginx_sources RELEASE DIR: a Debian release's nginx as DIR/upstream, and as DIR/debian with
# Debian's patches.
nginx_sources() {
    local patch
    [ ! -f "$2/complete" ] || return 0
    rm -rf "$2"
    mkdir -p "$2/upstream" "$2/debian"
    (
        cd "$2" && private_apt "$1" "$2/apt" source --download-only nginx &&
            tar -xf nginx_*.orig.tar.gz -C upstream --strip-components=1 &&
            tar -xf nginx_*.orig.tar.gz -C debian --strip-components=1 &&
            tar -xf nginx_*.debian.tar.* -C debian &&
            cd debian && sed 's/#.*//' debian/patches/series | while read -r patch; do
            [ -z "$patch" ] || patch -s -p1 -i "debian/patches/$patch" || exit
        done
    ) || return
    touch "$2/complete"
}

# configure_nginx SOURCE OUT OPTION...: nginx's configure with this module, out of tree.
# Does nothing if it was done before with the same options and the same list of files. One at
# a time: two in one place find in each other's test programs that the system lacks this and
# that, and the module that is built then may compile, load and spin.
configure_nginx() {
    mkdir -p "$2"
    (flock 9 && configure_alone "$@" 9>&-) 9>"$2/lock"
}

configure_alone() {
    local source="$1" out="$2" wanted cc configure
    shift 2
    wanted=$(printf '%s\n' "$source" "${MOMENTO_CORE:-}" "$@"; cat "$repo/config"
             find "$repo/core" "$repo/ngx_module" -name '*.cpp' -o -name '*.h' | sort)
    if [ -f "$out/Makefile" ] && [ -f "$out/configured" ] &&
       [ "$wanted" = "$(cat "$out/configured")" ]; then
        return
    fi
    rm -f "$out/configured"  # nor is it, if this is cut off
    cc=${CC:-cc}
    if command -v ccache >/dev/null; then
        cc="ccache $cc"
    fi
    if [ -f "$source/conf_flags" ]; then
        # Debian keeps its options in a bash array.
        set -- bash -c '. ./conf_flags && exec bash ./configure "${NGX_CONF_FLAGS[@]}" "$@"' \
            configure "$@"
    else
        configure=./configure
        [ -f "$source/configure" ] || configure=auto/configure
        set -- $configure --with-compat --with-debug --with-threads --with-pcre-jit \
            --with-http_ssl_module --with-http_v2_module --with-http_realip_module \
            --with-http_auth_request_module --with-http_stub_status_module "$@"
    fi
    (cd "$source" && "$@" --builddir="$out" --with-cc="$cc") \
        >"$out/configure.log" 2>&1 || {
        tail -n 20 "$out/configure.log" >&2
        return 1
    }
    printf '%s\n' "$wanted" >"$out/configured"
}

# make_nginx SOURCE OUT TARGET...: "modules", "binary"
make_nginx() {
    local source="$1" out="$2"
    shift 2
    (cd "$source" && make -s -j"$(nproc)" -f "$out/Makefile" "$@") \
        >"$out/make.log" 2>&1 || {
        cat "$out/make.log" >&2
        return 1
    }
    grep -A5 'warning:' "$out/make.log" || true
}

# What Debian compiles with.
hardened="${MODULE_OPTIMISATION:--g -O2} -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2"

configure_module() {
    configure_nginx "$1" "$2" --add-dynamic-module="$repo" \
        --with-cc-opt="$hardened" --with-ld-opt='-Wl,-z,relro -Wl,-z,now'
}

# build_module SOURCE OUT: OUT/ngx_http_momento_module.so
build_module() {
    # nginx's Makefile does not look at what MOMENTO_CORE names: link again.
    [ -z "${MOMENTO_CORE:-}" ] || rm -f "$2/ngx_http_momento_module.so"
    configure_module "$1" "$2" && make_nginx "$1" "$2" modules
}

# build_module_objects SOURCE OUT: what build_module will link, as far as it is compiled there
build_module_objects() {
    configure_module "$1" "$2" &&
        make_nginx "$1" "$2" $(cd "$repo/ngx_module" && ls -- *.cpp |
            sed "s|\(.*\)\.cpp|$2/addon/ngx_module/\1.o|")
}

# build_nginx SOURCE OUT: OUT/nginx and OUT/ngx_http_momento_module.so, from full sources
build_nginx() {
    build_module "$1" "$2" && make_nginx "$1" "$2" binary
}

# build_static_nginx SOURCE OUT: OUT/nginx with the module in it. -fPIC stands where nginx puts
# it for a dynamic module, so that ccache knows the core's objects from there.
build_static_nginx() {
    CC="${CC:-cc} -fPIC" configure_nginx "$1" "$2" --add-module="$repo" \
        --with-cc-opt="$hardened" &&
        make_nginx "$1" "$2" binary
}

# What nginx is compiled with to be fuzzed and to run under ASan and UBSan. It hands null to
# memcpy, and adds 0 to it; vptr would need all of it to be C++, and function does not know C.
# NGX_DEBUG_PALLOC makes every allocation from a pool one that ASan sees.
sanitizers="-fsanitize=fuzzer-no-link,address,undefined \
-fno-sanitize=nonnull-attribute,pointer-overflow,function,vptr -fno-sanitize-recover=all"
sanitized="-O1 -g1 -fno-omit-frame-pointer $sanitizers -DNGX_DEBUG_PALLOC=1 \
-DNGX_HAVE_NONALIGNED=0"

# build_sanitized_nginx SOURCE OUT: OUT/nginx with the module in it, under ASan and UBSan.
# MOMENTO_CORE was compiled so, too.
build_sanitized_nginx() {
    rm -f "$2/nginx"  # nginx's Makefile does not look at what MOMENTO_CORE names: link again
    CC="$repo/tests/lib/clang_for_nginx.sh" configure_nginx "$1" "$2" --add-module="$repo" \
        --with-cc-opt="$sanitized" \
        --with-ld-opt="$sanitizers -fsanitize-link-c++-runtime -lstdc++" &&
        make_nginx "$1" "$2" binary
}

# build_nginx_fuzzers SOURCE OUT: OUT/NAME for every tests/fuzz/nginx/NAME_fuzz.cpp: that
# nginx, with libFuzzer's main() instead of its own.
build_nginx_fuzzers() {
    local source name
    build_sanitized_nginx "$1" "$2" &&
        objcopy --redefine-sym main=nginx_main "$2/src/core/nginx.o" "$2/nginx_main.o" || return
    for source in "$repo"/tests/fuzz/nginx/*_fuzz.cpp; do
        name=$(basename "$source" .cpp)
        (
            cd "$1" && "$repo/tests/lib/clang_for_nginx.sh" $sanitized -fsanitize=fuzzer \
                -fsanitize-link-c++-runtime -Wall -Wextra -Wno-unused-parameter -Werror \
                -I src/core -I src/event -I src/os/unix -I src/http -I src/http/modules \
                -I src/http/v2 -I "$2" -I "$repo/core" -I "$repo/ngx_module" \
                -Wl,--wrap=ngx_single_process_cycle,--wrap=ngx_init_signals \
                -Wl,--wrap=ngx_log_error_core,--wrap=ngx_create_pool,--wrap=ngx_destroy_pool \
                -o "$2/$name" "$source" "$repo/tests/fuzz/nginx/nginx_process.cpp" \
                $(find "$2" -name '*.o' ! -path '*/src/core/nginx.o') "$MOMENTO_CORE" \
                -lcurl -ljansson -lsimdjson -lssl -lcrypto -lcrypt -lpcre2-8 -lz -ldl \
                -lstdc++ -lm -lpthread
        ) || return
    done
}
