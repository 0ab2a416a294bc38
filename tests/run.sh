#!/bin/sh
# Builds everything and runs every test. Needs Debian 12 or later; installs what is missing
# (as root or through sudo), by package name. Leaves a running nginx alone. Everything it
# makes is under build/.
#
# The last line is "N passed, N failed, N skipped"; the exit status is 0 only if nothing
# failed and something passed. Each skip says why.
#
# Settings, from the environment:
#
#   TEST_SUITES    which suites to run after the build, in this order; default: all of
#                  style unit unit-asan unit-tsan integration integration-asan quickstart
#                  packages versions layout simulation fuzz
#   TEST_FILTER    pytest's -k for the integration suites
#   TEST_JOBS      integration tests at a time; default 4
#   NGINX_SOURCES  sources of later nginx versions for the suite "versions", directories or
#                  tarballs; default: what Debian's later releases have
#   FUZZ_SECONDS   how long each fuzzer runs; default 20
#   SEEDS          how many seeds the simulation plays; default 5000, about 60 a second and
#                  processor. A seed that fails says how it is replayed
#   MOTO_PYTHON    a Python that has moto[server]; default: build/venv's, python3,
#                  /usr/bin/python3, or else a new build/venv with moto from PyPI
#   LOG_LINES      how much of a failed command's output is shown; default 120
#   DEBIAN_MIRROR  default http://deb.debian.org/debian
set -u

repo=$(cd "$(dirname "$0")/.." && pwd)
build=$repo/build
python=/usr/bin/python3

. "$repo/tests/lib/packages.sh"
. "$repo/tests/lib/nginx.sh"
. "$repo/tests/lib/results.sh"
. "$repo/tests/lib/suites.sh"

# llvm: sanitizers' reports get their names and lines from llvm-symbolizer.
test_packages="libgtest-dev libgmock-dev libbenchmark-dev ccache clang clang-format llvm
    libclang-rt-dev python3 python3-pytest python3-pytest-xdist python3-boto3 curl openssl
    nghttp2-client patch xz-utils dpkg-dev ca-certificates"

all_suites="style unit unit-asan unit-tsan integration integration-asan quickstart packages
    versions layout simulation fuzz"

# For ccache: builds with several nginx share the module's core, whatever directory each is
# compiled in, and precompiled headers are cached at all.
export CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros

mkdir -p "$build"
start_results

install_packages $build_packages || exit 1
install_packages $test_packages || true  # what this leaves missing fails by name below
find_moto >"$logs/moto.log" 2>&1
find_javascript >"$logs/javascript.log" 2>&1
# For promtool. Unpacked, not installed: the package is a service.
unpack_packages "$build/prometheus" prometheus >"$logs/prometheus.log" 2>&1
# What answers behind momento_webhook_verify. fcgiwrap is a service, too; njs would bring nginx.
unpack_packages "$build/handlers" fcgiwrap libfcgi0ldbl libnginx-mod-http-js \
    >"$logs/handlers.log" 2>&1

for each in build ${TEST_SUITES:-$all_suites}; do
    started=$(date +%s)
    "suite_$(echo "$each" | tr - _)"
    echo "$each: $(count passed "$each") passed, $(count failed "$each") failed," \
        "$(count skipped "$each") skipped in $(($(date +%s) - started)) s"
done

report_results
