"""A TCP proxy that adds a delay to each round trip, like a distant service."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PART = 65536


class Delay:
    """Adds ``round_trip_s`` to each round trip, half of it each way, and once more to each new connection."""

    def __init__(self, round_trip_s: float) -> None:
        self.one_way_s = round_trip_s / 2
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def before(self, host: str, port: int) -> int:
        """Return the port of a delayed proxy for a service."""
        return asyncio.run_coroutine_threadsafe(self._listen(host, port), self._loop).result()

    def stop(self) -> None:
        """Stop listening, and drop data in transit."""
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _cancel_all(self) -> None:
        in_transit = asyncio.all_tasks() - {asyncio.current_task()}
        for each in in_transit:
            each.cancel()
        await asyncio.gather(*in_transit, return_exceptions=True)

    async def _listen(self, host: str, port: int) -> int:
        async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # A handshake over the distance would take a round trip before the client can send.
            await asyncio.sleep(2 * self.one_way_s)
            try:
                far_reader, far_writer = await asyncio.open_connection(host, port)
            except OSError:
                writer.close()
                return
            # asyncio would report the cancelled task of a client as an error.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))

        server = await asyncio.start_server(join, "127.0.0.1", 0, backlog=1024)
        return int(server.sockets[0].getsockname()[1])

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Deliver each part after the delay, however many are in transit."""
        in_transit: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = asyncio.create_task(self._deliver(in_transit, writer))
        with contextlib.suppress(OSError):
            while part := await reader.read(PART):
                in_transit.put_nowait((self._loop.time() + self.one_way_s, part))
        in_transit.put_nowait((self._loop.time() + self.one_way_s, b""))
        await delivery

    async def _deliver(self, in_transit: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, part = await in_transit.get()
                await asyncio.sleep(due - self._loop.time())
                if not part:
                    break
                writer.write(part)
                await writer.drain()
            # The other direction may still be open: the client waits for the response.
            writer.write_eof()


@contextmanager
def delayed(round_trip_s: float) -> Iterator[Delay]:
    """Run a delaying proxy for the duration of the context."""
    delay = Delay(round_trip_s)
    try:
        yield delay
    finally:
        delay.stop()
