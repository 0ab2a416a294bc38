"""The packages on a fresh Debian: what the README says of them, done there."""

import pathlib
import re
import subprocess
import threading
import time

import pytest

from harness import settings
from harness.clean_root import CleanRoot
from harness.documents import readme_commands
from harness.events import documented_event, signed
from harness.standin import StandIn
from harness.waiting import eventually

pytestmark = [
    pytest.mark.package,
    pytest.mark.skipif(not settings.CLEAN_ROOT, reason="by tests/run.sh only"),
]

PORT = 8088
EVENTS = "/var/log/nginx/events.jsonl"
SPOOL = "/var/lib/nginx/momento"
MODULE = "libnginx-mod-http-momento"
SUCCESS = b'{"message":"Success"}'

CONFIGURATION = f"""
momento_spool {SPOOL} size=64m segment=1m;
momento_destination file {{ file {EVENTS}; }}
momento_destination bus {{ eventbridge default; endpoint ENDPOINT; retry max_delay=1s; }}
momento_webhook_secret file:/etc/nginx/momento.secret;
momento_webhook_timeout 60s;
server {{
    listen 127.0.0.1:{PORT};
    location = /momento {{ momento_webhook file; }}
    location = /bus {{ momento_webhook bus; }}
    location = /status {{ momento_status json; }}
    location = /version {{ return 200 $momento_version; }}
}}
"""


@pytest.fixture
def root():
    root = CleanRoot()
    yield root
    print(root.attempt("cat /var/log/nginx/error.log")[1])  # shown if the test fails
    root.close()


def packages(which):
    return {deb.name.split("_")[0]: deb for deb in pathlib.Path(which).glob("*.deb")}


def version(which):
    return next(iter(packages(which).values())).name.split("_")[1]


def install(root, which, options=""):
    """What apt-get says while it installs the packages."""
    for deb in packages(which).values():
        root.put(deb, f"/tmp/{deb.name}")
    names = " ".join(f"/tmp/{deb.name}" for deb in packages(which).values())
    return root.run(f"apt-get install -y {options} {names}")


def listens(root):
    def try_it():
        try:
            root.connect(PORT).close()
        except ConnectionRefusedError:
            return False
        return True
    eventually(try_it, f"port {PORT} is open")


def configure(root, text, start):
    root.file("/etc/nginx/momento.secret").write_text("1234567890\n")
    root.file("/etc/nginx/conf.d/momento.conf").write_text(text)
    root.run(start)
    listens(root)


def send(root, path, text):
    body = documented_event(text=text)
    return root.request(PORT, "POST", path, body, signed(body))


def status(root):
    return root.request(PORT, "GET", "/status").json()


def destination(root, name):
    return next(each for each in status(root)["destinations"] if each["name"] == name)


def running_version(root):
    return root.request(PORT, "GET", "/version").body.decode()


def texts(root):
    path = root.file(EVENTS)
    lines = path.read_text().splitlines() if path.exists() else []
    return [re.search(r'"text":"([^"]*)"', line).group(1) for line in lines]


class Load:
    """Events, one behind the other, each on a connection of its own, until it is stopped."""

    def __init__(self, root):
        self.answers = []
        self.sent = []
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stop.is_set():
            self.sent.append(f"load {len(self.sent)}")
            try:
                self.answers.append(send(self._root, "/momento", self.sent[-1]).status)
            except OSError as problem:
                self.answers.append(repr(problem))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def test_what_is_in_them(tmp_path):
    modules = "/usr/lib/nginx/modules/ngx_http_momento_module.so"
    for name, needed in (
            (MODULE, {modules, "/usr/share/nginx/modules-available/mod-http-momento.conf",
                      f"/usr/share/doc/{MODULE}/README.md.gz",
                      f"/usr/share/doc/{MODULE}/ngx_module/README.md.gz",
                      f"/usr/share/doc/{MODULE}/examples/momento.conf"}),
            ("momentoctl", {"/usr/bin/momentoctl"})):
        deb = packages(settings.PACKAGES)[name]
        subprocess.run(["dpkg-deb", "-x", deb, tmp_path / name], check=True)
        files = {f"/{file.relative_to(tmp_path / name)}"
                 for file in (tmp_path / name).rglob("*") if not file.is_dir()}
        assert needed <= files
        assert all(re.match(r"/usr/(lib/nginx/modules|share/nginx/modules-available|bin"
                            r"|share/(doc|lintian|man|bash-completion))/", file)
                   for file in files), files
        depends = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], check=True,
                                 capture_output=True, text=True).stdout
        assert re.search(r"libcurl4\w* \(>= 7\.87\)", depends)
        assert ("nginx-abi-" in depends) == (name == MODULE)
    # Stripped: what is not needed to run is not there.
    for file in (tmp_path / f"{MODULE}{modules}", tmp_path / "momentoctl/usr/bin/momentoctl"):
        sections = subprocess.run(["readelf", "-SW", file], check=True, capture_output=True,
                                  text=True).stdout
        assert ".symtab" not in sections and ".debug_info" not in sections
        assert file.stat().st_size < 8 << 20


