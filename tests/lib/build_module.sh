#!/bin/sh
# Builds the module with nginx's own build system.
#
# Usage: build_module.sh [--objects] OUT [NGINX_SOURCE]
#
# Leaves OUT/ngx_http_momento_module.so. Without NGINX_SOURCE it is built for Debian's nginx.
#
# --objects      compile what needs nginx, and do not link it yet
#
# MOMENTO_CORE   a libmomento_core.a to link; default: that of CMake's build in OUT, if there
#                is one, else core/ is compiled by nginx's build, too
# MODULE_OPTIMISATION   default -g -O2
set -eu

objects_only=
if [ "$1" = --objects ]; then
    objects_only=yes
    shift
fi

repo=$(cd "$(dirname "$0")/../.." && pwd)
. "$repo/tests/lib/packages.sh"
. "$repo/tests/lib/nginx.sh"

out=$(mkdir -p "$1" && cd "$1" && pwd)
source=${2:-}
if [ -z "$source" ]; then
    if [ -z "${MOMENTO_CORE:-}" ] && [ -f "$out/CMakeCache.txt" ]; then
        exec cmake --build "$out" --target nginx_module
    fi
    debian_nginx "$repo/build/debian"
    source=$debian_root/usr/share/nginx/src
fi

if [ -n "$objects_only" ]; then
    build_module_objects "$source" "$out/nginx_module"
    exit
fi

build_module "$source" "$out/nginx_module"
# In one step: a running nginx may have the old one open.
cp "$out/nginx_module/ngx_http_momento_module.so" "$out/ngx_http_momento_module.so.new"
mv "$out/ngx_http_momento_module.so.new" "$out/ngx_http_momento_module.so"
