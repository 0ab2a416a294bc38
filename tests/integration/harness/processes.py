"""What runs in a session: nginx and all it starts are in one of their own."""

import contextlib
import pathlib


def _members(session):
    """Directories of /proc, of what has not ended. Until its last thread has, a process keeps
    its sockets and files, whether or not the first one is a zombie already."""
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            state, _, _, found = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(found) == session and (
                    state != "Z" or len(list((entry / "task").iterdir())) > 1):
                yield entry


def is_empty(session):
    return not list(_members(session))


def titles(session):
    """Process id -> title. One that is ending has no title any more, and is left out."""
    found = {}
    for entry in _members(session):
        with contextlib.suppress(OSError):
            title = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            if title:
                found[int(entry.name)] = title
    return found


def is_halted(process):
    """Whether all its threads are, by a signal."""
    threads = pathlib.Path(f"/proc/{process}/task").iterdir()
    return all((thread / "stat").read_text().rpartition(")")[2].split()[0] == "T"
               for thread in threads)
