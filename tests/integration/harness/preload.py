"""Small libraries that stand between nginx and the C library, compiled when first wanted."""

import functools
import os
import pathlib
import subprocess
import tempfile


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
    return {"LD_PRELOAD": str(_library(source)[1])}


def merged(*environments):
    """Several environments in one, with all that they preload."""
    libraries = [library for each in environments
                 for library in each.get("LD_PRELOAD", "").split(":") if library]
    one = {name: value for each in environments for name, value in each.items()}
    return {**one, "LD_PRELOAD": ":".join(dict.fromkeys(libraries))} if libraries else one


class Flag:
    """What a library does as long as a file exists, which it finds by a variable.
    environment() goes to nginx; what is said later holds from that moment on."""

    def __init__(self, file, source, variable):
        file.parent.chmod(0o755)
        self.file, self.source, self.variable = file, source, variable

    def environment(self):
        return {**environment(self.source), self.variable: str(self.file)}

    def set(self):
        replace(self.file, "")

    def clear(self):
        self.file.unlink(missing_ok=True)


def replace(path, text):
    """Writes a file that workers read, in one step."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o644)
    os.replace(new, path)
