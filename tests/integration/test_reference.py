"""The reference, ngx_module/README.md, says what there is: each directive, setting, variable,
metric and JSON member, and nothing else. And no text leads nowhere."""

import pathlib
import re

import pytest

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
