"""A reload leaves nothing behind, neither in the master nor in the workers that end.

RELOADS=200 plays the long run. Under sanitizers every process that ends looks for leaks, and
the harness reads what it finds; the master's memory is measured without them.
"""

import os
import pathlib
import re

import pytest

from harness import settings
from harness.waiting import eventually
from harness.webhook import webhook

RELOADS = int(os.environ.get("RELOADS", "20" if settings.SANITIZED else "40"))
WARM_UP = 10         # reloads until the allocator has what it needs
TOLERANCE = 32       # KiB between the least of the first and of the last quarter that follow

# Without TLS: of each certificate nginx 1.22 itself loses 0.65 KiB a reload, module or not.
LISTEN = "listen 127.0.0.1:%%PORT%%;"

# Something of everything that is made anew with a configuration.
HTTP = """
    map $momento_topic $destination { volatile; default bus; ~^audit audit; }
    momento_destination aws {
        eventbridge arn:aws:events:eu-west-1:123456789012:event-bus/b;
        endpoint http://127.0.0.1:1; credentials environment; connections 8;
    }
    momento_destination audit { file %%DIR%%/audit.json; }
    momento_webhook_secret file:%%DIR%%/a.secret cache=a;
"""
SERVER = "\n".join([
    webhook(path="= /routed", destination="$destination"),
    webhook(path="= /aws", destination="aws", settings="momento_webhook_secret env:HOOK;"),
    "location = /momento/status { momento_status; }",
])


def own_memory(pid):
    """KiB that are no file's, whether or not a worker still shares them."""
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Anonymous: +(\d+) kB", rollup, re.M).group(1))


@pytest.mark.xdist_group("conservation")
def test_reloads_leave_nothing_behind(start_webhook):
    hook = start_webhook(http=HTTP, server=SERVER, env={"HOOK": "h"},
                         files={"a.secret": "a\n"}, workers=2, listen=LISTEN)
    hook.path("a.secret").chmod(0o600)
    memory = []
    for _ in range(WARM_UP + RELOADS):
        assert hook.send().status == 200
        hook.reload()
        eventually(lambda: not hook.exiting_workers(), "the end of the old workers")
        memory.append(own_memory(hook.process.pid))
    print(f"the master's memory, KiB: first {memory[0]}, after {WARM_UP} reloads "
          f"{memory[WARM_UP]}, after {len(memory)} {memory[-1]}")
    if settings.SANITIZED:
        return  # freed memory is kept for a while, to catch who still uses it
    print(*memory)
    quarter = RELOADS // 4
    settled = memory[WARM_UP:]
    # The least: after some reloads the old configuration's pages are still the allocator's.
    grown = min(settled[-quarter:]) - min(settled[:quarter])
    assert grown <= TOLERANCE, memory
