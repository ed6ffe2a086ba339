"""Start times, idle memory, and memory with many idle authenticated connections. See README.md."""

import argparse
import asyncio
import base64
import resource
import ssl
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from disks import Folder, only_run  # noqa: E402
from processes import memory_mib  # noqa: E402
from systems import REPOSITORY, Gatepost, Server  # noqa: E402


def start_times(folder, rounds):
    """Seconds to `ready` on an empty and on an existing folder."""
    empty, existing = [], []
    for number in range(rounds):
        server = Server(folder / f"start-{number}")
        empty.append(server.start())
        server.stop()
        existing.append(server.start())
        server.stop()
    return empty, existing


async def read_reply(reader):
    """The lines of one SMTP reply."""
    while True:
        line = await reader.readline()
        if not line:
            raise SystemExit("the server closed a connection")
        if line[3:4] != b"-":
            return line


async def sign_in(system, context, limit):
    """One authenticated connection that then says nothing."""
    async with limit:
        reader, writer = await asyncio.open_connection("127.0.0.1", system.port)
        await read_reply(reader)
        for command in (b"EHLO idle.example\r\n", b"STARTTLS\r\n"):
            writer.write(command)
            await read_reply(reader)
        await writer.start_tls(context, server_hostname="localhost")
        secret = base64.b64encode(f"\0{system.username}\0{system.password}".encode())
        for command in (b"EHLO idle.example\r\n", b"AUTH PLAIN " + secret + b"\r\n"):
            writer.write(command)
            reply = await read_reply(reader)
        if not reply.startswith(b"235"):
            raise SystemExit(reply.decode())
        return writer


async def with_connections(system, count):
    """The server's memory while `count` authenticated connections are open."""
    context = ssl.create_default_context(cafile=system.ca_file)
    limit = asyncio.Semaphore(64)
    writers = await asyncio.gather(*(sign_in(system, context, limit) for _ in range(count)))
    await asyncio.sleep(1)
    memory = memory_mib(system.roots), system.server.status("VmRSS") / 1024
    for writer in writers:
        writer.transport.abort()
    return memory


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--cache", type=Path, default=REPOSITORY / "target" / "peers")
    chosen = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with only_run(chosen.cache), Folder(chosen.cache / "work") as folder:
        empty, existing = start_times(folder, chosen.rounds)
        print(f"start to ready, empty folder: median {1000 * statistics.median(empty):.0f} ms, worst {1000 * max(empty):.0f} ms")
        print(f"start to ready, existing folder: median {1000 * statistics.median(existing):.0f} ms, worst {1000 * max(existing):.0f} ms")
        server = Server(folder / "idle")
        server.start()
        time.sleep(2)
        print(f"idle, just started: {server.status('VmRSS') / 1024:.0f} MiB resident")
        server.stop()
        with Gatepost(folder, chosen.cache) as system:
            began = time.monotonic()
            proportional, resident = asyncio.run(with_connections(system, chosen.connections))
            print(
                f"{chosen.connections} idle authenticated connections: {resident:.0f} MiB resident "
                f"({proportional:.0f} proportional), opened in {time.monotonic() - began:.0f} s"
            )


if __name__ == "__main__":
    main()
