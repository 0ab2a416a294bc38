"""The reference, ngx_module/README.md, says what there is: each directive, setting, variable,
metric and JSON member, and nothing else. And no text leads nowhere."""

import pathlib
import re

import pytest

from harness.credential_server import CONTAINER_PATH, CredentialServer
from harness.events import SECRET, documented_event, signed
from harness.standin import error, partial
from harness.waiting import eventually
from harness.webhook import SPOOL, eventbridge, webhook
from test_manuals import directive_flags, settings, variables

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = sorted(path.relative_to(ROOT) for pattern in ("*.md", "core/*.md", "ngx_module/*.md",
                                                      "bench/*.md")
               for path in ROOT.glob(pattern))


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors(text):
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", without_code(text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", TEXTS, ids=str)
def test_no_link_leads_nowhere(name):
    text = (ROOT / name).read_text()
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", without_code(text))
    for path, anchor in links:
        target = ROOT / name.parent / path if path else ROOT / name
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target.read_text()), f"{path}#{anchor}"


# What is named in texts for whoever carries on

PLACES = ["core", "ngx_module", "tests", "bench", "conf.d"]


def code_in(name):
    return re.findall(r"`([^`\n]+)`", without_code((ROOT / name).read_text()))


@pytest.mark.parametrize("name", ["core/README.md", "CONTRIBUTING.md"])
def test_each_file_that_is_named_is_there(name):
    named = {word for each in code_in(name) for word in each.split()
             if re.fullmatch(r"[\w.-]+(/[\w.-]+)*(/|\.(cpp|h|py|sh|md|json|1|7))", word)
             and not word.startswith("build")}
    assert len(named) > 20
    for path in named:
        whole = [base for base in (ROOT, ROOT / "core", ROOT / "tests/integration")
                 if (base / path).exists()]
        below = [each for place in PLACES for each in (ROOT / place).rglob(path)] if (
            "/" not in path) else []
        assert whole or below, path


def test_rooms_include_what_the_tour_says_that_they_may():
    text = (ROOT / "core/README.md").read_text()
    table = re.findall(r"^\| `(\w+)/` \| .* \| (.*) \|$",
                       text[text.index("## The rooms"):text.index("## The threads")], re.M)
    reach = {}
    for room, may in table:
        named = set(reach) if may == "all above" else set(re.findall(r"`(\w+)`", may))
        reach[room] = {room} | named | set().union(*(reach[each] for each in named))
        directory = ROOT / "core" / room if room != "ngx_module" else ROOT / room
        for path in directory.rglob("*.[ch]*"):
            used = set(re.findall(r'#include "(\w+)/', path.read_text()))
            assert used <= reach[room], path
    assert set(reach) == {path.name for path in (ROOT / "core").iterdir()
                          if path.is_dir()} | {"ngx_module"}


def test_each_function_that_is_named_is_there():
    sources = "".join(path.read_text() for place in ("core", "ngx_module")
                      for path in (ROOT / place).rglob("*.[ch]*"))
    for name in ("core/README.md", "CONTRIBUTING.md"):
        functions = [each for each in code_in(name) if each.endswith("()")]
        for function in functions:
            *of, last = re.findall(r"\w+", function)
            assert re.search(rf"\b{last}\(", sources), function
            assert all(re.search(rf"\b{each}\b", sources) for each in of), function


# What the reference says

REFERENCE = (ROOT / "ngx_module/README.md").read_text()
LEVELS = {"http": "NGX_HTTP_MAIN_CONF", "server": "NGX_HTTP_SRV_CONF",
          "location": "NGX_HTTP_LOC_CONF"}


def chapter(heading):
    """What stands below it, up to the next one of its level or a higher one."""
    depth = heading.index(" ")
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{depth}}} |\Z)",
                      without_code(REFERENCE), re.M | re.S)
    assert found, heading
    return found.group(1)


def rows(text):
    """The cells of the tables there, a list for each row with a name or several in code first."""
    table = re.findall(r"^\| (`.*) \|$", text, re.M)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in table]


def in_code(cell):
    return re.findall(r"`([^`]+)`", cell)


def first_names(text):
    return [name for row in rows(text) for name in in_code(row[0])]


def reference_directives():
    """Name -> its contexts."""
    found = {}
    for name, text in re.findall(r"^### (momento_\w+)\n(.*?)(?=^##|\Z)",
                                 chapter("## Directives"), re.M | re.S):
        syntax = re.search(r"^\| Syntax \| `(.*)` \|$", text, re.M).group(1).replace(r"\|", "|")
        default = re.search(r"^\| Default \| (.*) \|$", text, re.M).group(1)
        context = re.search(r"^\| Context \| (.*) \|$", text, re.M).group(1)
        assert syntax.startswith(name)
        assert default == "—" or name in default or not default.startswith("`")
        found[name] = in_code(context)
    return found


def test_each_directive_has_its_section_and_its_context():
    levels = {name: [level for level, flag in LEVELS.items() if flag in flags]
              for name, flags in directive_flags().items()}
    assert len(levels) > 10
    assert reference_directives() == levels


def test_each_setting_has_its_line():
    text = chapter("## Settings of a destination")
    text = text[:text.index("What becomes of an event")]
    names = [name.split()[0].rstrip(";") for row in rows(text) for name in in_code(row[0])]
    assert sorted(names) == sorted(settings())


