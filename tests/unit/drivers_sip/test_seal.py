"""A child's control port that the hub has sealed: its own connection goes on, nobody else gets one."""

import asyncio
import sys

import pytest

from drivers.sip.seal import seal
from protocols.errors import AnbanError, Reason

ECHOES = """
import asyncio
async def echo(reader, writer):
    while data := await reader.read(100):
        writer.write(data)
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
LIMIT_S = 60.0
TRIED_S = 1.0  # a connection on this machine comes about in less than a millisecond


@pytest.fixture
async def child():
    child = await asyncio.create_subprocess_exec(*(sys.executable, "-c", ECHOES), stdout=-1)
    yield child.pid, int(await child.stdout.readline())
    child.kill()
    await child.wait()


async def says(stream, words):
    reader, writer = stream
    writer.write(words)
    async with asyncio.timeout(LIMIT_S):
        return await reader.readexactly(len(words))


async def test_after_the_seal_the_hubs_own_connection_goes_on_and_nobody_else_gets_one(child):
    pid, port = child
    own, stranger = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    assert await says(stranger, b"before") == b"before"
    seal(pid, port)
    assert await says(own, b"still") == b"still"
    with pytest.raises((TimeoutError, OSError)):
        async with asyncio.timeout(TRIED_S):
            await asyncio.open_connection("127.0.0.1", port)
    assert await says(own, b"and on") == b"and on"
    for _, writer in (own, stranger):
        writer.close()


async def test_a_port_that_is_not_the_childs_is_not_sealed(child):
    pid, port = child
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    for process, number in ((pid, server.sockets[0].getsockname()[1]), (0, port), (2**22 + 1, port)):
        with pytest.raises(AnbanError) as refused:
            seal(process, number)
        assert refused.value.reason is Reason.NOT_READY
    server.close()
