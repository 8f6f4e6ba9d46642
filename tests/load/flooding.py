"""`python -m tests.load.flooding ADDRESS IDLE SLOW FLOODING SECONDS`: clients that mean no good, in a process of their own.

Idle ones connect and say nothing; slow ones send a head or a body byte by byte, or take an answer byte by byte; flooding ones
ask as fast as they are answered: dear questions, wrong tokens, heads without an end. Whoever is cut off comes again. The last
line of the output is JSON: how often what happened.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

HOST = "Host: localhost\r\n"
JSON = f"{HOST}Content-Type: application/json\r\n"
DEAR = ("/api/history?points=1&from=0&to=253402300799", "/api/history?points=20000", "/api/stats", "/api/latest", "/", "/metrics")
AGAIN_S = 0.05  # after being cut off
LONG = b"x" * 65_536

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int, Counter[str]], Awaitable[None]]


async def idle(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, _number: int, _seen: Counter[str]) -> None:
    await reader.read(1)


async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, _seen: Counter[str]) -> None:
    starts = (f"GET / HTTP/1.1\r\n{HOST}X-Slow: ", f"POST /api/login HTTP/1.1\r\n{JSON}Content-Length: 4000\r\n\r\n{{")
    if number % 3 == 2:
        writer.write(f"GET /api/history?format=csv HTTP/1.1\r\n{HOST}\r\n".encode())
        while await reader.read(100):
            await asyncio.sleep(0.2)
        return
    writer.write(starts[number % 3].encode())
    while not reader.at_eof():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.5)


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, seen: Counter[str]) -> None:
    if number % 10 == 9:
        writer.write(f"GET / HTTP/1.1\r\n{HOST}X-Long: ".encode())
        while not reader.at_eof():
            writer.write(LONG)
            await writer.drain()
    for path in (DEAR[(number + turn) % len(DEAR)] for turn in range(10**9)):
        if number % 10 == 8:
            body = b'{"token": "wrong-token-%d"}' % number
            writer.write(f"POST /api/login HTTP/1.1\r\n{JSON}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        else:
            writer.write(f"GET {path} HTTP/1.1\r\n{HOST}\r\n".encode())
        seen[await answer(reader)] += 1


async def answer(reader: asyncio.StreamReader) -> str:
    """Reads one answer; its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
    if b"content-length" in fields:
        await reader.readexactly(int(fields[b"content-length"]))
    else:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return head.split()[1].decode()


async def again_and_again(address: str, client: Client, number: int, seen: Counter[str]) -> None:
    host, _, port = address.partition(":")
    while True:
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(host, int(port))
            seen["connections"] += 1
            try:
                await client(reader, writer, number, seen)
            finally:
                writer.transport.abort()
        await asyncio.sleep(AGAIN_S)


async def attack(address: str, numbers: dict[Client, int], seconds: float) -> Counter[str]:
    """All of them, for so long."""
    seen: Counter[str] = Counter()
    clients = [again_and_again(address, client, at, seen) for client, count in numbers.items() for at in range(count)]
    tasks = [asyncio.create_task(client) for client in clients]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return seen


def main() -> None:
    address, *counts, seconds = sys.argv[1:]
    numbers: dict[Client, int] = dict(zip((idle, slow, flood), map(int, counts), strict=True))
    print(json.dumps(asyncio.run(attack(address, numbers, float(seconds)))), flush=True)


if __name__ == "__main__":
    main()
