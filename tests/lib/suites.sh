# The suites of tests/run.sh, one function each, and what they stand on. Sourced; wants
# $repo, $build, $python and the other files here.

# configure_core PRESET: of CMakePresets.json
configure_core() {
    (cd "$repo" && cmake --preset "$1" \
        -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)")
}

# What the suites share. Where a part of it fails to build, what needs it fails by name.
suite_build() {
    attempt build "configure" configure_core dev &&
        attempt build "core, momentoctl, tests, benchmarks" \
            cmake --build "$build" --target all --target checks --target bench_tools -- -k 0
    attempt build "Debian's nginx" debian_nginx "$build/debian" &&
        debian_nginx "$build/debian" &&
        attempt build "module" cmake --build "$build" --target nginx_module
}

# Exports MOTO_PYTHON if there is a Python with moto or one can be made.
find_moto() {
    for candidate in "${MOTO_PYTHON:-}" "$build/venv/bin/python" python3 /usr/bin/python3; do
        if [ -n "$candidate" ] && "$candidate" -c 'import moto.server' 2>/dev/null; then
            export MOTO_PYTHON="$candidate"
            return
        fi
    done
    install_packages python3-venv && python3 -m venv "$build/venv" &&
        "$build/venv/bin/pip" -q install 'moto[server]' &&
        export MOTO_PYTHON="$build/venv/bin/python"
}

# AWS's own signer and clients for JavaScript, in build/npm. Tests that ask them are skipped
# where they cannot be had.
find_javascript() {
    [ -d "$build/npm/node_modules/@smithy/signature-v4" ] && return
    command -v npm >/dev/null || install_packages nodejs npm || return
    mkdir -p "$build/npm" &&
        npm install --no-audit --no-fund --ignore-scripts --prefix "$build/npm" \
            @smithy/signature-v4@5.7.5 @aws-crypto/sha256-js@5.2.0 \
            @aws-sdk/client-eventbridge@3.1169.0 @aws-sdk/client-sqs@3.1169.0 \
            @aws-sdk/client-secrets-manager@3.1162.0
}

cpp_files() {
    find "$repo/core" "$repo/ngx_module" "$repo/tests" "$repo/bench" \
        -name '*.cpp' -o -name '*.h'
}

suite_style() {
    local script
    if command -v clang-format >/dev/null; then
        attempt style "clang-format" clang-format --dry-run -Werror $(cpp_files)
    else
        record skipped style "clang-format" "clang-format is not installed"
    fi
    for script in "$repo"/tests/*.sh "$repo"/tests/lib/*.sh "$repo"/conf.d/*.sh \
        "$repo"/conf.d/aws/*.sh "$repo"/conf.d/debian/*.postinst "$repo"/conf.d/debian/*.prerm; do
        attempt style "sh -n ${script#"$repo"/}" sh -n "$script"
    done
    attempt style "the rooms of core/ stand without cycles" \
        "$python" -B "$repo/tests/lib/rooms.py" "$repo/core"
    attempt style "rooms in a cycle would be seen" \
        "$python" -B "$repo/tests/lib/rooms.py" --proof "$repo/core"
    attempt style "the module exports nginx's three tables only" exports_only_tables
    attempt style "the module's files alone are spared -Werror" spares_only_own_files
}

# By the Makefile that nginx made for it.
spares_only_own_files() {
    local makefile="$build/nginx_module/Makefile" own spared
    own=$(grep -o '^[^ ]*/addon/[^ ]*\.o:' "$makefile" | tr -d : | sort)
    spared=$(sed -n 's/:[[:space:]]*CFLAGS += -Wno-error$//p' "$makefile" | tr ' ' '\n' | sort)
    echo "own: $own"
    echo "spared: $spared"
    [ -n "$own" ] && [ "$own" = "$spared" ] && ! grep -q '^CFLAGS.*-Wno-error' "$makefile"
}

exports_only_tables() {
    local exported
    exported=$(nm -D --defined-only "$build/ngx_http_momento_module.so" | awk '{ print $3 }')
    exported=$(echo "$exported" | sort)
    echo "$exported"
    [ "$exported" = "$(printf 'ngx_module_names\nngx_module_order\nngx_modules')" ]
}

# unit_tests SUITE DIR: runs the unit tests built in DIR
unit_tests() {
    reported "$1" "$1" timeout 900 \
        "$2/unit_tests" --gtest_brief=1 --gtest_output="xml:$(report "$1")"
}

# build_sanitized PRESET TARGET: by clang, which with precompiled headers compiles the tests in
# less than half of gcc's time
build_sanitized() {
    configure_core "$1" && cmake --build "$build/core-$1" --target "$2" -- -k 0
}

# The fuzzers stand on the same core as the unit tests. Optimised, for their sake.
build_with_asan() {
    build_sanitized asan "$1"
}

build_with_tsan() {
    build_sanitized tsan "$1"
}

suite_unit() {
    unit_tests unit "$build"
    libcurl_tests trixie libcurl4t64 libssl3t64 libldap2 libnghttp3-9 libssh2-1t64
    libcurl_tests sid libcurl4t64 libssl3t64 libldap2 libnghttp3-9 libssh2-1t64 \
        libngtcp2-16 libngtcp2-crypto-ossl0
}

