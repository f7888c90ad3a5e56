"""A process sandbox that needs neither root nor docker.

Covered: wall and processor time, memory, processes, output, disk; whatever a job starts dies with
it; its environment, descriptors and privileges; the files it leaves are read without being fooled;
and, where the kernel grants namespaces, the network, other processes, and writing outside its
folder. Not covered: reading the files that its user may read, and holes in the kernel. The README
has both lists in full, and a test attacks each covered line.
"""

from __future__ import annotations

from gadfly import Register, Sandbox, hookimpl
from gadfly_local._sandbox import LocalSandbox as LocalSandbox

__all__ = ["LocalSandbox"]


@hookimpl
def register_sandboxes(register: Register[Sandbox]) -> None:
    """Offer `local`."""
    register("local", LocalSandbox)
