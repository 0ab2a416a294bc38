#!/usr/bin/python3
"""Runs every contender in turn under the same load and prints one table.

Started by run.sh, which built and fetched what is needed; see README.md for how to read it.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

REPO = pathlib.Path(__file__).resolve().parent.parent
BENCH = REPO / "bench"
SECRET = "1234567890"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDBENCH", "AWS_SECRET_ACCESS_KEY": "bench"}

NGINX_CONF = """
%(load)s
%(user)s
daemon off;
worker_processes %(workers)d;
pid nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    client_body_buffer_size 64k;
    keepalive_requests 1000000000;
    %(http)s
    server {
        listen 127.0.0.1:%(port)d;
        location = /momento { %(location)s }
        %(server)s
    }
}
"""

GATEWAY_HTTP = """
    momento_spool spool size=4g sync=%s;
    momento_destination bus {
        eventbridge default;
        region us-west-2;
        endpoint http://127.0.0.1:%d;
        credentials environment;
        retry max_delay=1s;
    }
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_open(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def children(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


class Process:
    """Something that listens on a port until it is stopped."""

    def __init__(self, port, command, directory, env=None):
        self.port = port
        output = directory / "output.log"
        with output.open("a") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command], cwd=directory, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(directory), **(env or {})})
        for _ in range(200):
            if is_open(port):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        sys.exit(f"{command[0]} does not listen on port {port}:\n{output.read_text()}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Sink(Process):
    def __init__(self, tools, directory, delay_ms, port=None):
        port = port or free_port()
        super().__init__(port, [tools.build / "sink", port, delay_ms], directory)

    def counts(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/") as answer:
            return json.load(answer)


class Nginx(Process):
    """`location`: what the webhook's location does. One or more workers."""

    delivers = True

    def __init__(self, tools, directory, location, http="", server="", load=(), workers=1,
                 env=None):
        port = free_port()
        configuration = NGINX_CONF % {
            "load": "\n".join(f"load_module {module};" for module in load),
            "user": "user root;" if os.geteuid() == 0 else "",
            "workers": workers, "http": http, "server": server, "location": location,
            "port": port}
        (directory / "nginx.conf").write_text(configuration)
        super().__init__(port, [tools.nginx, "-p", directory, "-c", directory / "nginx.conf",
                                "-e", "stderr"], directory, env)

    def workers(self):
        return children(self.process.pid)

    def syncs(self):
        return 0


class Stock(Nginx):
    delivers = False

    def __init__(self, tools, directory, sink):
        super().__init__(tools, directory, "return 200;")


class Gateway(Nginx):
    def __init__(self, tools, directory, sink, sync="always", workers=1, settings="", http=""):
        super().__init__(
            tools, directory,
            f"momento_webhook bus; momento_webhook_secret {SECRET}; {settings}",
            http=GATEWAY_HTTP % (sync, sink.port) + http, load=[tools.module], workers=workers,
            server="location = /status { momento_status prometheus; }", env=KEYS)

    def syncs(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status") as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines
                   if line.startswith("momento_sync_seconds_count"))


class Lua(Nginx):
    def __init__(self, tools, directory, sink):
        modules = tools.lua / "usr/lib/nginx/modules"
        library = tools.lua / "usr/lib" / f"{platform.machine()}-linux-gnu"
        paths = (f'lua_package_path "{BENCH}/peers/?.lua;{tools.lua}/usr/share/lua/5.1/?.lua;;";'
                 f'lua_package_cpath "{library}/lua/5.1/?.so;;";')
        super().__init__(
            tools, directory, f'content_by_lua_block {{ require("lua_handler")({sink.port}) }}',
            http=paths, load=[modules / "ndk_http_module.so", modules / "ngx_http_lua_module.so"],
            env={"LD_LIBRARY_PATH": str(library)})


class Node(Process):
    delivers = True

    def __init__(self, tools, directory, sink):
        port = free_port()
        super().__init__(
            port, ["node", tools.node / "node_handler.mjs"], directory,
            {**KEYS, "PORT": str(port), "SECRET": SECRET,
             "ENDPOINT": f"http://127.0.0.1:{sink.port}"})

    def workers(self):
        return [self.process.pid]

    def syncs(self):
        return 0


CONTENDERS = {
    "nginx `return 200`": Stock,
    "gateway, `sync=os`": lambda *args: Gateway(*args, sync="os"),
    "gateway, `sync=always`": Gateway,
    "gateway, `sync=os`, 2 workers": lambda *args: Gateway(*args, sync="os", workers=2),
    "gateway, `sync=always`, 2 workers": lambda *args: Gateway(*args, workers=2),
    "gateway, `sync=always`, replay zone": lambda *args: Gateway(
        *args, settings="momento_webhook_replay seen;", http="momento_replay_zone seen 512m;"),
    "gateway, `ack delivered`": lambda *args: Gateway(
        *args, settings="momento_webhook_ack delivered;"),
    "nginx Lua": Lua,
    "Node": Node,
}
STOCK = next(iter(CONTENDERS))


def cpu_ns(pids):
    """CPU time of all threads of these processes, and of their first threads alone."""
    total = loops = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                spent = int((task / "schedstat").read_text().split()[0])
                total += spent
                loops += spent if int(task.name) == pid else 0
    return total, loops


def resident_mb(pids):
    pages = sum(int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def load(tools, port, size, seconds, connections, rate=0):
    done = subprocess.run(
        [tools.build / "load", str(port), f"--size={size}", f"--seconds={seconds}",
         f"--connections={connections}", f"--rate={rate}", f"--secret={SECRET}"],
        check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def wait_for_delivery(sink, expected, patience=60):
    end = time.monotonic() + patience
    while sink.counts()["entries"] < expected:
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Spent:
    """What a load cost a contender, until the last of its events was on the bus."""

    def __init__(self, tools, contender, sink, size, seconds, connections, rate=0):
        pids = contender.workers()
        sunk, before = sink.counts(), cpu_ns(pids)
        self.load = load(tools, contender.port, size, seconds, connections, rate)
        answered = time.monotonic()
        self.delivered = not contender.delivers or wait_for_delivery(
            sink, sunk["entries"] + self.load["accepted"])
        self.behind_s = time.monotonic() - answered
        self.all_us, self.loop_us = (
            (new - old) / 1000 / max(self.load["accepted"], 1)
            for new, old in zip(cpu_ns(pids), before))
        self.sunk = {name: value - sunk[name] for name, value in sink.counts().items()}


def measure(tools, make, size, options):
    """One contender, one body size: flat out, then at half of what it could do; and stock nginx
    under that same rate."""
    directory = tools.build / "run"
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "stock").mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        sink = Sink(tools, directory, options.delay_ms)
        stack.callback(sink.stop)
        stock = Stock(tools, directory / "stock", sink)
        stack.callback(stock.stop)
        contender = make(tools, directory, sink)
        stack.callback(contender.stop)
        pids = contender.workers()
        connections = options.connections * len(pids)
        for each in (stock, contender):
            load(tools, each.port, size, 0.5, connections)  # warm
        time.sleep(0.5)

        def spend(which, rate=0):
            return Spent(tools, which, sink, size, options.seconds, connections, rate)

        synced = contender.syncs()
        flat = spend(contender)
        syncs = contender.syncs() - synced
        rate = flat.load["rate"] / 2
        half, beside = spend(contender, rate), spend(stock, rate)

        loop_s = flat.loop_us * flat.load["accepted"] / 1e6
        return {
            "rate": flat.load["rate"],
            "cpu_us": flat.all_us,
            "loop_us": flat.loop_us,
            "loop_share": loop_s / flat.load["seconds"] / len(pids),
            "behind_s": flat.behind_s,
            "syncs": syncs / flat.load["seconds"],
            "half_us": half.all_us,
            "all_to_stock": half.all_us / beside.all_us,
            "loop_to_stock": half.loop_us / beside.loop_us,
            "p50_us": half.load["p50_us"], "p99_us": half.load["p99_us"],
            "p999_us": half.load["p999_us"],
            "memory_mb": resident_mb(pids),
            "entries_per_request":
                flat.sunk["entries"] / flat.sunk["requests"] if flat.sunk["requests"] else 0,
            "delivered": flat.delivered and half.delivered,
            "flat": flat.load, "half": half.load, "beside": beside.load,
        }


def median(runs, name):
    return statistics.median(run[name] for run in runs)


def ratio(value, base):
    return f"{value:.1f} ({value / base:.2f}x)" if base else f"{value:.1f}"


def limit(runs):
    """What kept a contender from doing more."""
    if any(run["flat"]["void"] for run in runs):
        return "void: the generator"
    if not all(run["delivered"] for run in runs):
        return "void: not all delivered"
    if any(run["flat"]["refused"] + run["flat"]["errors"] for run in runs):
        return "void: refusals"
    return "event loop" if median(runs, "loop_share") > 0.9 else "the machine"


def table(results, sizes):
    lines = ["| contender | body | requests/s | p50 / p99 / p99.9 at half, us | CPU us/event, "
             "all threads | event loop | at half, all threads | against stock at that rate: all / "
             "loop | MB | events/PutEvents | syncs/s | delivery behind, s | limit |",
             "|---" * 13 + "|"]
    for size in sizes:
        stock = results.get((STOCK, size), [])
        cpu_base = median(stock, "cpu_us") if stock else 0
        loop_base = median(stock, "loop_us") if stock else 0
        for (name, of_size), runs in results.items():
            if of_size != size:
                continue
            latency = " / ".join(f"{median(runs, each):.0f}"
                                 for each in ("p50_us", "p99_us", "p999_us"))
            lines.append(
                f"| {name} | {size} B | {median(runs, 'rate'):,.0f} | {latency} "
                f"| {ratio(median(runs, 'cpu_us'), cpu_base)} "
                f"| {ratio(median(runs, 'loop_us'), loop_base)} "
                f"| {median(runs, 'half_us'):.1f} | {median(runs, 'all_to_stock'):.2f}x / "
                f"{median(runs, 'loop_to_stock'):.2f}x "
                f"| {median(runs, 'memory_mb'):.0f} "
                f"| {median(runs, 'entries_per_request'):.1f} "
                f"| {median(runs, 'syncs'):.0f} "
                f"| {median(runs, 'behind_s'):.1f} | {limit(runs)} |")
    return "\n".join(lines)


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), platform.processor())
    load_average = os.getloadavg()[0]
    return (f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}; "
            f"load average before the run {load_average:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--nginx", type=pathlib.Path, required=True)
    parser.add_argument("--module", type=pathlib.Path, required=True)
    parser.add_argument("--lua", type=pathlib.Path, help="where its packages are unpacked")
    parser.add_argument("--node", type=pathlib.Path, help="where its handler is installed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--sizes", type=int, nargs="+", default=[400, 4096])
    parser.add_argument("--delay-ms", type=int, default=0, help="of the bus, per request")
    parser.add_argument("--only", default="", help="contenders whose names have this in them")
    parser.add_argument("--backlog", type=int, help="of single_figures.py")
    options = parser.parse_args()
    for name in ("build", "nginx", "module", "lua", "node"):
        if getattr(options, name):
            setattr(options, name, getattr(options, name).resolve())

    missing = {"nginx Lua": not options.lua, "Node": not options.node}
    chosen = {name: make for name, make in CONTENDERS.items()
              if not missing.get(name) and (options.only in name or name == STOCK)}
    heading = f"{machine()}; {options.rounds} rounds of {options.seconds:g} s, " \
              f"{options.connections} connections a worker, bus answers after {options.delay_ms} ms"
    results = {(name, size): [] for size in options.sizes for name in chosen}
    for round_number in range(options.rounds):
        for (name, size), runs in results.items():
            print(f"round {round_number + 1}: {name}, {size} B", file=sys.stderr)
            runs.append(measure(options, chosen[name], size, options))

    raw = [{"contender": name, "size": size, "runs": runs}
           for (name, size), runs in results.items()]
    (options.build / "results.json").write_text(
        json.dumps({"machine": heading, "results": raw}, indent=1))
    text = f"{heading}\n\n{table(results, options.sizes)}\n"
    (options.build / "results.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