# libcurl_tests RELEASE PACKAGE...: what speaks HTTP, with another release's libcurl
libcurl_tests() {
    local release="$1"
    shift
    fetched unit "libcurl-$release" foreign_loader "$release" "$build/libcurl/$release" "$@" ||
        return
    reported unit "libcurl-$release" timeout 120 "$build/libcurl/$release/run" \
        "$build/unit_tests" --gtest_brief=1 --gtest_filter='Http*:OddAnswers*' \
        --gtest_output="xml:$(report "libcurl-$release")"
}

suite_unit_asan() {
    attempt unit-asan "build" build_with_asan unit_tests && unit_tests unit-asan "$build/core-asan"
}

suite_unit_tsan() {
    attempt unit-tsan "build" build_with_tsan unit_tests && unit_tests unit-tsan "$build/core-tsan"
}

# Markers of the tests that need nothing special.
ordinary="not layout and not quickstart and not package"

# integration_tests SUITE RUN NGINX MODULE MARKERS [VARIABLE=VALUE...]
integration_tests() {
    local suite="$1" run="$2" nginx="$3" module="$4" markers="$5"
    shift 5
    reported "$suite" "$run" timeout 3000 \
        env "$@" NGINX_BINARY="$nginx" NGINX_MODULE="$module" MOMENTOCTL="$build/momentoctl" \
        "$python" -B -m pytest -p no:cacheprovider -q -n "${TEST_JOBS:-4}" \
        --dist loadgroup -m "$markers" ${TEST_FILTER:+-k "$TEST_FILTER"} \
        --junit-xml="$(report "$run")" "$repo/tests/integration"
}

suite_integration() {
    integration_tests integration integration "$debian_root/usr/sbin/nginx" \
        "$build/ngx_http_momento_module.so" "$ordinary"
}

suite_quickstart() {
    integration_tests quickstart quickstart "$debian_root/usr/sbin/nginx" \
        "$build/ngx_http_momento_module.so" "quickstart"
}

# package VERSION DIR: the packages of this checkout, saying that they are of that version
package() (
    on_what=
    [ -z "$(missing_packages debhelper dpkg-dev nginx nginx-dev)" ] || on_what="on_a_copy $repo"
    # A home of its own is all that debhelper lets a build see.
    export CCACHE_DIR="${CCACHE_DIR:-$(ccache --get-config cache_dir || true)}"
    export CCACHE_BASEDIR="$repo" PATH="/usr/lib/ccache:$PATH"
    $on_what sh "$repo/conf.d/package.sh" "$1" || exit
    rm -rf "$2"
    mkdir -p "$2"
    mv "$build"/package/*.deb "$2"
)

suite_packages() {
    local version
    if ! unshare --mount --pid --net --fork true 2>/dev/null; then
        record skipped packages "all" "a Debian of its own needs root, and namespaces"
        return
    fi
    fetched packages "clean-root" clean_root "$build/clean-root" || return
    for version in 0.1.0 0.1.1; do
        attempt packages "build $version" package "$version" "$build/packages/$version" || return
    done
    integration_tests packages packages "$debian_root/usr/sbin/nginx" \
        "$build/ngx_http_momento_module.so" "package" CLEAN_ROOT="$build/clean-root/root" \
        PACKAGES="$build/packages/0.1.0" NEXT_PACKAGES="$build/packages/0.1.1"
    grep -o 'from package to first event: [^"]*' "$(report packages)"
}

# fetched SUITE TEST COMMAND...: something from the net; a skip if it cannot be had
fetched() {
    local suite="$1" name="$2" log
    shift 2
    log=$logs/fetch-$name.log
    "$@" >"$log" 2>&1 </dev/null && return
    record skipped "$suite" "$name" \
        "cannot be fetched: $(grep -m 1 '^E:' "$log" || echo "no network?")"
    return 1
}

codename() {
    (. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
}

# with_sanitized_core COMMAND...: what is built with nginx, from the core of unit-asan
with_sanitized_core() {
    build_with_asan momento_core && (
        export MOMENTO_CORE="$build/core-asan/libmomento_core.a"
        "$@" "$build/sources/$(codename)/debian" "$build/sanitized"
    )
}

# The same nginx as Debian's, with the module in it, all under ASan and UBSan.
suite_integration_asan() {
    fetched integration-asan "nginx-sources" nginx_sources "$(codename)" \
        "$build/sources/$(codename)" || return
    attempt integration-asan "build" with_sanitized_core build_sanitized_nginx || return
    integration_tests integration-asan integration-asan "$build/sanitized/nginx" "" \
        "$ordinary and not volume" NGINX_SANITIZED=1
}

# with_core COMMAND...: what is built with nginx, from the core that is there
with_core() (
    export MOMENTO_CORE="$build/libmomento_core.a"
    "$@"
)

# smoke RUN NGINX MODULE
smoke() {
    integration_tests versions "$1" "$2" "$3" "smoke"
}

# smoke_sources NAME SOURCE: built from sources, the module loaded and built in
smoke_sources() {
    local out="$build/versions/$1"
    if attempt versions "$1: build" with_core build_nginx "$2" "$out-dynamic"; then
        smoke "$1-dynamic" "$out-dynamic/nginx" "$out-dynamic/ngx_http_momento_module.so"
    fi
    if attempt versions "$1: static build" build_static_nginx "$2" "$out-static"; then
        smoke "$1-static" "$out-static/nginx" ""
    fi
}

suite_versions() {
    local given name
    if [ -n "${NGINX_SOURCES:-}" ]; then
        for given in $NGINX_SOURCES; do
            name=$(basename "$given" | sed 's/\.tar\..*//')
            if fetched versions "$name" unpack "$given" "$build/sources/$name"; then
                smoke_sources "$name" "$build/sources/$name"
            fi
        done
        return
    fi
    # Debian's next release from sources, and its newest nginx as the binary it is: a module
    # is built from nginx-dev alone.
    if fetched versions "trixie" nginx_sources trixie "$build/sources/trixie"; then
        smoke_sources "trixie" "$build/sources/trixie/upstream"
    fi
    if fetched versions "sid" foreign_nginx sid "$build/foreign/sid" &&
       attempt versions "sid: build" with_core build_module \
           "$build/foreign/sid/root/usr/share/nginx/src" "$build/versions/sid"; then
        smoke "sid" "$build/foreign/sid/nginx" \
            "$build/versions/sid/ngx_http_momento_module.so"
    fi
}

