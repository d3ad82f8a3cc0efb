"""Waiting for time to pass or for a signal to stop, whichever comes first; once it came, it stays."""

from __future__ import annotations

import select
import signal
import socket

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignal:
    """Takes over SIGTERM and SIGINT of this process.

    The operating system's own bell is used (a byte on a socket), for a handler in Python may run at any moment and
    could wait for a lock that the interrupted code holds.
    """

    def __init__(self) -> None:
        self._bell, ringer = socket.socketpair()
        ringer.setblocking(False)
        self._ringer = ringer
        signal.set_wakeup_fd(ringer.fileno(), warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)

    def wait(self, seconds: float) -> bool:
        """Wait; True as soon as it is time to stop."""
        return bool(select.select([self._bell], [], [], seconds)[0])
