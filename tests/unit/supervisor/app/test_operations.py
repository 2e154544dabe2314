"""The verbs of the control socket, asked for what does not exist."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from supervisor.app import operations
from supervisor.app.instance import Instance
from supervisor.errors import UsageError


@pytest.mark.parametrize("child", [None, 7, ["outbox"], {}, "", "nobody"])
async def test_a_child_that_cannot_be_is_a_wrong_question(child: Any) -> None:
    """Exit code 64 with the names that exist, whatever a program has sent."""
    instance = cast("Instance", SimpleNamespace(infrastructure=SimpleNamespace(children={}), workload=None))
    with pytest.raises(UsageError, match="There is no task"):
        await operations.verbs(instance)["restart"]({"verb": "restart", "child": child})
