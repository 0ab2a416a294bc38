"""The conventions of AWS's tools, held against botocore itself: how it reads the shared files,
and where it sends requests."""

import itertools
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from harness import settings
from harness.moto_server import moto_python

pytest.importorskip("botocore")

BUILD = pathlib.Path(os.environ.get("MOMENTO_BUILD_DIR") or settings.BUILD)
PROGRAM = BUILD / "aws_cases"
SERVICES = ["events", "sqs", "secretsmanager", "sts"]

# Partitions and rules of old releases are those of their day: the newest one here is asked.
ORACLE = r"""
import json, os, sys, tempfile
import botocore, botocore.configloader, botocore.exceptions, botocore.loaders, botocore.session
import botocore.utils
from botocore.endpoint_provider import EndpointProvider

def version():
    print(json.dumps(list(map(int, botocore.__version__.split(".")[:2]))))

def endpoints():
    loader = botocore.session.Session().get_component("data_loader")
    partitions = loader.load_data("partitions")
    rules = {service: EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"),
                                       partitions)
             for service in json.loads(sys.argv[2])}
    for partition in partitions["partitions"]:
        for region in partition["regions"]:
            if region.endswith("-global"):
                continue
            for service, provider in rules.items():
                for fips in False, True:
                    for dual_stack in False, True:
                        found = provider.resolve_endpoint(
                            Region=region, UseFIPS=fips, UseDualStack=dual_stack)
                        print(json.dumps([service, region, fips, dual_stack, found.url]))

def sessions():
    loader = botocore.session.Session().get_component("data_loader")
    for line in sys.stdin:
        case = json.loads(line)
        os.environ.clear()
        os.environ.update(case["environment"], AWS_ACCESS_KEY_ID="AKIDEXAMPLE",
                          AWS_SECRET_ACCESS_KEY="secret")
        session = botocore.session.Session()
        session.register_component("data_loader", loader)  # keeps what it has read
        client = session.create_client(case["service"], region_name=case["region"])
        http = client._endpoint.http_session
        url = client.meta.endpoint_url
        if case["service"] == "sts":  # only a request knows
            seen = []
            client.meta.events.register("before-send", lambda request, **_: seen.append(request) or
                                        botocore.awsrequest.AWSResponse(request.url, 400, {}, Empty()))
            try:
                client.get_caller_identity()
            except Exception:
                pass
            url = seen[0].url.rstrip("/")
        print(json.dumps({
            "url": url, "proxy": http._proxy_config.proxy_url_for(url) or "",
            "trusted_certificate": "" if http._verify is True else http._verify}))

class Empty:
    def stream(self):
        return iter([b""])

def files():
    for line in sys.stdin:
        case = json.loads(line)
        with tempfile.NamedTemporaryFile("w", newline="", encoding="utf-8") as file:
            file.write(case["parse"])
            file.flush()
            try:
                if case["kind"] == "config":
                    profiles = botocore.configloader.load_config(file.name)["profiles"]
                else:
                    profiles = botocore.configloader.raw_config_parse(file.name)
            except botocore.exceptions.ConfigParseError:
                profiles = None
        print(json.dumps(profiles))

globals()[sys.argv[1]]()
"""


def ask(python, *arguments, lines=()):
    """The oracle's answers, one a line."""
    done = subprocess.run([python, "-c", ORACLE, *arguments], check=True, capture_output=True,
                          text=True, input="".join(json.dumps(line) + "\n" for line in lines))
    return [json.loads(line) for line in done.stdout.splitlines()]


def ours(lines):
    done = subprocess.run([PROGRAM], check=True, capture_output=True, text=True,
                          input="".join(json.dumps(line) + "\n" for line in lines))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    return answers


@pytest.fixture(scope="module", name="botocore")
def newest_botocore():
    """(a Python, the version of its botocore)."""
    found = []
    for python in {sys.executable, moto_python()} - {""}:
        try:
            found.append((ask(python, "version")[0], python))
        except subprocess.CalledProcessError:
            continue
    version, python = max(found)
    return python, version


