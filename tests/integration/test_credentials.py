"""Every kind of credentials, end to end: found, used, accepted by an AWS that checks
signatures, session tokens and policies; replaced when they are refused."""

import shutil

import pytest

from harness.credential_server import CONTAINER_PATH, CredentialServer
from harness.events import documented_event, signed
from harness.load import Conservation, Load
from harness.moto_server import REGION
from harness.nginx import make_directory
from harness.waiting import PATIENCE, eventually

PATH = "/momento"
SECRET = "a secret of Momento's"

HTTP = """
    momento_spool %%DIR%%/spool;
    momento_destination bus {
        eventbridge BUS;
        endpoint ENDPOINT;
        credentials KIND;
    }
"""
SERVER = """
    location = /momento {
        momento_webhook bus;
        momento_webhook_secret file:%%DIR%%/momento.secret;
    }
"""
EXPIRED = {"AccessKeyId": "ASIAEXPIRED00EXAMPLE", "SecretAccessKey": "expired-secret",
           "SessionToken": "expired-token"}


@pytest.fixture(name="arrives")
def send_and_receive(start_nginx, moto):
    """Starts a gateway with these credentials, and asserts that an event arrives."""
    def check(kind, env, secrets=(), files=None):
        bus = moto.create_bus()
        http = HTTP.replace("BUS", bus.name).replace("ENDPOINT", moto.endpoint)
        nginx = start_nginx(http=http.replace("KIND", kind), server=SERVER,
                            files={"momento.secret": SECRET, **(files or {})},
                            env={"AWS_REGION": REGION, **env})
        body = documented_event()
        assert nginx.curl(PATH, body, signed(body, SECRET)).status == 200
        event, = bus.receive(1)
        assert event["detail-type"] == "chat#room-281"
        log = nginx.error_log()
        for secret in (*secrets, EXPIRED["SecretAccessKey"], EXPIRED["SessionToken"]):
            assert secret not in log
        return nginx

    return check


@pytest.fixture(name="serve")
def serve_credentials():
    running = []

    def start(*sets, **settings):
        running.append(CredentialServer(*sets, **settings))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture(name="write")
def write_file():
    """Writes a file that workers may read, wherever pytest keeps its own."""
    directory = make_directory()

    def write(name, text):
        path = directory / name
        path.write_text(text)
        path.chmod(0o644)
        return str(path)

    yield write
    shutil.rmtree(directory)


def values(session):
    return session["SecretAccessKey"], session["SessionToken"]


@pytest.mark.parametrize("kind", ["container", "auto"])
def test_a_container(arrives, serve, write, moto, kind):
    session = moto.create_session("events:PutEvents")
    server = serve(session, container_token="token-of-a-file")
    arrives(kind, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + CONTAINER_PATH,
                   "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": write("token", "token-of-a-file")},
            (*values(session), "token-of-a-file"))
    assert server.handed_out == 1


@pytest.mark.parametrize("kind", ["instance", "auto"])
def test_an_instance(arrives, serve, moto, kind):
    session = moto.create_session("events:PutEvents")
    server = serve(session)
    arrives(kind, {"AWS_EC2_METADATA_DISABLED": "",
                   "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url}, values(session))
    assert server.handed_out == 1


def test_the_region_of_an_instance(serve, moto, start_nginx):
    server = serve(moto.create_session("events:PutEvents"))
    bus = moto.create_bus()
    nginx = start_nginx(
        http=HTTP.replace("BUS", bus.name).replace("ENDPOINT", moto.endpoint)
        .replace("KIND", "auto"), server=SERVER, files={"momento.secret": SECRET},
        env={"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url})
    body = documented_event()
    assert nginx.curl(PATH, body, signed(body, SECRET)).status == 200
    nginx.wait_for_log("no region known, its events are held; instance metadata: its answer is "
                       "404")
    server.metadata["placement/region"] = REGION
    event, = bus.receive(1)
    assert event["region"] == REGION
    nginx.wait_for_log(f'the instance is in region "{REGION}"')


@pytest.mark.parametrize("kind", ["web_identity", "auto"])
def test_a_web_identity(arrives, serve, moto, write, kind):
    session = moto.create_session("events:PutEvents")
    server = serve(session)
    token = write("token", "the.web.token")
    arrives(kind, {"AWS_WEB_IDENTITY_TOKEN_FILE": token,
                   "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/gateway",
                   "AWS_ENDPOINT_URL_STS": server.url}, (*values(session), "the.web.token"))
    assert server.web_tokens == ["the.web.token"]


@pytest.mark.parametrize("kind", ["profile hooks", "auto"])
def test_a_role_of_a_profile(arrives, moto, write, kind):
    key, secret = moto.create_user("sts:AssumeRole")
    credentials = write(
        "credentials",
        f"[base]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    config = write(
        "config",
        f"[profile hooks]\nrole_arn = {moto.create_role('events:PutEvents')}\n"
        "source_profile = base\nrole_session_name = edge\n")
    arrives(kind, {"AWS_SHARED_CREDENTIALS_FILE": credentials, "AWS_CONFIG_FILE": config,
                   "AWS_PROFILE": "hooks", "AWS_ENDPOINT_URL_STS": moto.endpoint}, [secret])


def test_a_refused_set_is_replaced_and_nothing_is_lost(arrives, serve, moto):
    session = moto.create_session("events:PutEvents")
    server = serve(EXPIRED, session)
    nginx = arrives("container",
                    {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + CONTAINER_PATH},
                    values(session))
    assert server.handed_out == 2
    assert "no credentials" not in nginx.error_log()


def test_a_token_that_expires_under_load_loses_nothing(start_webhook, standin, serve):
    sets = [{"AccessKeyId": f"ASIA{name}", "SecretAccessKey": f"secret-{name}",
             "SessionToken": f"token-{name}"} for name in ("FIRST", "SECOND")]
    for each in sets:
        standin.credentials[each["AccessKeyId"]] = (each["SecretAccessKey"],
                                                    each["SessionToken"])
    server = serve(*sets)
    nginx = start_webhook(
        standin, settings="credentials container;",
        env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + CONTAINER_PATH,
             "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    load = Load(nginx.port, connections=20, pause=0.01)
    conservation = Conservation(load, standin)
    try:
        standin.wait_for_entries(50)
        standin.expired.add("ASIAFIRST")  # an hour before its time
        eventually(lambda: server.handed_out == 2, "new credentials")
        standin.wait_for_entries(len(standin.accepted) + 50)
    finally:
        load.stop()
    conservation.wait(PATIENCE)
    table = conservation.table()
    assert table["acknowledged"] == table["sent"] == table["delivered"]
    assert (table["lost"], table["duplicates"]) == (0, 0)
    assert server.handed_out == 2
    assert "on hold" not in nginx.error_log()


def test_without_any_credentials_the_log_says_who_was_asked(start_nginx, moto):
    http = HTTP.replace("BUS", "default").replace("ENDPOINT", moto.endpoint)
    nginx = start_nginx(http=http.replace("KIND", "auto"), server=SERVER,
                        files={"momento.secret": SECRET}, env={"AWS_REGION": REGION})
    body = documented_event()
    assert nginx.curl(PATH, body, signed(body, SECRET)).status == 200
    nginx.wait_for_log(r"no credentials found; asked: environment, web_identity, profile "
                       r'\("\S+/\.aws/credentials" is not there, "\S+/\.aws/config" is not there\), '
                       r"container, instance \(AWS_EC2_METADATA_DISABLED is set\)")
