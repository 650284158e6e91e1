"""A simulated link to an nginx: `python -m benchmarks.relay PORT DELAY_S RATE WINDOW`.

Data from PORT is delayed by DELAY_S; all connections share RATE bytes per second, and each has at
most WINDOW bytes in flight. It prints its own port, and exits at the end of its standard input.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

HOST = "127.0.0.1"
PIECE_BYTES = 16 * 1024


class MeasuredLink:
    """Computes when pieces arrive."""

    def __init__(self, delay_s: float, rate: float) -> None:
        """Set the delay of each piece and the rate of all of them."""
        self._delay_s = delay_s
        self._rate = rate
        self._free_at = 0.0

    def arrival(self, now: float, size: int) -> float:
        """Return when a piece sent now arrives."""
        self._free_at = max(now, self._free_at) + size / self._rate
        return self._free_at + self._delay_s


async def upwards(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward requests without delay; delaying one direction is enough."""
    while piece := await reader.read(PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
    writer.close()


async def downwards(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: MeasuredLink, window: int
) -> None:
    """Forward responses over the link."""
    loop = asyncio.get_running_loop()
    in_flight: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    room = asyncio.Semaphore(window // PIECE_BYTES)

    async def deliver() -> None:
        while True:
            arrival, piece = await in_flight.get()
            await asyncio.sleep(arrival - loop.time())
            room.release()
            if not piece:
                writer.close()
                return
            writer.write(piece)
            await writer.drain()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(deliver())
        while True:
            await room.acquire()
            piece = await reader.read(PIECE_BYTES)
            in_flight.put_nowait((link.arrival(loop.time(), len(piece)), piece))
            if not piece:
                return


async def main() -> None:
    """Forward until standard input ends."""
    port, delay_s, rate, window = (float(word) for word in sys.argv[1:5])
    link = MeasuredLink(delay_s, rate)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, upstream_writer = await asyncio.open_connection(
            HOST, int(port), limit=PIECE_BYTES
        )
        with suppress(ConnectionError, ExceptionGroup, asyncio.CancelledError):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(upwards(reader, upstream_writer))
                tasks.create_task(downwards(upstream, writer, link, int(window)))
        upstream_writer.close()
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
