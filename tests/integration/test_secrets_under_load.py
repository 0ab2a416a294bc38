"""Reloads and rotations while webhooks pour in: each of these is judged as it should be."""

import time

import pytest

from harness.events import documented_event
from harness.load import Conservation, Load
from harness.vault import Vault
from harness.waiting import PATIENCE, eventually


PREVIOUS = 20  # seconds


def wait_for(load, count):
    """Until so many more were answered."""
    seen = len(load.outcomes)
    eventually(lambda: len(load.outcomes) >= seen + count, f"{count} more webhooks")


def test_twenty_reloads_with_a_slow_store_refuse_nothing(start_webhook, standin):
    vault = Vault(delay=0.3)
    vault.put("hooks", "current")
    try:
        hook = start_webhook(standin, secret="secretsmanager:hooks", workers=2,
                             env=vault.environment())
        load = Load(hook.port, connections=16, pause=0.01, secrets=("current",))
        for _ in range(20):
            wait_for(load, 20)
            hook.reload()
        wait_for(load, 50)
        outcomes = load.stop()
        conservation = Conservation(load, standin)
        conservation.wait(PATIENCE)
        table = conservation.table()
        print(table)
        assert set(outcomes.values()) <= {200, None}
        assert table["refused"] == table["lost"] == 0
        assert table["acknowledged"] >= 20 * 20
        # A keep-alive connection may be closed just when its client sends again.
        assert table["unanswered"] < 20 * 16
        assert len(vault.asked("hooks")) == 2 * 21
    finally:
        vault.close()
    assert not vault.complaints


@pytest.fixture(name="rotated")
def start_rotated(start_webhook, moto):
    """A gateway whose secret is in moto, which checks who asks, and how it is signed."""
    name = moto.create_secret('{"chat":"first"}')
    created = time.monotonic()
    hook = start_webhook(
        secret=f"secretsmanager:{name}#chat previous={PREVIOUS}s", workers=2,
        env={**moto.environment("secretsmanager:GetSecretValue"),
             "AWS_ENDPOINT_URL_SECRETS_MANAGER": moto.endpoint})

    def rotate(value):
        # moto tells whole seconds, and workers tell versions apart by when they were made.
        eventually(lambda: time.monotonic() > created + 1.1, "another second")
        moto.secrets.put_secret_value(SecretId=name, SecretString=f'{{"chat":"{value}"}}')

    return hook, rotate


def test_a_rotation_refuses_nothing_and_retires_the_old_secret(rotated):
    hook, rotate = rotated
    load = Load(hook.port, connections=8, pause=0.01, secrets=("first",))
    wait_for(load, 50)
    # As an operator does: the store first, then Momento, which changes over in its own time.
    rotate("second")
    made = time.monotonic()
    load.secrets = ("first", "second")
    wait_for(load, 50)
    load.secrets = ("second",)
    wait_for(load, 50)
    outcomes = load.stop()
    assert time.monotonic() < made + PREVIOUS, "too slow a machine for this test"
    assert set(outcomes.values()) == {200}
    assert {load.signed_by[number] for number in outcomes} == {"first", "second"}

    # A worker that has seen nothing of the new secret hears of it from the others.
    eventually(lambda: time.monotonic() > made + PREVIOUS + 2, "the retirement")
    for _ in range(20):  # whichever worker
        assert hook.send(secret="first").status == 403
        assert hook.send(secret="second").status == 200
    versions = {each["version"]: each["matches"] for each in hook.status()["secrets"]}
    assert versions["current"] > 0 and versions["previous"] > 0


def test_a_role_that_may_not_read_the_secret_is_told_and_recovers(start_webhook, moto):
    name = moto.create_secret("the secret")
    env = moto.environment("events:PutEvents")
    hook = start_webhook(secret=f"secretsmanager:{name}", env={
        **env, "AWS_ENDPOINT_URL_SECRETS_MANAGER": moto.endpoint},
        location="momento_webhook_timeout 1s;")
    hook.allow(r"\[alert\].*nothing can be verified with it until it is there")
    hook.wait_for_log("cannot be fetched: Secrets Manager answers 4.*AccessDenied")
    assert hook.send(documented_event(), secret="the secret").status == 503
    moto.allow(env["AWS_ACCESS_KEY_ID"], "secretsmanager:GetSecretValue")
    eventually(lambda: hook.send(secret="the secret").status == 200, "the secret")
