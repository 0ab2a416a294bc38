"""conf.d/Dockerfile and conf.d/kubernetes.yaml: what they run, done in a fresh Debian, since a
container engine is seldom at hand; and what they say of each other."""

import os
import re
import shlex
import signal
import stat

import pytest
import yaml

from harness import settings
from harness.clean_root import CleanRoot
from harness.documents import command_line, dockerfile_stages
from harness.events import documented_event, signed
from harness.standin import StandIn
from harness.waiting import eventually

CONF_D = settings.REPOSITORY / "conf.d"
BUILD, IMAGE = dockerfile_stages(CONF_D / "Dockerfile")
NGINX_CONF = (CONF_D / "container/nginx.conf").read_text()
OBJECTS = list(yaml.safe_load_all((CONF_D / "kubernetes.yaml").read_text()))


def the(kind):
    return next(each for each in OBJECTS if each["kind"] == kind)


POD = the("StatefulSet")["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
MOUNTS = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
(CONFIGURATION,) = the("ConfigMap")["data"].values()


def seconds(time):
    return int(time.removesuffix("s"))


# What the files say of each other

def test_kubernetes_names_what_the_image_has():
    assert MOUNTS["spool"] == IMAGE.image["VOLUME"]
    assert f"momento_spool {IMAGE.image['VOLUME']};" in NGINX_CONF
    assert f"include {MOUNTS['configuration']}/*.conf;" in NGINX_CONF
    assert next(iter(the("ConfigMap")["data"])).endswith(".conf")
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert sorted(ports.values()) == [int(port) for port in IMAGE.image["EXPOSE"].split()]
    assert f"listen {ports['webhooks']};" in CONFIGURATION
    assert f"listen {ports['status']};" in NGINX_CONF
    for probe in ("readinessProbe", "livenessProbe"):
        how = CONTAINER[probe]
        assert (how.get("httpGet") or how["tcpSocket"])["port"] == "status"
    assert CONTAINER["readinessProbe"]["httpGet"]["path"] in IMAGE.image["HEALTHCHECK"]
    user = "{runAsUser}:{runAsGroup}".format(**POD["securityContext"])
    assert user == IMAGE.image["USER"]


def test_every_name_of_kubernetes_is_of_something_that_is_there():
    names = {(each["kind"], each["metadata"]["name"]) for each in OBJECTS}
    workload = the("StatefulSet")["spec"]
    assert ("ServiceAccount", POD["serviceAccountName"]) in names
    assert ("Service", workload["serviceName"]) in names
    claims = {each["metadata"]["name"] for each in workload["volumeClaimTemplates"]}
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert set(MOUNTS) == claims | set(volumes)
    assert ("ConfigMap", volumes["configuration"]["configMap"]["name"]) in names
    labels = workload["template"]["metadata"]["labels"]
    selectors = [workload["selector"]["matchLabels"],
                 the("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
                 *(each["spec"]["selector"] for each in OBJECTS if each["kind"] == "Service")]
    assert all(selector == labels for selector in selectors)
    ports = {port["name"] for port in CONTAINER["ports"]}
    assert {port["targetPort"] for each in OBJECTS if each["kind"] == "Service"
            for port in each["spec"]["ports"]} <= ports


def test_kubernetes_gives_time_to_drain_and_room_to_wait():
    command = CONTAINER["lifecycle"]["preStop"]["exec"]["command"][-1]
    pause, drain = re.fullmatch(
        rf"sleep (\d+); momentoctl drain --timeout (\w+) {MOUNTS['spool']}", command).groups()
    assert POD["terminationGracePeriodSeconds"] > int(pause) + seconds(drain) + 5
    # A log for each worker and destination, and as many letters.
    (claim,) = the("StatefulSet")["spec"]["volumeClaimTemplates"]
    workers = int(re.search(r"worker_processes (\d+);", NGINX_CONF).group(1))
    room = claim["spec"]["resources"]["requests"]["storage"]
    assert int(room.removesuffix("Gi")) > workers * CONFIGURATION.count(
        "momento_destination ") * 1.25


def test_the_secret_is_readable_for_workers_and_nobody_else():
    (volume,) = [each["secret"] for each in POD["volumes"] if each["name"] == "secret"]
    assert volume["defaultMode"] == 0o440
    assert POD["securityContext"]["fsGroup"] == POD["securityContext"]["runAsGroup"]
    key = re.search(r"kubectl create secret generic (\S+) --from-file=([\w-]+)=",
                    (CONF_D / "kubernetes.yaml").read_text())
    assert key.group(1) == volume["secretName"]
    assert f"file:{MOUNTS['secret']}/{key.group(2)};" in CONFIGURATION


# What the image runs

@pytest.fixture(scope="module")
def image():
    """The image's last stage, step by step, in a fresh Debian."""
    if not settings.CLEAN_ROOT:
        pytest.skip("by tests/run.sh only")
    assert ("RUN", "sh /source/conf.d/package.sh") in BUILD.steps
    assert (CONF_D / "package.sh").exists()
    root = CleanRoot()
    try:
        # As in Debian's images.
        root.file("/usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        for instruction, rest in IMAGE.steps:
            if instruction == "RUN":
                root.run(rest)
                continue
            *options, source, target = shlex.split(rest)
            if options:
                assert options == ["--from=build"]
                assert source == "/source/build/package/*.deb"
                for deb in os.scandir(settings.PACKAGES):
                    if deb.name.endswith(".deb"):
                        root.put(deb.path, f"{target}{deb.name}")
            else:
                root.put(settings.REPOSITORY / source, target)
        yield root
    finally:
        root.close()


class Container:
    """What an engine does with the image."""

    def __init__(self, image, standin):
        self._image = image
        # An engine gives the container's user its output: nobody else could open it again.
        self.out, write = os.pipe()
        os.fchown(write, *map(int, IMAGE.image["USER"].split(":")))
        self._process = image.start(
            f"echo $$; exec {shlex.join(command_line(IMAGE.image['CMD']))}",
            user=IMAGE.image["USER"], stdout=write, stderr=write,
            env={**standin.environment(),
                 "AWS_ENDPOINT_URL_EVENTBRIDGE": standin.endpoint})
        os.close(write)

    def log(self):
        """All that it said, once it has ended."""
        with os.fdopen(self.out, encoding="utf-8") as out:
            return out.read()

    def stop(self):
        """Its exit status."""
        assert IMAGE.image["STOPSIGNAL"] == "SIGQUIT"
        self._image.run("kill -QUIT $(cat /tmp/nginx.pid)")
        return self._process.wait(60)

    def kill(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)


def healthy(image):
    command = IMAGE.image["HEALTHCHECK"].split(" CMD ")[1]
    return image.attempt(command, user=IMAGE.image["USER"])[0] == 0


@pytest.mark.package
@pytest.mark.xdist_group("container")  # one image for all
@pytest.mark.parametrize("volume", ("docker", "kubernetes"))
def test_a_container_takes_delivers_and_drains(image, volume):
    spool = image.file(IMAGE.image["VOLUME"])
    uid, gid = map(int, IMAGE.image["USER"].split(":"))
    if volume == "kubernetes":
        # A volume's root belongs to root, and to fsGroup.
        os.chown(spool, 0, gid)
        (spool / "lost+found").mkdir(exist_ok=True, mode=0o700)
        spool.chmod(0o2775)
    else:
        assert (spool.stat().st_uid, stat.S_IMODE(spool.stat().st_mode)) == (uid, 0o700)
    image.file("/etc/nginx/conf.d/momento.conf").write_text(CONFIGURATION)
    secret = image.file(re.search(r"file:(\S+);", CONFIGURATION).group(1))
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("1234567890\n")
    secret.chmod(0o440)
    os.chown(secret, 0, gid)

    bus = image.inside(StandIn)
    assert not healthy(image)
    container = Container(image, bus)
    try:
        eventually(lambda: healthy(image), "health")
        body = documented_event()
        answer = image.request(8080, "POST", "/momento", body, signed(body))
        assert answer.status == 200
        assert image.request(8081, "GET", "/metrics").body.count(b"momento_build_info") > 0
        bus.wait_for_entries(1)
        # preStop, without its pause.
        command = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
        command = [*command[:-1], command[-1].replace("sleep 5", "sleep 0")]
        image.run(shlex.join(command), user=IMAGE.image["USER"])
        assert container.stop() == 0
    finally:
        container.kill()
        bus.close()
    log = container.log()
    assert " 200 accepted room-281" in log
    assert "[error]" not in log and "[alert]" not in log and "[warn]" not in log, log
    assert not bus.complaints