def test_from_package_to_first_event_as_the_readme_says(root, record_property):
    """Its commands as they stand there; two blocks, since a person's hand takes a moment."""
    root.run("apt-get install -y nginx")
    started = time.monotonic()
    install(root, settings.PACKAGES)
    installed = time.monotonic()
    said = root.run(readme_commands(">/etc/nginx/conf.d/momento.conf"))
    assert "warn" not in said and "emerg" not in said
    listens(root)
    said = root.run(readme_commands("momentoctl send http://127.0.0.1:8088/momento"))
    assert '"detail-type":"chat#room-281"' in said
    record_property("time", f"from package to first event: {time.monotonic() - started:.1f} s, "
                            f"{installed - started:.1f} of them to install it")
    assert "[error]" not in root.run("cat /var/log/nginx/error.log")


def test_upgrade_loads_the_new_code_and_drops_nothing(root):
    install(root, settings.PACKAGES)
    bus = root.inside(StandIn)
    root.file("/etc/default/nginx").write_text("".join(
        f"export {name}={value}\n" for name, value in bus.environment().items()))
    configure(root, CONFIGURATION.replace("ENDPOINT", bus.endpoint), "service nginx restart")
    assert running_version(root) == version(settings.PACKAGES)

    # Events of before: on disk when the old code ends.
    bus.unreachable()
    before = [f"before {number}" for number in range(20)]
    for text in before:
        assert send(root, "/bus", text).body == SUCCESS
    assert destination(root, "bus")["pending"] == len(before)

    # A request that is half there when the upgrade comes.
    slow = root.connect(PORT)
    slow.http.putrequest("POST", "/momento")
    body = documented_event(text="slow")
    for name, value in {**signed(body), "Content-Length": len(body)}.items():
        slow.http.putheader(name, value)
    slow.http.endheaders(body[:10])

    with Load(root) as load:
        eventually(lambda: len(load.answers) > 20, "some load")
        said = install(root, settings.NEXT_PACKAGES)
        assert running_version(root) == version(settings.NEXT_PACKAGES)
        enough = len(load.answers) + 20
        eventually(lambda: len(load.answers) > enough, "some load for the new code")
    assert "old code" not in said
    assert set(load.answers) == {200}

    slow.http.send(body[10:])
    assert slow.http.getresponse().read() == SUCCESS
    slow.close()
    eventually(lambda: set(texts(root)) == {*load.sent, "slow"}, "all events")

    bus.open()
    entries = bus.wait_for_entries(len(before))
    assert {re.search(r'"text":"(.*?)"', entry["Detail"]).group(1) for entry in entries} == {
        *before}
    eventually(lambda: not root.file("/run/nginx.pid.oldbin").exists(), "the old master's end")
    assert not bus.complaints
    bus.close()


def test_upgrade_where_only_the_running_nginx_knows_the_secret_or_nothing_is_right(root):
    """dpkg has not the environment of nginx."""
    install(root, settings.PACKAGES)
    text = CONFIGURATION.replace("file:/etc/nginx/momento.secret", "env:HOOK")
    text = text.replace("ENDPOINT", "http://127.0.0.1:9")
    root.file("/etc/default/nginx").write_text("export HOOK=1234567890\n")
    configure(root, text, "service nginx restart")
    said = install(root, settings.NEXT_PACKAGES)
    assert "old code" not in said
    assert running_version(root) == version(settings.NEXT_PACKAGES)
    eventually(lambda: not root.file("/run/nginx.pid.oldbin").exists(), "the old master's end")
    assert send(root, "/momento", "after").body == SUCCESS

    root.file("/etc/nginx/conf.d/broken.conf").write_text("momento_spol /x;\n")
    said = install(root, settings.PACKAGES, "--allow-downgrades")
    assert 'unknown directive "momento_spol"' in said
    assert "nginx goes on with the module's old code: mend what is said above" in said
    assert running_version(root) == version(settings.NEXT_PACKAGES)
    assert send(root, "/momento", "still").body == SUCCESS
    eventually(lambda: {"after", "still"} <= set(texts(root)), "all events")


def test_remove_and_purge_say_what_stays_and_leave_the_spool(root):
    install(root, settings.PACKAGES)
    configure(root, CONFIGURATION.replace("ENDPOINT", "http://127.0.0.1:9"),
              "service nginx restart")
    for number in range(3):
        assert send(root, "/bus", f"event {number}").body == SUCCESS

    said = root.run(f"apt-get remove -y {MODULE}")
    assert "directives or variables of this module still stand in\n" \
           "  /etc/nginx/conf.d/momento.conf\n" in said
    assert f"stay in {SPOOL}; this package's purge leaves them, too." in said
    assert "a purge of nginx-common removes all of /var/lib/nginx" in said
    # A running nginx goes on; a new one does not start, until the package is there again.
    assert send(root, "/momento", "still").body == SUCCESS
    refused, said = root.attempt("nginx -t")
    assert refused and 'unknown directive "momento_spool"' in said
    install(root, settings.PACKAGES)
    root.run("nginx -t")

    # Directives gone first: then nothing is left to say about them.
    root.run("rm /etc/nginx/conf.d/momento.conf && nginx -t && nginx -s reload")
    said = root.run(f"apt-get purge -y {MODULE}")
    assert "still stand in" not in said
    root.run("nginx -t && service nginx restart")
    assert not list(root.file("/etc/nginx/modules-enabled").glob("*momento*"))
    pending = root.run(f"momentoctl spool cat {SPOOL}")
    assert all(f"event {number}" in pending for number in range(3))
