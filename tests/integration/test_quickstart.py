"""conf.d/quickstart.sh, run beside an nginx that has nothing to do with it."""

import json
import os
import pathlib
import re
import subprocess

import pytest

from harness import settings

pytestmark = pytest.mark.quickstart

PREFIX = settings.BUILD / "quickstart"


def quickstart(*arguments):
    return subprocess.run(
        ["sh", settings.REPOSITORY / "conf.d/quickstart.sh", *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={name: value for name, value in os.environ.items() if name != "QUICKSTART_PORT"},
        check=False, timeout=600)


@pytest.fixture
def stopped():
    quickstart("stop")
    yield
    quickstart("stop")


def master():
    return int((PREFIX / "nginx.pid").read_text())


def runs(pid):
    """A process that has ended may still wait for its parent to notice: it has no title."""
    title = pathlib.Path(f"/proc/{pid}/cmdline")
    return title.exists() and title.read_bytes() != b""


def events():
    return [json.loads(line) for line in (PREFIX / "events.jsonl").read_text().splitlines()]


def test_runs_twice_and_leaves_others_alone(start_nginx, stopped):
    bystander = start_nginx(server="location / { return 200 untouched; }")
    processes = bystander.processes()
    before = len(events()) if PREFIX.exists() else 0

    first = quickstart()
    assert first.returncode == 0, first.stdout
    assert len(events()) == before + 1
    assert events()[-1]["detail"]["text"] == "Hello from the quick start"
    first_master = master()

    second = quickstart()
    assert second.returncode == 0, second.stdout
    assert len(events()) == before + 2
    assert master() != first_master
    assert not runs(first_master)
    port = re.search(r"127\.0\.0\.1:(\d+)", second.stdout).group(1)
    assert f"127.0.0.1:{port}" in first.stdout

    assert bystander.processes() == processes
    assert bystander.get("/").body == b"untouched"

    second_master = master()
    assert quickstart("stop").returncode == 0
    assert not runs(second_master)


def test_an_unknown_word_is_refused():
    refused = quickstart("restart")
    assert refused.returncode == 2
    assert "Usage: sh conf.d/quickstart.sh" in refused.stdout


def test_two_builds_at_once_find_the_same_system(tmp_path):
    """Without a lock one finds the other's test programs, and believes what they say."""
    library = settings.REPOSITORY / "tests/lib"
    subprocess.run(
        ["sh", "-c", """
            repo=$1
            . "$2/packages.sh"
            . "$2/nginx.sh"
            debian_nginx "$3/debian"
            source=$debian_root/usr/share/nginx/src
            configure_module "$source" "$4/together" & first=$!
            configure_module "$source" "$4/together" & second=$!
            wait $first && wait $second && configure_module "$source" "$4/alone"
         """, "sh", settings.REPOSITORY, library, settings.BUILD, tmp_path],
        check=True, timeout=300)
    found = [(tmp_path / each / "ngx_auto_config.h").read_text().replace(each, "")
             for each in ("together", "alone")]
    assert found[0] == found[1]
