"""Proves from the includes how the rooms of core/ stand to each other: they include downwards
only, without cycles, and nothing in core/ includes a header of nginx or of ngx_module/. And that
no two types have one name: the linker would take one's functions for the other's.

usage: rooms.py CORE            0: it holds; 1: it does not, what breaks it is on stdout
       rooms.py --proof CORE    0: in copies of CORE, includes that break it are found
"""

import pathlib
import re
import shutil
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
OF_NGINX = re.compile(r"(^|/)(ngx|nginx)[^/]*$")
# At a line's beginning: of a namespace, not of a class.
SCOPE = re.compile(
    r"^(?:namespace (?P<name>[\w:]*) ?\{|\}  // namespace ?(?P<end>[\w:]*)|"
    r"(?:struct|class|enum class) (?P<type>[\w:]+)[^;()]*\{)", re.MULTILINE)


def includes(core):
    """Yields (file, name, whether it is quoted), the file as core/ sees it."""
    for path in sorted(core.rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        for bracket, name in INCLUDE.findall(path.read_text()):
            yield path.relative_to(core), name, bracket == '"'


def room_of(name):
    return pathlib.PurePath(name).parts[0]


def reachable(room, uses):
    found, to_do = set(), [room]
    while to_do:
        for used in uses.get(to_do.pop(), {}):
            if used not in found:
                found.add(used)
                to_do.append(used)
    return found


def types(core):
    """Yields (name, file) of the types that the linker knows: those in no nameless namespace."""
    for path in sorted(core.rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        within = []
        for found in SCOPE.finditer(path.read_text()):
            if found["type"]:
                if "" not in within:
                    yield "::".join([*within, found["type"]]), path.relative_to(core)
            elif found["name"] is not None:
                within.append(found["name"])
            elif within:
                within.pop()


def faults(core):
    """What is wrong, a line each."""
    defined = {}
    for name, file in types(core):
        if name in defined:
            yield f"{file} has a {name}, as {defined[name]} has"
        defined[name] = file
    uses = {}  # room: {room that it includes: ["file includes name", ...]}
    for file, name, is_quoted in includes(core):
        if OF_NGINX.search(name):
            yield f"{file} includes {name}: core/ knows nothing of nginx"
        elif is_quoted and not (core / name).is_file():
            yield f"{file} includes {name}: that is no file of core/"
        elif is_quoted and room_of(name) != room_of(file):
            used = uses.setdefault(room_of(file), {})
            used.setdefault(room_of(name), []).append(f"{file} includes {name}")
    for room in sorted(uses):
        for used in sorted(uses[room]):
            if room in reachable(used, uses):
                for line in uses[room][used]:
                    yield f"{room} and {used} are in a cycle: {line}"


PLANTED = {
    "a cycle of two rooms": ("base/bytes.h", '#include "spool/record.h"'),
    "a cycle through a third room": ("spool/record.h", '#include "delivery/loop.h"'),
    "a header of nginx": ("base/clock.cpp", "#include <ngx_core.h>"),
    "two types of one name": ("http/url.h", "namespace momento {\nstruct Slot {\n};\n"
                                            "}  // namespace momento"),
    "a header of the module": ("gateway/status.h", '#include "directives.h"'),
}


def is_found(core, file, line):
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory) / "core"
        shutil.copytree(core, copy)
        with open(copy / file, "a") as target:
            target.write(line + "\n")
        return any(file in fault for fault in faults(copy))


def main(arguments):
    core = pathlib.Path(arguments[-1])
    if "--proof" in arguments:
        missed = [what for what, plant in PLANTED.items() if not is_found(core, *plant)]
        print("\n".join(f"{what} is not found" for what in missed))
        return 1 if missed else 0
    found = list(faults(core))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
