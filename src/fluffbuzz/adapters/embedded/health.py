"""Whether a service answers: one plain request over loopback, without an HTTP library and past every proxy."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

REQUEST = "GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"


async def answers(base_url: str, seconds: float) -> bool:
    """Whether `/health` at the origin of `base_url` says 200 within `seconds`; asked without any key."""
    address = urlsplit(base_url)
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            try:
                writer.write(REQUEST.format(host=address.netloc).encode("ascii"))
                status_line = await reader.readline()
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except (OSError, ValueError):
        return False
    return status_line.split(b" ")[1:2] == [b"200"]
