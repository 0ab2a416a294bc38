"""What is tested, and where it stands. tests/run.sh sets these; by hand the defaults do."""

import functools
import os
import pathlib
import re
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BUILD = REPOSITORY / "build"


def _first(*paths):
    return next((str(path) for path in paths if pathlib.Path(path).exists()), "")


# A binary and, unless it has the module built in (then empty), the module to load.
NGINX_BINARY = os.environ.get("NGINX_BINARY") or _first(
    BUILD / "debian/usr/sbin/nginx", "/usr/sbin/nginx")
NGINX_MODULE = os.environ.get("NGINX_MODULE", str(BUILD / "ngx_http_momento_module.so"))
# Checks what Prometheus would read; empty if there is none.
PROMTOOL = _first(BUILD / "prometheus/usr/bin/promtool", "/usr/bin/promtool")
# Debian's packages of fcgiwrap and njs, unpacked; empty where they are not.
HANDLERS = BUILD / "handlers"
FCGIWRAP = _first(HANDLERS / "usr/sbin/fcgiwrap", "/usr/sbin/fcgiwrap")
NJS_MODULE = _first(HANDLERS / "usr/lib/nginx/modules/ngx_http_js_module.so",
                    "/usr/lib/nginx/modules/ngx_http_js_module.so")
MOMENTOCTL = os.environ.get("MOMENTOCTL", str(BUILD / "momentoctl"))

# Where a fresh Debian's files are, and the packages of this module: of a version and of the next.
CLEAN_ROOT = os.environ.get("CLEAN_ROOT", "")
PACKAGES = os.environ.get("PACKAGES", "")
NEXT_PACKAGES = os.environ.get("NEXT_PACKAGES", "")

# Built with -fsanitize: slower, and its reports are looked for.
SANITIZED = os.environ.get("NGINX_SANITIZED") == "1"

# Suppressions for leaks of nginx itself, once per process.
LEAK_SUPPRESSIONS = pathlib.Path(__file__).with_name("leaks.supp")


@functools.lru_cache
def nginx_version():
    """(1, 22, 1)"""
    printed = subprocess.run([NGINX_BINARY, "-v"], capture_output=True, text=True,
                             check=True).stderr
    return tuple(map(int, re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", printed).groups()))
