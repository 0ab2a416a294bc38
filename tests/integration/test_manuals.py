"""Man pages and completion say what there is: each command, option, directive, setting and
variable, and nothing else. The README quotes messages that are written."""

import errno
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = ROOT / "conf.d/man/momentoctl.1"
MODULE = ROOT / "conf.d/man/ngx_http_momento_module.7"
COMPLETION = ROOT / "conf.d/completions/momentoctl"


@pytest.fixture(scope="module")
def table(momentoctl):
    """What the tool says of itself: the table that its parser goes by."""
    return json.loads(momentoctl("help", "--json").stdout)


def plain(text):
    """A line of a man page without its markup."""
    text = re.sub(r"\\f.", "", text).replace(r"\-", "-").replace(r"\(aq", "'")
    return re.sub(r"^\.\w+ ", "", text).replace('"', "")


def sections(page, macro):
    """The lines below each heading of that kind, up to the next one of either kind."""
    found, lines = {}, None
    for line in page.read_text().splitlines():
        if line.startswith((".SH", ".SS")):
            lines = None
            if line.startswith(macro):
                lines = found.setdefault(plain(line), [])
        elif lines is not None:
            lines.append(line)
    return found


def terms(lines):
    """The first word of each term of a list (.TP and .TQ)."""
    return [plain(lines[number + 1]).split()[0].rstrip(";,")
            for number, line in enumerate(lines) if line in (".TP", ".TQ")]


def names(options):
    return [option["name"] for option in options]


def test_the_manual_of_momentoctl_has_every_command_and_option(table):
    commands = sections(TOOL, ".SS")
    assert list(commands) == [command["name"] for command in table["commands"]]
    for command in table["commands"]:
        lines = commands[command["name"]]
        assert terms(lines) == names(command["options"]), command["name"]
        usage = [plain(line) for line in lines if line.startswith(r"\fBmomentoctl")]
        assert usage == [f"momentoctl {command['name']} {way}".rstrip()
                         for way in command["usage"]]
    assert terms(sections(TOOL, ".SH")["OPTIONS"]) == names(table["common_options"])


def directive_flags():
    """Name -> flags, as nginx is told of them."""
    text = (ROOT / "ngx_module/ngx_http_momento_module.cpp").read_text()
    any_level = re.search(r"any_level = ([\w| ]+);", text).group(1)
    found = re.findall(r'\{ ngx_string\("(momento_\w+)"\),\s+([\w|]+)', text)
    return {name: flags.replace("any_level", any_level) for name, flags in found}


def directives():
    return list(directive_flags())


def settings():
    text = (ROOT / "ngx_module/directives_destination.cpp").read_text()
    rows = text[text.index("constexpr Setting settings[]"):]
    names = re.findall(r'^ +\{ "(\w+)",', rows[:rows.index("};")], re.MULTILINE)
    return kinds() + names


def kinds():
    rows = "".join(path.read_text()
                   for path in sorted(ROOT.glob("core/destination/*_kind.cpp")))
    return re.findall(r'^const DestinationKind \w+ = \{\n    "(\w+)",', rows, re.MULTILINE)


def variables():
    text = (ROOT / "ngx_module/variables.cpp").read_text()
    return re.findall(r'\{ ngx_string\("(momento_\w+)"\)', text)


def test_the_manual_of_the_module_has_every_directive_setting_and_variable():
    found = sections(MODULE, ".SH")
    assert len(directives()) > 10 and len(settings()) > 10 and len(variables()) > 5
    assert sorted(terms(found["DIRECTIVES"])) == sorted(directives())
    assert terms(found["SETTINGS OF A DESTINATION"]) == settings()
    assert terms(found["VARIABLES"]) == [f"${name}" for name in variables()]


@pytest.mark.parametrize("page", [TOOL, MODULE], ids=lambda page: page.name)
def test_a_manual_is_well_formed(page):
    if not shutil.which("groff"):
        pytest.skip("no groff on this machine")
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-rLL=78n", page],
                          capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert b"momento" in done.stdout


