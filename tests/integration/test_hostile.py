"""Hostile requests against a gateway that has honest ones to serve.

Each class of tests/integration/hostile is played in many variants, over plain connections and
TLS, by many clients at once. A variant that fails is named with its number; the seed does the
rest. HOSTILE_VARIANTS and HOSTILE_SEED change the run. The table by class is printed, and
kept as build/hostile.txt.
"""

import collections
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from hostile.client import Client, Hanging
from hostile.exchange import TABLE, Exchange, Variant

from harness import settings
from harness.load import Load
from harness.ports import Port
from harness.waiting import eventually
from harness.webhook import webhook

VARIANTS = int(os.environ.get("HOSTILE_VARIANTS", "50"))
SEED = int(os.environ.get("HOSTILE_SEED", "1"))
CLIENTS = 24
HONEST = 4  # connections

KEPT = "keepalive_requests 1000000;"
# So that nobody waits long for a client that has nothing to say. The honest ones have a server
# of their own: where much is played at once they are slow, too.
IMPATIENT = """
    client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s;
    lingering_timeout 200ms; lingering_time 1s; send_timeout 2s;
"""

DETAIL = ',"resources":[],"detail":'


class Played:
    """A variant and what became of it."""

    def __init__(self, kind, number):
        self.kind = kind
        self.variant = Variant(kind.name, number, SEED)
        made = kind.generate(self.variant)
        if isinstance(made, bytes):
            made = [made]
        self.exchange = made if isinstance(made, Exchange) else Exchange(made)
        self.statuses = []
        self.problems = []

    def play(self, client):
        tls = self.exchange.tls
        try:
            self.statuses = client.play(
                self.exchange, self.variant.random.random() < 0.25 if tls is None else tls)
        except Hanging as hanging:
            self.problems.append(str(hanging))
        return self

    def judge(self, arrived):
        """`arrived`: body -> how often it came out."""
        must, may = self.variant.must, self.variant.may
        accepted = self.statuses.count(200)
        wrong = set(self.statuses) - self.kind.answers - {200}
        came = sum(arrived[as_line(body)] for body in must + may)
        if wrong:
            self.problems.append(f"answered {sorted(wrong)}")
        if self.kind.answered and not self.statuses:
            self.problems.append("not answered")
        if accepted > came:
            self.problems.append(f"{accepted} answers of 200, {came} events")
        if any(arrived[as_line(body)] != 1 for body in must):
            self.problems.append("an authentic event did not arrive once")
        if any(arrived[as_line(body)] > 1 for body in may):
            self.problems.append("an event arrived twice")
        return self.problems


def as_line(body):
    """As the file destination writes it."""
    return body.replace(b"\n", b" ").replace(b"\r", b" ")


def events(hook):
    """Bodies at the destination."""
    lines = (hook.directory / "bus.json").read_bytes().split(b"\n")[:-1]
    return [line.partition(DETAIL.encode())[2][:-1] for line in lines]


def all_events(hook):
    """Bodies at the destination, and how often each, once nothing is on its way any more."""
    def delivered():
        return all(each["pending"] == 0 for each in hook.status()["destinations"])
    eventually(delivered, "the delivery of everything")
    return collections.Counter(events(hook))


def print_table(played, outcomes):
    """One line a class: how many variants, how they were answered. Last the honest ones."""
    lines = [f"{'class':<52} variants  events  answers"]
    by_class = collections.defaultdict(list)
    for each in played:
        by_class[each.kind.name].append(each)
    for name, variants in by_class.items():
        statuses = collections.Counter(
            status for each in variants for status in each.statuses)
        statuses["none"] = sum(not each.statuses for each in variants)
        told = ", ".join(f"{status}: {count}" for status, count in sorted(
            statuses.items(), key=str) if count)
        accepted = sum(each.statuses.count(200) for each in variants)
        lines.append(f"{name:<52} {len(variants):>8}  {accepted:>6}  {told}")
    told = ", ".join(f"{status}: {count}" for status, count in
                     collections.Counter(outcomes.values()).items())
    lines.append(f"{'(honest requests meanwhile)':<52} {len(outcomes):>8}          {told}")
    text = "\n".join(lines) + "\n"
    print(text)
    (settings.BUILD / "hostile.txt").write_text(text)


@pytest.fixture(name="honest_port")
def reserve_port():
    port = Port()
    yield port.number
    port.close()


@pytest.mark.xdist_group("conservation")
def test_hostile_requests_get_nothing_and_disturb_nobody(start_webhook, honest_port):
    assert len(TABLE) >= 40
    hook = start_webhook(
        workers=2, http=f"{KEPT} server {{ listen 127.0.0.1:{honest_port}; {webhook()} }}",
        server=IMPATIENT, spool="momento_spool %%DIR%%/spool size=256m segment=1m;")
    workers = set(hook.workers())
    load = Load(honest_port, connections=HONEST, pause=0.01)
    client = Client(hook.port, hook.tls_port)
    try:
        with ThreadPoolExecutor(CLIENTS) as clients:
            # Classes take turns: slow ones are not all at the end.
            played = list(clients.map(
                lambda which: Played(*which).play(client),
                [(kind, number) for number in range(VARIANTS) for kind in TABLE.values()]))
    finally:
        outcomes = load.stop()
    arrived = all_events(hook)
    print_table(played, outcomes)

    problems = [f"{each.kind.name}, variant {each.variant.number}: {problem}"
                for each in played for problem in each.judge(arrived)]
    assert not problems, "\n".join(problems)

    honest = {int(found.group(1)) for found in (
        re.search(rb'"text":"(\d+)"}$', body) for body in arrived) if found}
    hostile = {as_line(body) for each in played
               for body in each.variant.must + each.variant.may}
    assert set(outcomes.values()) == {200}, "honest requests were refused"
    assert honest == set(outcomes), "honest events are missing"
    assert all(count == 1 for count in arrived.values())
    invented = [body for body in arrived
                if body not in hostile and not re.search(rb'"text":"\d+"}$', body)]
    assert not invented
    assert set(hook.workers()) == workers, "a worker was replaced"

    # What is on disk is bytes of strangers, too.
    before = sum(arrived.values())
    hook.kill()
    hook.start_again()
    assert hook.send().status == 200
    eventually(lambda: len(events(hook)) > before, "the event after the start")
    assert len(events(hook)) == before + 1
