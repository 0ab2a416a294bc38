"""A module and an nginx of the same version whose structures differ must not meet.

Debian's nginx 1.22.1 has a field in ngx_connection_t that upstream's does not have, and the
same signature. tests/run.sh runs this with one's module and the other's binary.
"""

import pytest

from harness.nginx import check_config

pytestmark = pytest.mark.layout


def test_a_module_built_for_another_layout_is_refused():
    result = check_config(server="location / { return 204; }")
    assert result.status == 1
    assert "momento" in result.message, result.output
