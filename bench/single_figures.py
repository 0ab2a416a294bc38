#!/usr/bin/python3
"""Figures that are not a contender's under full load: one webhook at a time, what a backlog
costs, and how fast one leaves. Started by run.sh, after compare.py."""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import time

import compare

DRAINED = 200_000


def fresh_directory(tools):
    directory = tools.build / "run"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


class Gone:
    """A bus that is not there yet, at a port of its own."""

    def __init__(self):
        self.port = compare.free_port()


def median_latency(tools, port, seconds):
    done = compare.load(tools, port, 400, seconds, 1)
    return done["p50_us"]


def one_at_a_time(tools, options):
    """(gateway's, stock's, fdatasync's, hand-over's) microseconds."""
    directory = fresh_directory(tools)
    sink = compare.Sink(tools, directory, 0)
    try:
        stock = compare.Stock(tools, directory, sink)
        stock_us = median_latency(tools, stock.port, options.seconds)
        stock.stop()
        gateway = compare.Gateway(tools, directory, sink)
        median_latency(tools, gateway.port, 0.5)  # warm
        gateway_us = median_latency(tools, gateway.port, options.seconds)
        gateway.stop()
    finally:
        sink.stop()
    probe = json.loads(subprocess.run(
        [tools.build / "probe", directory / "probe"], check=True, capture_output=True).stdout)
    return gateway_us, stock_us, probe["sync_us"], probe["hand_over_us"]


def cost_per_event(tools, gateway, options):
    """CPU microseconds of all threads; the bus takes nothing."""
    pids = gateway.workers()
    before, _ = compare.cpu_ns(pids)
    accepted = compare.load(tools, gateway.port, 400, options.seconds, 32)["accepted"]
    after, _ = compare.cpu_ns(pids)
    return (after - before) / 1000 / accepted


def cost_of_backlog(tools, options):
    """(cost with next to nothing pending, cost with a million)"""
    gateway = compare.Gateway(tools, fresh_directory(tools), Gone(), sync="os")
    try:
        compare.load(tools, gateway.port, 400, 0.5, 32)  # warm
        empty = cost_per_event(tools, gateway, options)
        done = subprocess.run(
            [tools.build / "load", str(gateway.port), "--size=400", "--seconds=300",
             f"--count={options.backlog}", "--connections=32", f"--secret={compare.SECRET}"],
            check=True, capture_output=True)
        assert json.loads(done.stdout)["accepted"] == options.backlog, done.stdout
        return empty, cost_per_event(tools, gateway, options)
    finally:
        gateway.stop()


def drain_rate(tools):
    """Events a second that leave a backlog over a bus that takes 20 ms for a request."""
    directory = fresh_directory(tools)
    bus = Gone()
    gateway = compare.Gateway(tools, directory, bus, sync="os")
    try:
        subprocess.run(
            [tools.build / "load", str(gateway.port), "--size=400", "--seconds=60",
             f"--count={DRAINED}", "--connections=32", f"--secret={compare.SECRET}"],
            check=True, capture_output=True)
        sink = compare.Sink(tools, directory, 20, bus.port)
        try:
            while sink.counts()["entries"] == 0:  # it is probed
                time.sleep(0.01)
            start, first = time.monotonic(), sink.counts()["entries"]
            assert compare.wait_for_delivery(sink, DRAINED), "not all was delivered"
            return (DRAINED - first) / (time.monotonic() - start)
        finally:
            sink.stop()
    finally:
        gateway.stop()


def show(rounds):
    singles = [(f"gateway {g:.0f}, stock {s:.0f}, fdatasync {f:.0f}, hand-over {h:.0f}",
                g / (s + f + h)) for g, s, f, h in rounds["one_at_a_time"]]
    grown = [after / before for before, after in rounds["backlog"]]
    middle = sorted(singles, key=lambda each: each[1])[len(singles) // 2]
    return "\n".join((
        "| figure | median | all |",
        "|---|---|---|",
        f"| one at a time, against stock + fdatasync + hand-over (us: {middle[0]}) "
        f"| {middle[1]:.2f}x | {', '.join(f'{ratio:.2f}' for _, ratio in singles)} |",
        f"| CPU per event with a backlog, against without | {statistics.median(grown):.2f}x "
        f"| {', '.join(f'{ratio:.2f}' for ratio in grown)} |",
        f"| events/s out of a backlog, 20 ms a request | "
        f"{statistics.median(rounds['drain']):,.0f} "
        f"| {', '.join(f'{rate:,.0f}' for rate in rounds['drain'])} |"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--nginx", type=pathlib.Path, required=True)
    parser.add_argument("--module", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--backlog", type=int, default=1_000_000)
    options, _ = parser.parse_known_args()
    for name in ("build", "nginx", "module"):
        setattr(options, name, getattr(options, name).resolve())

    rounds = {"one_at_a_time": [], "backlog": [], "drain": []}
    for _ in range(options.rounds):
        rounds["one_at_a_time"].append(one_at_a_time(options, options))
        rounds["drain"].append(drain_rate(options))
    for _ in range(min(options.rounds, 3)):  # half a minute each
        rounds["backlog"].append(cost_of_backlog(options, options))
    (options.build / "single_figures.json").write_text(json.dumps(rounds, indent=1))
    text = show(rounds)
    (options.build / "single_figures.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
