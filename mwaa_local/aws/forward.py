"""A gateway that passes connections on: `python -m mwaa_local.aws.forward --listen ADDRESS PORT TARGET_HOST:PORT`.

It is the only way to a container that has no way out itself: a web server in a private network.
"""

import argparse
import asyncio
import contextlib
import logging
import signal
from collections.abc import Sequence

CHUNK = 65536
PATIENCE = 10.0
"""Seconds that the target may take to answer."""

log = logging.getLogger("mwaa_local.aws")


def main(arguments: Sequence[str] | None = None) -> int:
    """Pass connections on until SIGTERM."""
    parser = argparse.ArgumentParser(prog="mwaa_local.aws.forward", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1")
    parser.add_argument("port", type=int)
    parser.add_argument("target", type=parse_target, metavar="HOST:PORT")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(serve(options.listen, options.port, options.target))
    return 0


def parse_target(text: str) -> tuple[str, int]:
    """Read HOST:PORT."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


async def serve(listen: str, port: int, target: tuple[str, int]) -> None:
    """Pass connections on until SIGTERM or SIGINT; OSError if the port is taken."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await pass_on(reader, writer, target)

    server = await asyncio.start_server(connect, listen, port)
    log.info("passing on from %s:%d to %s:%d", listen, port, *target)
    await ended.wait()
    server.close()


async def pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int]
) -> None:
    """Connect a client with the target until either has nothing more to say and the other has heard it."""
    with contextlib.closing(writer):
        try:
            async with asyncio.timeout(PATIENCE):
                inner_reader, inner_writer = await asyncio.open_connection(*target)
        except OSError as error:
            log.warning("%s:%d does not answer: %s", *target, error)
            return
        with contextlib.closing(inner_writer):
            await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction, its end included; a connection that breaks ends there."""
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


if __name__ == "__main__":
    raise SystemExit(main())
