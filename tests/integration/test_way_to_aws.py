"""How AWS is reached: proxies, certificates of one's own, and what the shared files say."""

import os
import pathlib
import shutil
import tempfile

import pytest

from harness import standin as aws
from harness.credential_server import CredentialServer
from harness.events import SECRET
from harness.nginx import check_config, make_directory
from harness.proxy import Proxy
from harness.tls import certificate
from harness.vault import Vault
from harness.webhook import eventbridge

CA = str(certificate().path)
KEYS = (f"aws_access_key_id = {aws.ACCESS_KEY_ID}\n"
        f"aws_secret_access_key = {aws.SECRET_ACCESS_KEY}\n")


@pytest.fixture(name="start")
def start_and_close():
    """Starts what has close()."""
    running = []

    def start(kind, *arguments, **settings):
        running.append(kind(*arguments, **settings))
        return running[-1]

    yield start
    for each in running:
        each.close()


def port(endpoint):
    return endpoint.removeprefix("https://")


@pytest.mark.parametrize("variables, is_used", [
    ({"HTTPS_PROXY": "%ADDRESS%", "AWS_CA_BUNDLE": CA}, True),
    ({"https_proxy": "http://%ADDRESS%", "HTTPS_PROXY": "http://127.0.0.1:1",
      "REQUESTS_CA_BUNDLE": CA}, True),
    ({"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "localhost, 127.0.0.1",
      "AWS_CA_BUNDLE": CA}, False),
    ({"AWS_CA_BUNDLE": CA}, False),
])
def test_services_are_reached_as_the_environment_says(start_webhook, start_standin, start,
                                                      momentoctl, variables, is_used):
    proxy = start(Proxy)
    bus = start_standin(tls=True)
    queue = start_standin(tls=True, service="sqs", check=0.0)
    queue.always(aws.plain(200, b"{}"))
    vault = start(Vault, tls=True)
    vault.put("hooks", SECRET)
    env = {name: value.replace("%ADDRESS%", proxy.address) for name, value in variables.items()}
    hook = start_webhook(bus, secret="secretsmanager:hooks", env={**vault.environment(), **env})
    assert hook.send().status == 200
    bus.wait_for_entries(1)
    done = momentoctl("dead", "redrive", "--queue", f"{queue.endpoint}/123456789012/letters",
                      hook.path("spool"), env=hook.env)
    assert (done.returncode, done.stdout) == (0, b"no dead letter matches\n"), done.stderr
    used = {port(each.endpoint) for each in (bus, queue, vault)}
    assert set(proxy.tunnels) == (used if is_used else set())


@pytest.fixture(name="workers_directory")
def directory_that_workers_may_read():
    directory = make_directory()
    yield directory
    shutil.rmtree(directory)


def test_roles_are_asked_for_as_the_environment_says(start_webhook, start_standin, start,
                                                     workers_directory):
    proxy = start(Proxy)
    bus = start_standin(tls=True)
    secret, token = bus.credentials[aws.ACCESS_KEY_ID]
    sts = start(CredentialServer, {"AccessKeyId": aws.ACCESS_KEY_ID, "SecretAccessKey": secret,
                                   "SessionToken": token or "t"}, tls=True)
    bus.credentials[aws.ACCESS_KEY_ID] = (secret, token or "t")
    (workers_directory / "token").write_text("a-token")
    hook = start_webhook(
        destinations=eventbridge(bus, settings="credentials web_identity;"),
        env={"AWS_REGION": aws.REGION, "AWS_ENDPOINT_URL_STS": sts.url,
             "AWS_WEB_IDENTITY_TOKEN_FILE": str(workers_directory / "token"),
             "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/gateway",
             "HTTPS_PROXY": proxy.url, "AWS_CA_BUNDLE": CA})
    assert hook.send().status == 200
    bus.wait_for_entries(1)
    assert set(proxy.tunnels) == {port(bus.endpoint), port(sts.url)}


