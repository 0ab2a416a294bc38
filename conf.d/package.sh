#!/bin/sh
# Builds the Debian packages libnginx-mod-http-momento and momentoctl from this checkout, for
# the nginx of this machine's Debian release. Installs what the build needs (as root or through
# sudo) without upgrading anything: nginx-dev goes with exactly the nginx that is installed.
# Starts no service. The packages are left in build/package/.
#
# Usage: sh conf.d/package.sh [VERSION]     default: the version of core/base/version.h
set -eu

repo=$(cd "$(dirname "$0")/.." && pwd)
. "$repo/tests/lib/packages.sh"

out=$repo/build/package
source=$out/source
version=${1:-$(sed -n 's/.*version\[\] = "\(.*\)".*/\1/p' "$repo/core/base/version.h")}

install_packages $build_packages debhelper dpkg-dev nginx nginx-dev

rm -rf "$out"
mkdir -p "$source"
cp -R "$repo/CMakeLists.txt" "$repo/config" "$repo/core" "$repo/ngx_module" "$repo/tests" \
    "$repo/bench" "$source"
# Where dpkg wants it.
cp -R "$repo/conf.d/debian" "$source/debian"
cat >"$source/debian/changelog" <<EOF
libnginx-mod-http-momento ($version) unstable; urgency=medium

  * See CHANGELOG.md.

 -- The Momento gateway's maintainers <maintainers@momento-gateway.example>  $(date -R)
EOF

cd "$source"
dpkg-buildpackage -b -us -uc -ui >"$out/build.log" 2>&1 </dev/null || {
    tail -n 40 "$out/build.log" >&2
    exit 1
}
rm -rf "$source"
ls "$out"/*.deb
