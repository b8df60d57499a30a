"""The hub's own door: requests and answers as JSON lines on a unix socket, for the people of this machine."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from protocols.errors import AnbanError, Reason

VERSION: Final = 1
MAX_LINE: Final = 65_536
ANSWER_WITHIN_S: Final = 10.0  # what a person waits for a table before thinking that the hub hangs
ALIVE_WITHIN_S: Final = 1.0  # a loop that lives answers in milliseconds; the start of a hub waits no longer

Operation = Callable[[Mapping[str, Any]], Awaitable[Any]]


class Request(msgspec.Struct, frozen=True):
    """One line in: the API's version, the operation's name and its arguments."""

    v: int
    op: str
    args: dict[str, Any] = {}


class Api:
    """Answers operations to processes of root, of the hub's own user, and of no other (SO_PEERCRED).

    An operation takes its arguments and returns what msgspec can write as JSON, or raises AnbanError, whose
    reason, sentence and remedy are the answer.
    """

    def __init__(self, path: Path, operations: Mapping[str, Operation]) -> None:
        self._path, self._operations = path, dict(operations)
        self._allowed = {0, os.geteuid()}

    async def serve(self) -> None:
        """Listen until cancelled."""
        async with await self.listen() as server:
            await server.serve_forever()

    async def listen(self) -> asyncio.Server:
        """Open the socket: mode 0600; a stale one of a killed hub is replaced."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._path.exists() and stat.S_ISSOCK(self._path.stat().st_mode):
            self._path.unlink()
        before = os.umask(0o177)
        try:
            return await asyncio.start_unix_server(self._client, self._path, limit=MAX_LINE)
        finally:
            os.umask(before)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _peer_uid(writer) not in self._allowed:
                return
            while line := await reader.readline():
                writer.write(msgspec.json.encode(await self.answer(line)) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # gone, or a line over the limit
            pass
        finally:
            writer.close()

    async def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one line, as a mapping with `ok`; never raises for what a client may send."""
        try:
            request = msgspec.json.decode(line, type=Request)
            if request.v != VERSION:
                raise AnbanError(
                    Reason.BAD_REQUEST, f"version {request.v} is not spoken here", f"Use version {VERSION}."
                )
            if request.op not in self._operations:
                known = ", ".join(sorted(self._operations))
                raise AnbanError(Reason.BAD_REQUEST, f"no operation {request.op!r}", f"There are: {known}.")
            result = await asyncio.wait_for(self._operations[request.op](request.args), ANSWER_WITHIN_S)
            return {"v": VERSION, "ok": True, "result": result}
        except AnbanError as error:
            return _refusal(error.reason, error.sentence, error.remedy)
        except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
            return _refusal(Reason.BAD_REQUEST, f"not a request: {error}", 'Send {"v":1,"op":"status"}.')
        except TimeoutError:
            return _refusal(Reason.BUSY, f"no answer within {ANSWER_WITHIN_S:.0f} s", "Ask again.")


def _refusal(reason: Reason, sentence: str, remedy: str) -> dict[str, Any]:
    error = {"reason": str(reason), "sentence": sentence, "remedy": remedy}
    return {"v": VERSION, "ok": False, "error": error}


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    sock = writer.get_extra_info("socket")
    size = struct.calcsize("3i")  # struct ucred of unix(7): pid, uid, gid
    _pid, uid, _gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(uid)


def ask(path: Path, op: str, /, **args: Any) -> Any:
    """Ask one operation from a command line (blocking). AnbanError if no hub is there, or as it answers."""
    return exchange(path, op, args, ANSWER_WITHIN_S + 2)


def is_served(path: Path) -> bool:
    """Whether a hub lives behind this socket. One that was killed, or hangs, does not keep a new one out."""
    try:
        # No operation: whoever refuses it lives, whatever its disk does.
        exchange(path, "", {}, ALIVE_WITHIN_S)
    except AnbanError as error:
        return error.reason is not Reason.NO_HUB
    return True


def exchange(path: Path, op: str, args: Mapping[str, Any], within_s: float) -> Any:
    """As `ask`, for who does not wait as long as a person: `within_s` for each step of it."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(within_s)
            sock.connect(str(path))
            sock.sendall(msgspec.json.encode({"v": VERSION, "op": op, "args": dict(args)}) + b"\n")
            with sock.makefile("rb") as answers:
                answer = msgspec.json.decode(answers.readline())
    except PermissionError as error:
        raise AnbanError(
            Reason.NO_HUB,
            f"{path} may not be opened: {error.strerror}",
            "Ask as the hub's own user or as root (`sudo anban hub ...`).",
        ) from error
    except (OSError, msgspec.DecodeError) as error:
        raise AnbanError(
            Reason.NO_HUB,
            f"no hub answers at {path}: {error}",
            "Start it (`anban hub run`), or name its socket with --socket.",
        ) from error
    if not isinstance(answer, dict) or not isinstance(answer.get("ok"), bool):
        raise AnbanError(
            Reason.NO_HUB,
            f"what answers at {path} is no hub",
            "Name the hub's socket, hub.sock in its runtime_dir, with --socket.",
        )
    if not answer["ok"]:
        told = answer["error"]
        known = Reason(told["reason"]) if told["reason"] in set(Reason) else Reason.BAD_REQUEST
        raise AnbanError(known, told["sentence"], told["remedy"])
    return answer["result"]
