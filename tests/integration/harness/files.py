"""Files of a running nginx."""

import contextlib


def below(directory):
    """(path, its lstat) of everything below a directory, but for what goes away meanwhile: a
    cursor is made anew beside the old one."""
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            yield path, path.lstat()