# unpack GIVEN DIR: a copy of a source tree, so that configure does not write into the given one
unpack() {
    [ -e "$1" ] || {
        echo "E: no $1"
        return 1
    }
    rm -rf "$2"
    mkdir -p "$2"
    if [ -d "$1" ]; then
        cp -R "$1/." "$2"
    else
        tar -xf "$1" -C "$2" --strip-components=1
    fi
}

# For a build that is to be ready soon.
hardly_optimised() (
    hardened='-O1 -g0 -fPIC'
    "$@"
)

# A module built from upstream's sources of Debian's version has other structures than
# Debian's binary, but the same signature: each must refuse the other's. Here nginx's own build
# compiles core/, too, file by file.
suite_layout() {
    fetched layout "nginx-sources" nginx_sources "$(codename)" \
        "$build/sources/$(codename)" || return
    attempt layout "build" hardly_optimised build_nginx "$build/sources/$(codename)/upstream" \
        "$build/versions/upstream" || return
    integration_tests layout upstream-module "$debian_root/usr/sbin/nginx" \
        "$build/versions/upstream/ngx_http_momento_module.so" "layout"
    integration_tests layout upstream-nginx "$build/versions/upstream/nginx" \
        "$build/ngx_http_momento_module.so" "layout"
}

# What was played is shown even if all is well.
suite_simulation() {
    reported simulation bugs timeout 900 "$build/simulation" --bugs \
        --report "$(report bugs)"
    reported simulation seeds timeout $((900 + ${SEEDS:-5000} / 2)) "$build/simulation" \
        --seeds "${SEEDS:-5000}" --report "$(report seeds)"
    [ "$(count failed simulation)" != 0 ] || cat "$logs/bugs.log" "$logs/seeds.log"
}

# fuzz NAME BINARY OPTION...: runs one for a while, from the corpus in the repository and
# what earlier runs found
fuzz() {
    local name="$1" binary="$2" seeds="$repo/tests/fuzz/corpus/$1"
    shift 2
    mkdir -p "$build/fuzz/corpus/$name" "$build/fuzz/found"
    attempt fuzz "$name" "$binary" -max_total_time="${FUZZ_SECONDS:-20}" -timeout=10 \
        -rss_limit_mb=2048 -artifact_prefix="$build/fuzz/found/$name-" \
        -print_final_stats=1 "$@" \
        "$build/fuzz/corpus/$name" $([ ! -d "$seeds" ] || echo "$seeds") || true
}

suite_fuzz() {
    local source name running=0
    if ! command -v clang++ >/dev/null; then
        record skipped fuzz "all" "clang is not installed"
        return
    fi
    attempt fuzz "build" build_with_asan fuzzers  # one that fails to build fails by name
    # Two at a time: more would share this machine's processors, and find less.
    for source in "$repo"/tests/fuzz/*_fuzz.cpp; do
        name=$(basename "$source" .cpp)
        fuzz "$name" "$build/core-asan/$name" -dict="$repo/tests/fuzz/dictionary" &
        running=$((running + 1))
        [ $((running % 2)) != 0 ] || wait
    done
    wait
    fetched fuzz "nginx-sources" nginx_sources "$(codename)" \
        "$build/sources/$(codename)" || return
    attempt fuzz "build with nginx" with_sanitized_core build_nginx_fuzzers || return
    # Leaks are looked for at the end: after each run it would take longer than the run.
    for source in "$repo"/tests/fuzz/nginx/*_fuzz.cpp; do
        name=$(basename "$source" .cpp)
        fuzz "$name" "$build/sanitized/$name" -detect_leaks=0 &
    done
    wait
}
