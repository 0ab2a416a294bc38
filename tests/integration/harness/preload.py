"""Small libraries that stand between nginx and the C library, compiled when first wanted."""

import functools
import os
import pathlib
import subprocess
import tempfile

from . import settings


@functools.lru_cache
def _library(source):
    directory = tempfile.TemporaryDirectory(prefix="momento-preload-")
    pathlib.Path(directory.name).chmod(0o755)
    library = pathlib.Path(directory.name) / "preload.so"
    subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library,
                    pathlib.Path(__file__).with_name(source), "-ldl"], check=True)
    return directory, library  # removed when the process ends


def environment(source):
    """What makes nginx load the library of that C file."""
    libraries = [str(_library(source)[1])]
    if settings.SANITIZED:  # the sanitizer's library must be the first
        libraries.insert(0, subprocess.run(["cc", "-print-file-name=libasan.so"], check=True,
                                           capture_output=True, text=True).stdout.strip())
    return {"LD_PRELOAD": ":".join(libraries)}


def replace(path, text):
    """Writes a file that workers read, in one step."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o644)
    os.replace(new, path)
