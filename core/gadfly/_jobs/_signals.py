"""SIGTERM does what Ctrl-C does: it cancels the work, which then ends what it has started."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def cancelled_by_sigterm() -> Generator[None]:
    """Let SIGTERM cancel the current asyncio task, as asyncio itself does for SIGINT.

    Only where nobody else handles it, and in the main thread: elsewhere nothing changes.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    task = asyncio.current_task()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL or task is None:
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
