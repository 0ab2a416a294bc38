"""The configurations of conf.d/ are ones nginx takes."""

import pytest

from harness import settings
from harness.nginx import check_config
from harness.tls import certificate

EXAMPLES = sorted((settings.REPOSITORY / "conf.d").glob("*.conf"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_nginx_accepts(example):
    text = example.read_text()
    for path, here in {
            "/var/lib/nginx/momento": "%%DIR%%/spool",
            "/etc/nginx/momento.secret": "%%DIR%%/momento.secret",
            "/etc/nginx/hooks.example.com.pem": str(certificate().path),
            "/etc/nginx/hooks.example.com.key": str(certificate().path),
            "listen 443 ssl": "listen unix:%%DIR%%/example ssl",
    }.items():
        text = text.replace(path, here)
    result = check_config(http=text, files={"momento.secret": "1234567890\n"})
    assert result.status == 0, result.output