def test_endpoints_of_all_regions(botocore):
    python, version = botocore
    asked = [(service, region, fips, dual_stack, url)
             for service, region, fips, dual_stack, url
             in ask(python, "endpoints", json.dumps(SERVICES))
             # Names of both families have changed since.
             if version >= [1, 40] or not dual_stack]
    assert len(asked) > 300
    answers = ours([{"service": service, "region": region, "environment": {
        "AWS_USE_FIPS_ENDPOINT": str(fips), "AWS_USE_DUALSTACK_ENDPOINT": str(dual_stack)}}
        for service, region, fips, dual_stack, _ in asked])
    wrong = [(case, answer) for case, answer in zip(asked, answers)
             if answer.get("url") != case[4] or answer["region"] != case[1]]
    assert not wrong


ENDPOINT_VARIABLES = {
    "AWS_ENDPOINT_URL": "https://all.example", "AWS_ENDPOINT_URL_SQS": "https://sqs.example:8443",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
WAY_VARIABLES = {
    "HTTPS_PROXY": "proxy.example:3128", "https_proxy": "http://other.example",
    "NO_PROXY": "x, .amazonaws.com,sqs.example:8443", "AWS_CA_BUNDLE": "%CA%",
    "REQUESTS_CA_BUNDLE": "%OTHER%"}
PROFILE_SETTINGS = [
    "endpoint_url = https://profile.example", "services = own", "ca_bundle = %PROFILE%",
    "use_fips_endpoint = true", "use_dualstack_endpoint = True", "use_fips_endpoint = false",
    "ignore_configured_endpoint_urls = true", "sts_regional_endpoints = legacy"]


def subsets(items, most):
    return itertools.chain.from_iterable(
        itertools.combinations(items, count) for count in range(most + 1))


def test_environment_and_profile_lead_to_the_same_place(botocore, tmp_path):
    python, version = botocore
    if version < [1, 34]:
        pytest.skip("this botocore knows no configured endpoints")
    cases = []

    def add(variables, profile, services=("sqs",)):
        config = tmp_path / f"config{len(cases)}"
        names = {"%" + name + "%": str(tmp_path / name) for name in ("CA", "OTHER", "PROFILE")}
        text = "\n".join(["[default]", *profile, "[services own]", "eventbridge =",
                          "  endpoint_url = https://bus.example", "sts =",
                          "  endpoint_url = https://sts.example"])
        for name, path in names.items():
            text = text.replace(name, path)
            variables = {key: value.replace(name, path) for key, value in variables.items()}
        config.write_text(text)
        environment = {"AWS_CONFIG_FILE": str(config), "HOME": str(tmp_path),
                       "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"), **variables}
        for service in services:
            cases.append({"service": service, "region": "eu-west-1", "environment": environment})

    for variables in subsets(ENDPOINT_VARIABLES.items(), 2):
        for profile in subsets(PROFILE_SETTINGS[:2] + PROFILE_SETTINGS[6:7], 2):
            add(dict(variables), profile, SERVICES)
    for variables in subsets(WAY_VARIABLES.items(), 3):
        add(dict(variables), ())
    for profile in subsets(PROFILE_SETTINGS[2:], 2):
        if len({line.partition(" ")[0] for line in profile}) == len(profile):
            add({}, profile, ("events", "sts"))
    add({"AWS_CA_BUNDLE": "%CA%"}, PROFILE_SETTINGS[2:3])
    add({"AWS_USE_FIPS_ENDPOINT": "false"}, PROFILE_SETTINGS[3:4])
    add({"AWS_STS_REGIONAL_ENDPOINTS": "regional"}, PROFILE_SETTINGS[7:], ("sts",))

    expected = ask(python, "sessions", lines=cases)
    answers = ours(cases)
    wrong = [(case, known, answer) for case, known, answer in zip(cases, expected, answers)
             if any(answer.get(name) != known[name] for name in known)]
    assert not wrong, (len(wrong), wrong[0])


