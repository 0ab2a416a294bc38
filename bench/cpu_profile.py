#!/usr/bin/python3
"""Where an event's CPU time goes: by thread, and by what it is spent on.

Samples the gateway's only worker under full load with perf (Debian's linux-perf; as root, or
with kernel.perf_event_paranoid at 1 or less), and stock nginx and the Lua handler the same way.
Takes what bench/run.sh has built; prints one table of microseconds an event.

    bench/cpu_profile.py --sync=always --size=4096
"""

import argparse
import collections
import pathlib
import re
import shutil
import subprocess
import sys
import time

import compare

# System calls by what they are for. Data that is sent through the loopback device is
# received by the kernel within the same call.
CALLS = {
    "sending": ("writev", "sendto"),
    "receiving": ("recvfrom",),
    "waiting, waking": ("epoll_wait", "epoll_ctl", "poll", "futex", "read", "write"),
    "files": ("pwritev", "pwrite64", "pread64", "fdatasync", "fsync"),
}
OTHER_CALLS = "kernel, other"
CALL_OF = {call: purpose for purpose, calls in CALLS.items() for call in calls}
LIBRARIES = {
    "ngx_http": "the module",
    "libcurl": "libcurl",
    "libcrypto": "libcrypto",
    "libsimdjson": "simdjson",
    "liblua": "LuaJIT, cjson",
    "perf-": "LuaJIT, cjson",  # what it has compiled
    "libc": "C and C++ library, memory",
    "libstdc++": "C and C++ library, memory",
    "ld-linux": "C and C++ library, memory",
    "nginx": "nginx",
}
THREADS = {"nginx": "event loop", "momento-writer": "writer", "momento-deliver": "delivery"}

FRAME = re.compile(r"^\s+[0-9a-f]+ (?P<symbol>\S.*?) \((?P<object>[^()]*)\)$")
CALL = re.compile(r"__(?:x64|arm64)_sys_(\w+)$|^(?:do_|ksys_|__sys_)(\w+)$")


def purpose(frames):
    """Of one sample, leaf first."""
    if not frames:
        return OTHER_CALLS
    in_kernel = "kernel" in frames[0][1] or frames[0][1].startswith("[k")
    if not in_kernel:
        name = pathlib.PurePath(frames[0][1]).name
        return next((label for prefix, label in LIBRARIES.items() if name.startswith(prefix)),
                    LIBRARIES["libc"])
    for symbol, _ in frames:
        call = CALL.search(symbol)
        if call and (call[1] or call[2]) in CALL_OF:
            return CALL_OF[call[1] or call[2]]
    return OTHER_CALLS


def samples(recording):
    """(thread's name, purpose) of each sample."""
    script = subprocess.run(["perf", "script", "-i", recording, "-F", "comm,ip,sym,dso"],
                            check=True, capture_output=True, text=True).stdout
    for block in script.split("\n\n"):
        lines = block.strip("\n").splitlines()
        if not lines:
            continue
        frames = [(found["symbol"], found["object"])
                  for found in map(FRAME.match, lines[1:]) if found]
        yield lines[0].strip(), purpose(frames)


def measure(tools, make, options):
    """Microseconds an event by (thread, purpose)."""
    directory = tools.build / "run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    sink = compare.Sink(tools, directory, 0)
    try:
        contender = make(tools, directory, sink)
        try:
            compare.load(tools, contender.port, options.size, 0.5, options.connections)
            worker, = contender.workers()
            recording = directory / "perf.data"
            perf = subprocess.Popen(
                ["perf", "record", "-q", "-e", "cpu-clock", "-F", "2000", "-g", "-p",
                 str(worker), "-o", recording])
            time.sleep(0.5)  # until it samples
            before, _ = compare.cpu_ns([worker])
            done = compare.load(tools, contender.port, options.size, options.seconds,
                                options.connections)
            time.sleep(0.5)  # what is delivered after the last answer
            after, _ = compare.cpu_ns([worker])
            perf.terminate()
            perf.wait()
        finally:
            contender.stop()
    finally:
        sink.stop()

    counts = collections.Counter(samples(recording))
    us = (after - before) / 1000 / done["accepted"] / sum(counts.values())
    return {place: count * us for place, count in counts.items()}


def table(peers, gateway):
    """`peers`: name -> microseconds an event, of contenders that have one thread only."""
    threads = [name for name in THREADS if any(thread == name for thread, _ in gateway)]
    spent = collections.Counter()
    for contender in (gateway, *peers.values()):
        for (_, what), us in contender.items():
            spent[what] += us
    purposes = [what for what, _ in spent.most_common()]

    def cell(us):
        return f"{us:.1f}" if us >= 0.05 else ""

    def row(label, matches):
        of_peers = [sum(us for (_, what), us in peer.items() if matches(what))
                    for peer in peers.values()]
        by_thread = [sum(us for (thread, what), us in gateway.items()
                         if thread == name and matches(what)) for name in threads]
        cells = [label, *map(cell, of_peers), *map(cell, by_thread), cell(sum(by_thread))]
        return "| " + " | ".join(cells) + " |"

    heading = ["CPU us/event", *peers, *map(THREADS.get, threads), "all"]
    return "\n".join(["| " + " | ".join(heading) + " |", "|---" * len(heading) + "|",
                      *(row(what, lambda each, what=what: each == what) for what in purposes),
                      row("all", lambda _: True)])


def main():
    repo = compare.REPO
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=repo / "build/bench")
    parser.add_argument("--nginx", type=pathlib.Path,
                        default=repo / "build/debian/usr/sbin/nginx")
    parser.add_argument("--module", type=pathlib.Path,
                        default=repo / "build/bench/ngx_http_momento_module.so")
    parser.add_argument("--lua", type=pathlib.Path, default=repo / "build/bench/lua/root",
                        help="where its packages are unpacked; left out if it is missing")
    parser.add_argument("--sync", choices=("always", "os"), default="always")
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    if shutil.which("perf") is None:
        sys.exit("perf is missing: apt-get install linux-perf")

    machine = compare.machine()
    peers = {"stock": measure(options, compare.Stock, options)}
    if options.lua.is_dir():
        peers["Lua"] = measure(options, compare.Lua, options)
    gateway = measure(options, lambda *args: compare.Gateway(*args, sync=options.sync), options)
    print(f"{machine}; {options.size} B, sync={options.sync}\n\n{table(peers, gateway)}")


if __name__ == "__main__":
    main()
