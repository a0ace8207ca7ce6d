"""A TCP proxy that is far away: what goes through it takes a given time more for each round trip."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PART = 65536


class Delay:
    """Puts ``round_trip_s`` between clients and services, half of it each way, and once more for each connection."""

    def __init__(self, round_trip_s: float) -> None:
        self.one_way_s = round_trip_s / 2
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def before(self, host: str, port: int) -> int:
        """The port under which a service can be reached from afar."""
        return asyncio.run_coroutine_threadsafe(self._listen(host, port), self._loop).result()

    def stop(self) -> None:
        """Listens no more, and lets what is under way fall."""
        asyncio.run_coroutine_threadsafe(self._fall(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _fall(self) -> None:
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for each in under_way:
            each.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _listen(self, host: str, port: int) -> int:
        async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # A client sends at once where a handshake over the distance would have taken a round trip first.
            await asyncio.sleep(2 * self.one_way_s)
            try:
                far_reader, far_writer = await asyncio.open_connection(host, port)
            except OSError:
                writer.close()
                return
            # A client's task that was cancelled would be told as an error.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))

        server = await asyncio.start_server(join, "127.0.0.1", 0, backlog=1024)
        return int(server.sockets[0].getsockname()[1])

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Each part arrives its time after it was sent, however many are under way."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivery = asyncio.create_task(self._deliver(under_way, writer))
        with contextlib.suppress(OSError):
            while part := await reader.read(PART):
                under_way.put_nowait((self._loop.time() + self.one_way_s, part))
        under_way.put_nowait((self._loop.time() + self.one_way_s, b""))
        await delivery

    async def _deliver(self, under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, part = await under_way.get()
                await asyncio.sleep(due - self._loop.time())
                if not part:
                    break
                writer.write(part)
                await writer.drain()
            # The other way may still be open: a client that has sent all still waits for the answer.
            writer.write_eof()


@contextmanager
def delayed(round_trip_s: float) -> Iterator[Delay]:
    """A delay that ends with the block."""
    delay = Delay(round_trip_s)
    try:
        yield delay
    finally:
        delay.stop()
