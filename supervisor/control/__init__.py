"""The control socket: how the commands of a machine reach the instances that run on it."""

from __future__ import annotations

from supervisor.control.client import Instance, ask, choose, running
from supervisor.control.folder import RunFolder
from supervisor.control.server import Control, Verb

__all__ = ["Control", "Instance", "RunFolder", "Verb", "ask", "choose", "running"]
