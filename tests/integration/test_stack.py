"""The CloudFormation template of conf.d/aws: passes cfn-lint, deploys, more than once; and a
gateway runs against what it made, with nothing but its role. moto, which checks signatures and
policies, leaves out secrets and alarms of a stack: of those the template itself is looked at, and
the test makes the secret."""

import functools
import json
import shutil
import subprocess
import sys

import pytest
import yaml

from harness import settings
from harness.credential_server import CONTAINER_PATH, CredentialServer
from harness.events import documented_event
from harness.moto_server import REGION, allowed, trusted
from harness.waiting import eventually
from harness.webhook import Webhook

pytestmark = pytest.mark.xdist_group("moto")

DIRECTORY = settings.REPOSITORY / "conf.d/aws"
TEMPLATE = DIRECTORY / "gateway.yaml"
# A quote and a backslash: what breaks a secret that is pasted into JSON.
SECRET = 'a "secret" with \\ in it'


class _Loader(yaml.SafeLoader):
    """Short forms of functions become what the long ones are."""


def _function(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".") if suffix == "GetAtt" else value}
    return {name: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _function)


@functools.lru_cache
def template():
    return yaml.load(TEMPLATE.read_text(), _Loader)


def resources(kind):
    return [each["Properties"] for each in template()["Resources"].values()
            if each["Type"] == kind]


@functools.lru_cache
def cfn_lint():
    """cfn-lint's command; None if it is not here and PyPI is not, either."""
    for command in (["cfn-lint"], [str(settings.BUILD / "venv/bin/cfn-lint")]):
        if shutil.which(command[0]):
            return command
    venv = settings.BUILD / "venv"
    made = subprocess.run(
        f"{sys.executable} -m venv {venv} && {venv}/bin/pip -q install cfn-lint",
        shell=True, capture_output=True, check=False, timeout=300)
    return [str(venv / "bin/cfn-lint")] if made.returncode == 0 else None


def test_the_template_passes_cfn_lint():
    if not cfn_lint():
        pytest.skip("no cfn-lint: python3 -m venv build/venv && "
                    "build/venv/bin/pip install cfn-lint")
    done = subprocess.run([*cfn_lint(), "--non-zero-exit-code", "informational", TEMPLATE],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_secret_is_hidden_and_stored_as_it_is():
    assert template()["Parameters"]["MomentoSecret"]["NoEcho"] is True
    secret, = resources("AWS::SecretsManager::Secret")
    assert secret["SecretString"] == {"Ref": "MomentoSecret"}
    assert not any({"Ref": "MomentoSecret"} == each["Value"]
                   for each in template()["Outputs"].values())


def test_it_can_be_deployed_twice_and_anywhere():
    named = [name for kind in template()["Resources"].values() for name in kind["Properties"]
             if name.endswith("Name") and name != "MetricName"]
    assert named == ["Name"]  # the bus's, which has to have one
    bus, = resources("AWS::Events::EventBus")
    assert bus["Name"] == {"Ref": "AWS::StackName"}
    assert "Mappings" not in template()


def permissions():
    """What the role may do, and to what."""
    role, = resources("AWS::IAM::Role")
    assert "ManagedPolicyArns" not in role
    granted = {}
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                granted[action] = statement["Resource"]
    return granted


def test_the_role_may_do_what_the_gateway_does_and_nothing_else():
    assert permissions() == {
        "events:PutEvents": {"Fn::GetAtt": ["Bus", "Arn"]},
        "events:DescribeEventBus": {"Fn::GetAtt": ["Bus", "Arn"]},
        "sqs:SendMessage": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]},
        "secretsmanager:GetSecretValue": {"Ref": "Secret"},
    }


def test_letters_are_watched_and_outlive_the_stack():
    queue = template()["Resources"]["DeadLetterQueue"]
    assert (queue["DeletionPolicy"], queue["UpdateReplacePolicy"]) == ("Retain", "Retain")
    watched = {alarm["MetricName"] for alarm in resources("AWS::CloudWatch::Alarm")}
    assert watched == {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}


def deploy(moto, name, runs_on="ec2"):
    stacks = moto.client("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=TEMPLATE.read_text(),
                        Capabilities=["CAPABILITY_IAM"],
                        Parameters=[{"ParameterKey": "MomentoSecret", "ParameterValue": SECRET},
                                    {"ParameterKey": "RunsOn", "ParameterValue": runs_on}])
    stack, = stacks.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def test_instances_and_tasks_get_their_role(moto):
    on_ec2, on_ecs = deploy(moto, "hooks-ec2"), deploy(moto, "hooks-ecs", "ecs")
    assert on_ec2["RoleArn"] != on_ecs["RoleArn"]
    assert "InstanceProfileName" in on_ec2
    assert "InstanceProfileName" not in on_ecs
    trust = [moto.iam.get_role(RoleName=each["RoleArn"].rpartition("/")[2])["Role"][
        "AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        for each in (on_ec2, on_ecs)]
    assert trust == ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]


def make_secret(moto):
    """The secret that moto left out, by its properties in the template. Its ARN."""
    properties, = resources("AWS::SecretsManager::Secret")
    assert properties["SecretString"] == {"Ref": "MomentoSecret"}
    return moto.secrets.create_secret(
        Name="hooks-Secret", SecretString=SECRET,
        Description=properties["Description"])["ARN"]


def start_session(moto, role_arn):
    """Credentials of the stack's role, as its instance or task gets them. moto does not
    understand what it made of a stack's policies, knows no resources but "*", and has a
    permission of its own for batches: so the role gets its policies once more."""
    name = role_arn.rpartition("/")[2]
    policy, = moto.iam.list_role_policies(RoleName=name)["PolicyNames"]
    moto.iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=allowed(
        [*permissions(), "sqs:SendMessageBatch"]))
    moto.iam.update_assume_role_policy(RoleName=name, PolicyDocument=trusted())
    return moto.client("sts").assume_role(RoleArn=role_arn,
                                          RoleSessionName="gateway")["Credentials"]


def test_a_gateway_runs_against_what_it_made(moto, start_nginx):
    made = deploy(moto, "hooks")
    bus = moto.adopt_bus("hooks")
    secret = make_secret(moto)
    server = CredentialServer(start_session(moto, made["RoleArn"]))
    try:
        nginx = start_nginx(
            Webhook, secret=f"secretsmanager:{secret}",
            env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + CONTAINER_PATH,
                 "AWS_ENDPOINT_URL": moto.endpoint},
            destinations=f"momento_destination bus {{ eventbridge {made['BusArn']}; "
                         f"dead_letter sqs {made['DeadLetterQueueUrl']}; }}")
        body = documented_event()
        assert nginx.send(body, secret=SECRET).status == 200
        event, = bus.receive(1)
        assert (event["detail"], event["region"]) == (json.loads(body), REGION)
        matched, = nginx.status()["secrets"]
        assert (matched["name"], matched["matches"]) == (f"secretsmanager:{secret}", 1)

        malformed = b'{"cache":"chat"}'
        assert nginx.send(malformed, secret=SECRET).status == 400
        path = made["DeadLetterQueueUrl"].partition("://")[2].partition("/")[2]
        message, = eventually(
            lambda: moto.sqs.receive_message(
                QueueUrl=f"{moto.endpoint}/{path}").get("Messages"), "the letter")
        assert message["Body"].encode() == malformed
        log = nginx.error_log()
        assert "may not be looked up" not in log
        assert SECRET not in log
    finally:
        server.close()
