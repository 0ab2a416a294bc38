#!/bin/sh
# Measures the gateway beside stock nginx, a handler in nginx's Lua module and one on Node.
# Installs what is missing (as root or through sudo), builds in release mode, and runs
# everything in turn on 127.0.0.1. Prints one table, and one of single figures; both stay under
# build/bench, with all raw results. Options are those of compare.py: --rounds=5 --seconds=3
# --sizes 400 4096 --connections=32 --delay-ms=0 --only=NAME; and --backlog=1000000.
set -eu

repo=$(cd "$(dirname "$0")/.." && pwd)
build=$repo/build/bench

. "$repo/tests/lib/packages.sh"
. "$repo/tests/lib/nginx.sh"

# Unpacked, not installed: the packages of nginx's modules would enable themselves.
lua_packages="libnginx-mod-http-lua libnginx-mod-http-ndk libluajit2-5.1-2 lua-resty-core
    lua-resty-lrucache lua-cjson"

mkdir -p "$build/lua" "$build/node"
install_packages $build_packages libbenchmark-dev python3 || exit 1

cmake -G Ninja -S "$repo" -B "$build" -DCMAKE_BUILD_TYPE=Release >"$build/cmake.log"
cmake --build "$build" --target bench_tools
sh "$repo/tests/lib/build_module.sh" "$build"
debian_nginx "$repo/build/debian"

# What cannot be fetched is left out of the table.
peers=
if [ ! -d "$build/lua/root" ]; then
    download_packages "$build/lua" $lua_packages && for package in "$build"/lua/*.deb; do
        dpkg -x "$package" "$build/lua/root"
    done
fi
[ ! -d "$build/lua/root" ] || peers="--lua=$build/lua/root"

cp "$repo/bench/peers/node_handler.mjs" "$repo/bench/peers/package.json" "$build/node"
if command -v node npm >/dev/null &&
   (cd "$build/node" && npm install --no-audit --no-fund >npm.log 2>&1); then
    peers="$peers --node=$build/node"
fi

ours="--build=$build --nginx=$debian_root/usr/sbin/nginx"
ours="$ours --module=$build/ngx_http_momento_module.so"
python3 "$repo/bench/compare.py" $ours $peers "$@"
python3 "$repo/bench/single_figures.py" $ours "$@"