def complete(*words):
    """What bash offers for the last word."""
    if not shutil.which("bash"):
        pytest.skip("no bash on this machine")
    script = ('. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _momentoctl; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, COMPLETION, "momentoctl", *words],
                          capture_output=True, text=True, check=True, cwd="/")
    assert done.stderr == ""
    return sorted(done.stdout.split())


def test_completion_offers_every_command_and_option_and_nothing_else(table):
    commands = [command["name"].split() for command in table["commands"]]
    firsts = {first for first, *_ in commands}
    assert complete("") == sorted(firsts | {"help", "version"})
    assert complete("help", "") == sorted(firsts)
    for group in {first for first, *rest in commands if rest}:
        seconds = sorted(rest[0] for first, *rest in commands if first == group)
        assert complete(group, "") == seconds
        assert complete("help", group, "") == seconds
    common = names(table["common_options"])
    for command in table["commands"]:
        offered = complete(*command["name"].split(), "-")
        assert offered == sorted(names(command["options"]) + common), command["name"]
    assert complete("version", "-") == ["--json"]


def test_completion_offers_values(table, tmp_path):
    kinds, = (option["help"] for command in table["commands"] if command["name"] == "check"
              for option in command["options"] if option["name"] == "--credentials")
    assert complete("check", "bus", "--credentials", "") == sorted(
        re.findall(r"\w+", kinds.replace("(default)", "")))
    (tmp_path / "spool").mkdir()
    (tmp_path / "file").touch()
    assert complete("spool", "ls", f"{tmp_path}/") == [f"{tmp_path}/spool"]
    assert len(complete("send", "url", "--body", f"{tmp_path}/")) == 2
    for command in table["commands"]:
        for option in command["options"]:
            if option.get("value") and option["name"] not in ("--credentials", "--cacert",
                                                              "--body"):
                words = command["name"].split()
                assert complete(*words, option["name"], "") == [], option["name"]


# The README's table of messages


@functools.cache
def literals():
    """The texts in the code, and what the system says of a full disk."""
    found = [os.strerror(errno.ENOSPC)]
    one = r'"(?:[^"\\\n]|\\.)*"'
    for room in ("core", "ngx_module"):
        for file in (ROOT / room).rglob("*.[ch]*"):
            code = re.sub(r"(?m)^\s*//.*|^#include.*", "", file.read_text())
            for adjacent in re.findall(rf"{one}(?:\s*{one})*", code):
                parts = [text[1:-1] for text in re.findall(one, adjacent)]
                found.append(re.sub(r"\\(.)", r"\1", "".join(parts)))
    # Letters alone make up whatever one likes.
    return {text for text in found if text and not re.fullmatch(r"\w", text)}


def is_written(words):
    """Whether they stand in one text, or where several meet: the end of one, whole ones, the
    beginning of another."""
    texts = "\0" + "\0".join(literals()) + "\0"
    ends = {end for end in range(1, len(words)) if words[:end] + "\0" in texts}
    for end in range(1, len(words)):
        if end in ends:
            if "\0" + words[end:] in texts:
                return True
            ends |= {end + len(text) for text in literals() if words.startswith(text, end)}
    return words in texts


def test_the_readme_quotes_messages_that_are_written():
    assert not is_written("forged since the beginning") and not is_written("nobody says so")
    readme = (ROOT / "README.md").read_text()
    rows = re.search(r"\| it begins, or has \|.*\n\|[-|]+\n((?:\|.*\n)+)", readme)[1]
    quotes = [quote for row in rows.splitlines()
              for quote in re.findall("`([^`]+)`", row.split(" | ")[0])]
    assert len(quotes) > 20
    missing = [quote for quote in quotes for words in quote.split("…")
               if words.strip() and not is_written(words.strip())]
    assert missing == []