def test_each_variable_has_its_line():
    assert first_names(chapter("## Variables")) == [f"${name}" for name in variables()]


# What nginx answers

CLOSED = "AccessDeniedException"
ZONES = "momento_replay_zone signatures 1m; momento_replay_zone small 32k;"
PAGES = "location = /metrics { momento_status prometheus; } " \
        "location = /health { momento_status health; }"
SESSION = {"AccessKeyId": "ASIAEXAMPLEOFASESSION", "SecretAccessKey": "secret-of-a-session",
           "SessionToken": "token-of-a-session"}


def fill(hook, entries):
    """So many signatures for a zone of that size that it has no room for more."""
    with hook.connect() as connection:
        for number in range(2 * entries):
            body = documented_event(text=str(number))
            assert connection.post("/closed", body, signed(body)).status in (200, 503)


@pytest.fixture
def complete(start_webhook, start_standin):
    """An nginx whose status has something of everything."""
    standin, closed = start_standin(), start_standin()
    closed.always(error(CLOSED))
    standin.credentials[SESSION["AccessKeyId"]] = (SESSION["SecretAccessKey"],
                                                   SESSION["SessionToken"])
    server = CredentialServer(SESSION)
    former = eventbridge(closed, "former")
    destinations = eventbridge(standin, settings="credentials container;") + eventbridge(
        closed, "closed")
    filling = webhook("momento_webhook_max_age 1h; momento_webhook_replay small;", "closed",
                      path="= /closed")
    leaving = webhook(destination="former", path="= /former")
    hook = start_webhook(
        standin, "momento_webhook_replay signatures;", destinations=destinations + former,
        spool=SPOOL.replace(";", " sync=os;"), secret="file:%%DIR%%/secret previous=1h", http=ZONES, files={"secret": SECRET},
        server=PAGES + filling + leaving,
        env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + CONTAINER_PATH})
    hook.allow(r"the replay zone \"small\" is full|\[alert\].*momento: orphans: 1 events")
    try:
        standin.answer(partial({0: "MalformedDetail"}))
        for number in range(3):
            assert hook.send(documented_event(text=str(number))).status == 200
        assert hook.send(b"{}").status == 400
        assert hook.send(path="/former").status == 200
        fill(hook, hook.status()["replay_zones"][1]["capacity"])
        hook.write("secret", "another one")
        eventually(lambda: hook.send(secret="another one").status == 200, "the new secret")
        parts = dict(hook.parts)
        hook.reload(http=parts["http"].replace(former, ""),
                    server=parts["server"].replace(leaving, ""))
        assert hook.send(secret="another one").status == 200  # credentials are fetched for it
        eventually(lambda: hook.status()["orphans"], "the orphan")
        eventually(lambda: hook.numbers("closed")["held"], "a hold")
        eventually(lambda: "credentials_expiry_seconds" in hook.numbers(), "credentials")
        eventually(lambda: "bus" in hook.numbers(), "a look at the bus")
        eventually(lambda: any("zone" in reason for reason in hook.status()["health"]["reasons"]),
                   "a full zone")
        yield hook
    finally:
        server.close()


def test_each_metric_has_its_line_with_its_type_and_labels(complete):
    text = complete.get("/metrics").body.decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    labels = {}
    for name, inner in re.findall(r"^(momento_\w+?)(?:\{(.*)\})? \S+$", text, re.M):
        if name not in types:
            name = re.sub(r"_(bucket|sum|count)$", "", name)
        labels[name] = [label for label in re.findall(r'(\w+)="', inner) if label != "le"]
    assert set(types) == set(labels), "a metric without a sample"
    table = rows(chapter("### Metrics"))
    assert {in_code(name)[0]: (kind, in_code(of)) for name, kind, of, *_ in table} == {
        name: (kind, labels[name]) for name, kind in types.items()}

    # What stands in labels is told by name, too.
    def values(metric, label):
        return set(re.findall(rf'^{metric}\{{.*{label}="([^"]*)"', text, re.M))

    codes = set(in_code(chapter("#### Codes and outcomes")))
    assert values("momento_events_dead_total", "reason") | values(
        "momento_delivery_requests_total", "outcome") == codes - {"reason"}
    assert values("momento_webhook_requests_total", "verdict") == {
        *first_names(chapter("## Answers")), "dry_run"}


KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object",
         list: "array"}
NAMES = (("requests", "VERDICT"), ("dead_reasons", "CODE"), ("delivery_requests", "OUTCOME"))


def members(value, path=""):
    """Path -> type, of everything in a JSON value."""
    found = {}
    if isinstance(value, dict):
        name = next((name for of, name in NAMES if path.endswith("." + of)), None)
        for key, each in value.items():
            inner = f"{path}.{name or key}".lstrip(".")
            found |= {inner: KINDS[type(each)], **members(each, inner)}
    elif isinstance(value, list):
        for each in value:
            found |= members(each, path + "[]")
    return found


def test_each_member_of_the_json_has_its_line_with_its_type(complete):
    found = members(complete.status())
    assert found | members({"health": complete.get("/health").json()}) == found
    table = {in_code(name)[0]: kind for name, kind, *_ in rows(chapter("### JSON"))}
    assert list(table) and table == {
        name: table.get(name) if (kind, table.get(name)) == ("integer", "number") else kind
        for name, kind in found.items()}