def test_metadata_are_asked_directly(start_webhook, standin, start):
    proxy = start(Proxy)
    secret, _ = standin.credentials[aws.ACCESS_KEY_ID]
    standin.credentials[aws.ACCESS_KEY_ID] = (secret, "t")
    given = {"AccessKeyId": aws.ACCESS_KEY_ID, "SecretAccessKey": secret, "SessionToken": "t"}
    unknown = start(CredentialServer, given, tls=True)
    instance = start(CredentialServer, given)
    for kind, env in (
            ("container", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{unknown.url}/"}),
            ("instance", {"AWS_EC2_METADATA_DISABLED": "false",
                          "AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.url})):
        hook = start_webhook(
            destinations=eventbridge(standin, settings=f"credentials {kind};"),
            env={"AWS_REGION": aws.REGION, "HTTPS_PROXY": proxy.url, "https_proxy": proxy.url,
                 **env})
        assert hook.send().status == 200
        if kind == "container":  # only the system's certificates count there
            hook.wait_for_log("container credentials of .*certificate")
        else:
            standin.wait_for_entries(1)
    assert proxy.tunnels == []


@pytest.mark.parametrize("has_tls", [False, True])
def test_a_proxys_certificate_may_be_ones_own(start_webhook, start_standin, start, has_tls):
    proxy = start(Proxy, tls=has_tls, user="us:p@ss")
    bus = start_standin(tls=True)
    url = proxy.url.replace("//", "//us:p%40ss@")
    hook = start_webhook(bus, settings=f"proxy {url}; trusted_certificate {CA};")
    assert hook.send().status == 200
    bus.wait_for_entries(1)
    assert set(proxy.tunnels) == {port(bus.endpoint)}
    if not has_tls:
        return
    careful = start_webhook(bus, settings=f"proxy {url};")
    assert careful.send().status == 200
    careful.wait_for_log("is on hold .*certificate")
    assert len(bus.accepted) == 1


@pytest.mark.parametrize("user", ["", "other:hunter2@"])
def test_a_proxy_that_wants_a_password_is_named(start_webhook, start_standin, start, user):
    proxy = start(Proxy, user="us:er")
    bus = start_standin(tls=True)
    hook = start_webhook(bus, settings=f"proxy http://{user}{proxy.address};"
                                       f" trusted_certificate {CA};")
    assert hook.send().status == 200
    hook.wait_for_log("the proxy answers 407 to CONNECT: it wants a user and a password")
    assert "hunter2" not in hook.error_log()
    assert bus.connections == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has what workers may not read")
def test_keys_that_are_closed_to_workers_are_named(start_webhook, standin, start):
    home = pathlib.Path(tempfile.mkdtemp(prefix="momento-home-"))  # 0700, as /root
    try:
        (home / ".aws").mkdir()
        path = home / ".aws/credentials"
        path.write_text(f"[default]\n{KEYS}")
        nobody = start(CredentialServer, {})
        for env in ({}, {"AWS_EC2_METADATA_DISABLED": "false",
                         "AWS_EC2_METADATA_SERVICE_ENDPOINT": nobody.url + "/"}):
            hook = start_webhook(destinations=eventbridge(standin),
                                 env={"HOME": str(home), "AWS_REGION": aws.REGION, **env})
            assert hook.send().status == 200
            hook.wait_for_log(rf'\[error\].*no credentials.*"{path}" is there, but closed to '
                              r"the workers' user \(uid \d+\)")
        assert standin.requests == []
    finally:
        shutil.rmtree(home)


def test_what_a_profile_says_is_heeded(start_webhook, start_standin, start):
    bus = start_standin(tls=True)
    hook = start_webhook(
        destinations="momento_destination bus { eventbridge default; }",
        files={".aws/credentials": f"[default]\n{KEYS}",
               ".aws/config": f"[profile x] /* another's */\nodd\n[default]\n"
                              f"region: {aws.REGION}\nca_bundle = {CA}\nservices = here\n"
                              f"retry_mode = adaptive\n"
                              f"[services here]\neventbridge =\n"
                              f"  endpoint_url = {bus.endpoint}\n"})
    assert hook.send().status == 200
    bus.wait_for_entries(1)


CONFIG_TESTS = {
    "an odd line elsewhere": (
        "[profile x]\nodd\n[default]\nregion = us-west-2\n", {}, "",
        '"%%DIR%%/.aws/config", line 2: a setting has no "="; passed over, but AWS\'s tools refuse '
        "the whole file for it"),
    "an odd line in use": (
        "[profile x]\nregion = us-west-2\nodd\n", {"AWS_PROFILE": "x"},
        'destination "bus": "%%DIR%%/.aws/config", line 3: a setting has no "=", and profile "x" is '
        "in use: correct it", ""),
    "what is not heeded": (
        "[default]\nregion = us-west-2\nmax_attempts = 3\n", {}, "",
        '"max_attempts" of profile "default" ("%%DIR%%/.aws/config", line 3) is not heeded: "retry" '
        "of the destination counts"),
    "FIPS and an endpoint": (
        "[default]\nregion = us-west-2\nuse_fips_endpoint = true\nendpoint_url = http://x\n", {},
        'destination "bus": "use_fips_endpoint" of profile "default" ("%%DIR%%/.aws/config", line 3) '
        'contradicts the endpoint "http://x" of "endpoint_url" of profile "default" '
        '("%%DIR%%/.aws/config", line 4): remove one of them', ""),
    "certificates that are none": (
        "[default]\nregion = us-west-2\nca_bundle = /dev/null\n", {},
        'destination "bus": "ca_bundle" of profile "default" ("%%DIR%%/.aws/config", line 3) '
        '"/dev/null" cannot be used: "/dev/null" is not a regular file', ""),
    "certificates that are missing": (
        "", {"AWS_CA_BUNDLE": "/nowhere.pem", "AWS_REGION": "us-west-2"},
        'destination "bus": AWS_CA_BUNDLE "/nowhere.pem" cannot be used: cannot open '
        '"/nowhere.pem": No such file or directory', ""),
    "a proxy of another kind": (
        "", {"HTTPS_PROXY": "socks5://user:hunter2@proxy", "AWS_REGION": "us-west-2"},
        'destination "bus": HTTPS_PROXY: "socks5://proxy" is not an http or https URL: it must '
        'begin with "http://" or "https://"', ""),
}


def write_config(directory, text):
    (directory / ".aws").mkdir()
    (directory / ".aws/config").write_text(text)


@pytest.mark.parametrize("name", CONFIG_TESTS)
def test_nginx_tells_of_what_it_cannot_heed(name):
    config, env, refusal, warning = CONFIG_TESTS[name]
    found = check_config(
        http="momento_spool %%DIR%%/spool; momento_destination bus { eventbridge default; }"
             " momento_destination other { eventbridge default; }",
        env=env, prepare=lambda directory: write_config(directory, config))
    assert found.message == refusal, found.output
    assert found.status == (1 if refusal else 0)
    assert found.output.count(warning) == 1 or not warning, found.output
