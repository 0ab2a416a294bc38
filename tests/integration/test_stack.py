"""The CloudFormation template of conf.d/aws: passes cfn-lint, deploys, more than once; and a
gateway runs against what it made. moto leaves out secrets and alarms of a stack: of those the
template itself is looked at."""

import functools
import json
import shutil
import subprocess
import sys

import pytest
import yaml

from harness import settings
from harness.credential_server import CONTAINER_PATH, CredentialServer
from harness.events import documented_event, signed
from harness.moto_server import REGION, Moto, moto_python
from harness.waiting import eventually
from harness.webhook import PATH, Webhook

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


def test_the_role_may_do_what_the_gateway_does_and_nothing_else():
    role, = resources("AWS::IAM::Role")
    assert "ManagedPolicyArns" not in role
    allowed = {}
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                allowed[action] = statement["Resource"]
    assert allowed == {
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


@pytest.fixture(name="aws", scope="module")
def unchecked_moto():
    """Without checks: moto's policies know no resources but "*"."""
    if not moto_python():
        pytest.skip("no Python with moto: pip install 'moto[server]' into build/venv")
    server = Moto(checks=False)
    yield server
    server.close()


def deploy(aws, name, runs_on="ec2"):
    stacks = aws.client("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=TEMPLATE.read_text(),
                        Capabilities=["CAPABILITY_IAM"],
                        Parameters=[{"ParameterKey": "MomentoSecret", "ParameterValue": SECRET},
                                    {"ParameterKey": "RunsOn", "ParameterValue": runs_on}])
    stack, = stacks.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def test_instances_and_tasks_get_their_role(aws):
    on_ec2, on_ecs = deploy(aws, "hooks-ec2"), deploy(aws, "hooks-ecs", "ecs")
    assert on_ec2["RoleArn"] != on_ecs["RoleArn"]
    assert "InstanceProfileName" in on_ec2
    assert "InstanceProfileName" not in on_ecs
    iam = aws.client("iam")
    trust = [iam.get_role(RoleName=each["RoleArn"].rpartition("/")[2])["Role"][
        "AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        for each in (on_ec2, on_ecs)]
    assert trust == ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]


def test_a_gateway_runs_against_what_it_made(aws, start_nginx):
    made = deploy(aws, "hooks")
    bus = aws.adopt_bus("hooks")
    session = aws.client("sts").assume_role(
        RoleArn=made["RoleArn"], RoleSessionName="gateway")["Credentials"]
    server = CredentialServer(session)
    try:
        nginx = start_nginx(
            Webhook, secret="file:%%DIR%%/momento.secret", files={"momento.secret": SECRET},
            env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + CONTAINER_PATH,
                 "AWS_ENDPOINT_URL": aws.endpoint},
            destinations=f"momento_destination bus {{ eventbridge {made['BusArn']}; "
                         f"dead_letter sqs {made['DeadLetterQueueUrl']}; }}")
        body = documented_event()
        assert nginx.post(PATH, body, signed(body, SECRET)).status == 200
        event, = bus.receive(1)
        assert (event["detail"], event["region"]) == (json.loads(body), REGION)

        malformed = b'{"cache":"chat"}'
        assert nginx.post(PATH, malformed, signed(malformed, SECRET)).status == 400
        sqs = aws.client("sqs")
        url = f"{aws.endpoint}/{made['DeadLetterQueueUrl'].partition('://')[2].partition('/')[2]}"
        message, = eventually(
            lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "the letter")
        assert message["Body"].encode() == malformed
        log = nginx.error_log()
        assert "may not be looked up" not in log
        assert SECRET not in log
    finally:
        server.close()
