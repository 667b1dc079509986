"""Signals of the server process: stop gently at the first, at once at the second, and survive a closed terminal."""

from __future__ import annotations

import asyncio
import os
import signal


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set the event at the first SIGINT or SIGTERM; a second one ends the process then and there."""

    def received() -> None:
        if stop.is_set():
            # As good as kill -9: what was accepted is on the disk.
            os._exit(1)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, received)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
