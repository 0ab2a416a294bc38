#!/bin/sh
# Builds the Debian packages libnginx-mod-http-momento and momentoctl from this checkout, for
# the nginx of this machine's Debian release. Installs what the build needs (as root or through
# sudo) without upgrading anything: nginx-dev goes with exactly the nginx that is installed.
# Starts no service. The packages are left in build/package/, with the build's log.
#
# Usage: sh conf.d/package.sh [VERSION]     default: the version of core/base/version.h;
#                                           another one is what the packages say of themselves
#
# DEB_BUILD_OPTIONS   default noautodbgsym: no debug data, and no packages of them
set -eu

repo=$(cd "$(dirname "$0")/.." && pwd)
. "$repo/tests/lib/packages.sh"

out=$repo/build/package
source=$out/source
version_file=core/base/version.h
version=${1:-$(sed -n 's/.*version\[\] = "\(.*\)".*/\1/p' "$repo/$version_file")}

install_packages $build_packages debhelper dpkg-dev nginx nginx-dev

rm -rf "$out"
mkdir -p "$source"
# What users run and read; neither tests nor benchmarks.
for each in CMakeLists.txt config core ngx_module conf.d README.md SECURITY.md CHANGELOG.md; do
    cp -R "$repo/$each" "$source"
done
sed -i "s/\(version\[\] = \"\).*\"/\1$version\"/" "$source/$version_file"
# Where dpkg wants it.
mv "$source/conf.d/debian" "$source/debian"
cat >"$source/debian/changelog" <<END
libnginx-mod-http-momento ($version) unstable; urgency=medium

  * See CHANGELOG.md.

 -- The Momento gateway's maintainers <maintainers@momento-gateway.example>  $(date -R)
END

# Debug data would take most of the time and of the disk.
if [ -z "${DEB_BUILD_OPTIONS+set}" ]; then
    export DEB_BUILD_OPTIONS=noautodbgsym DEB_CFLAGS_STRIP=-g DEB_CXXFLAGS_STRIP=-g
fi
cd "$source"
dpkg-buildpackage -b -us -uc -ui >"$out/build.log" 2>&1 </dev/null || {
    tail -n 40 "$out/build.log" >&2
    exit 1
}
rm -rf "$source"
ls "$out"/*.deb
