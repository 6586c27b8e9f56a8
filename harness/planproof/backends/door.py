"""Runs a server that listens on every interface where nobody reaches it, behind one door on loopback.

DynamoDB Local binds all interfaces and has no option against it. So it runs in a network namespace of
its own, in which only a loopback device exists. A socket belongs to the namespace in which it was made:
the one that listens on 127.0.0.1 outside is made before, inherited here, and what it accepts is carried
to the server inside. Run as ``unshare --net python -m planproof.backends.door FD PORT PROGRAM...``.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import signal
import socket
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

from planproof.backends.programs import die_with_parent, signal_on_parent_death


if TYPE_CHECKING:
    from collections.abc import Sequence


SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
CHUNK = 65536


def raise_loopback() -> None:
    """Switch on the loopback device of this namespace; a new one is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


async def _serve(listener: socket.socket, port: int, child: subprocess.Popen[bytes]) -> int:
    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_carry(reader, inner_writer), _carry(inner_reader, writer))

    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, over.set)
    waiter = loop.run_in_executor(None, child.wait)
    server = await asyncio.start_server(visit, sock=listener)
    waiter.add_done_callback(lambda _: over.set())
    await over.wait()
    server.close()
    if child.poll() is None:
        child.terminate()
    try:
        return await asyncio.wait_for(asyncio.shield(waiter), timeout=5)
    except TimeoutError:
        child.kill()
        return await waiter


def main(arguments: Sequence[str]) -> int:
    """Run the program behind the door until it ends or we are told to stop; its exit status."""
    listener = socket.socket(fileno=int(arguments[0]))
    signal_on_parent_death(signal.SIGTERM)  # again: a change of credentials on the way here undid it
    raise_loopback()
    child = subprocess.Popen(
        arguments[2:],
        preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - no thread runs yet
    )
    return asyncio.run(_serve(listener, int(arguments[1]), child))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
