"""What the README, the Dockerfile and the like tell people and machines to do."""

import json
import re
from dataclasses import dataclass, field

from . import settings


def readme_commands(part):
    """The one block of shell commands in the README that has `part` in it."""
    text = (settings.REPOSITORY / "README.md").read_text()
    blocks = [block for block in re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
              if part in block]
    assert len(blocks) == 1, f'"{part}" stands in {len(blocks)} blocks of the README'
    return blocks[0]


@dataclass
class Stage:
    """A stage of a Dockerfile: its instructions in order, and those that describe the image."""

    base: str
    steps: list = field(default_factory=list)  # ("COPY" or "RUN", the rest)
    image: dict = field(default_factory=dict)  # "USER" -> the rest


def dockerfile_stages(path):
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.M)
    stages = []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        instruction, rest = line.split(None, 1)
        if instruction == "FROM":
            stages.append(Stage(rest))
        elif instruction in ("COPY", "RUN"):
            stages[-1].steps.append((instruction, rest))
        else:
            assert instruction not in stages[-1].image, f"two {instruction}"
            stages[-1].image[instruction] = rest
    return stages


def command_line(rest):
    """What CMD or the like runs: a list, or else a shell's command."""
    return json.loads(rest) if rest.startswith("[") else ["sh", "-c", rest]