ODD_FILES = [
    "", "\n\n", "# nothing\n; else\n",
    "[default]\nregion = r\n[profile x]\nregion=r1\n[x]\nregion=none\n",
    "[profile x] /* not for us */\nregion = r\n",
    "[profile x]]\na=b\n[profile y] ] z\na = b\n",
    "[default]\nregion: r\noutput :json\nrole_arn = a:b=c\nrole_arn2: a=b:c\n",
    "[default]\nREGION = r\nAws_Access_Key_Id = x\n",
    "[default]\na = one\n  two = 2\n\tthree\nb = 1\n",
    "[default]\na = one\n\n  two\n\n\nb = 1\n",
    "[default]\na =\nb = 1\n",
    "[default]\ns3 =\n  a = b\n  Cc= d=e\n\n  e = f\nregion = r\n",
    "[default]\ns3 =\n  a: b\n",
    "[default]\ns3 =\n  nothing\n",
    "[default]\n  region = r\n  output = json\n[profile x]\n  region = r\n",
    "[default]\n\tregion = r\n  output = json\n",
    "[default]\nregion = r\n # comment\n  more\n",
    "[default]\nregion = r\n  [profile x]\noutput = json\n",
    " [default]\nregion = r\n",
    "[default]\rregion = r\r\noutput = json\r\n\r\n[profile x]\r\na = b",
    "[default]\nregion = r\n[default]\noutput = json\n",
    "[default]\nregion = r\nregion = s\n",
    "[default]\nregion = r\nRegion = s\n",
    "[default]\nregion\n", "[default]\nregion = r\njust words\n", "[default]\n= r\n",
    "region = r\n[default]\na = b\n",
    "[\na = b\n", "[]\na = b\n", "[default\nregion = r\n", "[default]\n[x\na = b\n",
    "[default]\n[x = y\na = b\n",
    "[DEFAULT]\nregion = r\n[profile x]\noutput = json\n[default]\nregion = s\n",
    "[profile x]\noutput = json\n[DEFAULT]\nregion = r\n[DEFAULT]\na = b\n",
    "[profile default]\nregion = r\n[default]\noutput = json\n",
    "[default]\noutput = json\n[profile default]\nregion = r\n",
    '[profile "x y"]\na = b\n[profile \'z\']\na = c\n[profile q\\ r]\na = d\n',
    '[profile "x]\na = b\n[profile x\\]\na = b\n[profile]\na = b\n[profile a b]\na = b\n',
    '[profile ""]\na = b\n[profile "a"b\'c\']\na = b\n[profile "a\\"b\\c"]\na = b\n',
    "[profiles x]\na = b\n[profilex]\na = b\n[profile\tx2]\na = b\n[sso-session y]\na = b\n",
    "[default]\na = b#c;d\ne = f\n",
    "[default]\na\u00a0=\u00a0b\u00a0\n\u00a0\u2003c = d\n",
    "[default]\na = \u00e4 \U0001f600\n[profile \u00fc]\na = b\n",
    "[default]\na \x0b= \x1c b \x0c\n",
    "[default]\na = b\\\n c = d\n", "[default]\na = \"b\"\n", "[default]\n%(a)s = %(b)s\n",
    "[default]\nkey with blanks = a b  c \n", "[default]\n:a = b\n", "[default]\na == b\n",
    "[default]\na = =b\nc := d\ne =: f\n", "[default]\nrem a = b\nREM\n",
    "[preview]\ncloudfront = true\n[plugins]\nx = y\n[default]\nregion = r\n",
    "[default]\na = 1\n b\n  c\n d\n   e\nf = 2\n",
    "[default]\na = 1\n   b = 2\n  c = 3\n",
]


def flat(settings_):
    """Nested settings as we name them."""
    values = {}
    for name, value in settings_.items():
        if isinstance(value, dict):
            values[name] = ""
            values.update({f"{name}.{nested}": each for nested, each in value.items()})
        else:
            values[name] = value
    return values


def test_shared_files_are_read_as_botocore_reads_them(botocore):
    cases = [{"parse": text, "kind": kind}
             for text in ODD_FILES for kind in ("config", "credentials")]
    # What two of them say one after the other is odder still.
    cases += [{"parse": re.sub("default|profile x", "profile other", first) + "\n" + second,
               "kind": "config"} for first, second in itertools.product(ODD_FILES, ODD_FILES)]
    expected = ask(botocore[0], "files", lines=cases)
    refused = 0
    for case, known, answer in zip(cases, expected, ours(cases)):
        if known is None:
            refused += 1
            assert answer["problems"] > 0, case
        else:
            # Blanks within brackets are nobody's intention.
            assert answer["profiles"] == {name.strip(): flat(each)
                                          for name, each in known.items()}, case
            assert answer["problems"] == 0, case
    assert 100 < refused < len(cases) - 100
