"""The register: hubs with their secrets, elders, addresses, devices; whose a token or a key id is."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from protocols.errors import AnbanError, Reason
from protocols.values import EventId
from sim.platform.db import connect

CONTEXTS = ("sos", "main", "spare-sos", "spare-main")
KID_BYTES = 3  # 4 contexts each for 4 million hubs, and small in every request
SECRET_BYTES = 16  # RFC 8613 3.2: AES-CCM-16-64-128
SERVER_ID = b"\x00"  # the platform's sender id; never on the wire, only in the key derivation
TOKEN_BYTES = 32
BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # of a home's name in texts
MAX_TEXT = 200


class Elder(msgspec.Struct, frozen=True):
    """A person, for the eyes of a seat."""

    id: str
    name: str = ""
    address: str = ""
    phone: str = ""
    notes: str = ""


class Device(msgspec.Struct, frozen=True):
    """A pendant, hub key or meter, for the eyes of a seat."""

    id: str
    name: str = ""
    kind: str = ""
    elder: str = ""
    room: str = ""


class Hub(msgspec.Struct, frozen=True):
    """A hub, and the people and devices that are registered with it."""

    id: str
    area: str
    address: str
    created_ms: int
    elders: frozenset[str]
    devices: frozenset[str]


class ContextRow(msgspec.Struct, frozen=True):
    """One OSCORE context of a hub, from the platform's side."""

    hub: str
    name: str
    kid: bytes
    server_id: bytes
    master_secret: bytes
    master_salt: bytes


def provision(
    directory: Path | str,
    hub_id: str,
    elders: Iterable[Mapping[str, str]] = (),
    devices: Iterable[Mapping[str, str]] = (),
    *,
    area: str = "",
    address: str = "",
    number: str = "",
) -> dict[str, Any]:
    """Register a hub with new secrets and return what its credentials.json holds; earlier secrets of it end.

    `elders`: {"id", "name", "address"} and optionally "phone", "notes"; `devices`: {"id"} and optionally
    "name", "kind", "elder", "room". `number`: of the hub's modem, where it has one.
    `area` (by default the address's first part) groups faults. Works before the platform starts and while it
    runs. Two hubs of one home are provisioned with the same elders and
    devices. AnbanError(BAD_VALUE) for an id that is none.
    """
    people = [_convert(Elder, elder) for elder in elders]
    things = [_convert(Device, device) for device in devices]
    _check_id(hub_id)
    where = address or (people[0].address if people else "")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    contexts = [{"name": name, **_new_context()} for name in CONTEXTS]
    db = connect(Path(directory))
    try:
        db.execute("BEGIN IMMEDIATE")
        _write_hub(db, hub_id, area or _area_of(where), where, token)
        for context in contexts:
            _write_context(db, hub_id, context)
        sms = _write_sms(db, hub_id, number)
        for elder in people:
            db.execute("INSERT OR REPLACE INTO elders VALUES (?,?,?,?,?)", msgspec.structs.astuple(elder))
            db.execute("INSERT OR IGNORE INTO hub_elders VALUES (?,?)", (hub_id, elder.id))
        for thing in things:
            db.execute("INSERT OR REPLACE INTO devices VALUES (?,?,?,?,?)", msgspec.structs.astuple(thing))
            db.execute("INSERT OR IGNORE INTO hub_devices VALUES (?,?)", (hub_id, thing.id))
        db.execute("INSERT OR IGNORE INTO hub_devices VALUES (?,?)", (hub_id, hub_id))
        db.execute("UPDATE meta SET value = value + 1 WHERE key = 'register_version'")
        db.execute("COMMIT")
    finally:
        db.close()
    return {"hub_id": hub_id, "https_token": token, "oscore": contexts, "sms": sms}


def _convert(kind: type[Any], value: Mapping[str, str]) -> Any:
    try:
        made = msgspec.convert({k: str(v)[:MAX_TEXT] for k, v in value.items()}, kind)
    except msgspec.ValidationError as error:
        raise AnbanError(Reason.BAD_VALUE, f"{kind.__name__}: {error}") from None
    _check_id(made.id)
    return made


def _check_id(name: str) -> None:
    EventId(name, 0, 0)  # the one rule for ids of devices, elders and hubs


def _area_of(address: str) -> str:
    """The district of a Chinese address ("浦东新区…"), else what stands before its first comma."""
    for mark in ("区", "县"):
        head, found, _ = address.partition(mark)
        if found:
            return head + mark
    return address.partition(",")[0].strip()


def _new_context() -> dict[str, Any]:
    return {
        "sender_id": secrets.token_bytes(KID_BYTES).hex(),
        "recipient_id": SERVER_ID.hex(),
        "master_secret": secrets.token_bytes(SECRET_BYTES).hex(),
        "master_salt": secrets.token_bytes(8).hex(),
        "id_context": None,
    }


def _write_hub(db: sqlite3.Connection, hub: str, area: str, address: str, token: str) -> None:
    db.execute(
        "INSERT INTO hubs (id, area, address, created_ms, token_hash) VALUES (?,?,?,?,?)"
        " ON CONFLICT (id) DO UPDATE"
        " SET area = excluded.area, address = excluded.address, token_hash = excluded.token_hash",
        (hub, area, address, time.time_ns() // 1_000_000, token_hash(token)),
    )
    db.execute("DELETE FROM oscore WHERE hub = ?", (hub,))


def _write_context(db: sqlite3.Connection, hub: str, context: dict[str, Any]) -> None:
    while True:
        row = (
            bytes.fromhex(context["sender_id"]),
            hub,
            context["name"],
            SERVER_ID,
            bytes.fromhex(context["master_secret"]),
            bytes.fromhex(context["master_salt"]),
        )
        try:
            db.execute("INSERT INTO oscore VALUES (?,?,?,?,?,?)", row)
            return
        except sqlite3.IntegrityError:  # the key id is taken
            context["sender_id"] = secrets.token_bytes(KID_BYTES).hex()


def _write_sms(db: sqlite3.Connection, hub: str, number: str) -> dict[str, str]:
    """New keys for texts; the home's name in them is kept while it has one."""
    known = db.execute("SELECT home FROM sms WHERE hub = ?", (hub,)).fetchone()
    up_key, down_key = secrets.token_bytes(SECRET_BYTES), secrets.token_bytes(SECRET_BYTES)
    while True:
        home = known[0] if known else "".join(secrets.choice(BASE32) for _ in range(4))
        if known or not db.execute("SELECT 1 FROM sms WHERE home = ?", (home,)).fetchone():
            break
    db.execute(
        "INSERT OR REPLACE INTO sms (home, hub, up_key, down_key, number) VALUES (?,?,?,?,?)",
        (home, hub, up_key, down_key, number),
    )
    return {"home": home, "up_key": up_key.hex(), "down_key": down_key.hex()}


def token_hash(token: str) -> bytes:
    """What the platform keeps of a bearer token: SHA-256, which is enough for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def propose_config(directory: Path | str, hub_id: str, document: str, author: str) -> None:
    """Put a configuration document up for a hub to fetch by GET /v1/config."""
    db = connect(Path(directory))
    try:
        write_config(db, hub_id, "proposed", document, author, time.time_ns() // 1_000_000)
    finally:
        db.close()


def write_config(db: sqlite3.Connection, hub: str, side: str, document: str, author: str, at_ms: int) -> None:
    """Store one side ("active": the hub's word; "proposed": the platform's) of a hub's configuration."""
    digest = hashlib.sha256(document.encode()).hexdigest()
    row = (hub, side, author, digest, document, at_ms)
    db.execute("INSERT OR REPLACE INTO configs VALUES (?,?,?,?,?,?)", row)


class Register:
    """The register as the server reads it: cached, and read anew when provisioning has changed it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._version = -1
        self.hubs: dict[str, Hub] = {}
        self.elders: dict[str, Elder] = {}
        self.devices: dict[str, Device] = {}
        self._tokens: dict[bytes, str] = {}
        self._contexts: dict[bytes, ContextRow] = {}
        self._owners: dict[str, set[str]] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Read the register anew if it changed since; whether it did."""
        version = self._db.execute("SELECT value FROM meta WHERE key = 'register_version'").fetchone()[0]
        if version == self._version:
            return False
        read = self._db.execute
        elders_of, devices_of = (
            _pairs(read("SELECT * FROM hub_elders")),
            _pairs(read("SELECT * FROM hub_devices")),
        )
        self.hubs = {
            row[0]: Hub(*row, frozenset(elders_of.get(row[0], ())), frozenset(devices_of.get(row[0], ())))
            for row in read("SELECT id, area, address, created_ms FROM hubs")
        }
        self.elders = {row[0]: Elder(*row) for row in read("SELECT * FROM elders")}
        self.devices = {row[0]: Device(*row) for row in read("SELECT * FROM devices")}
        self._tokens = dict(read("SELECT token_hash, id FROM hubs"))
        rows = read("SELECT hub, name, kid, server_id, master_secret, master_salt FROM oscore")
        self._contexts = {row[2]: ContextRow(*row) for row in rows}
        self._owners = {}
        for hub, devices in devices_of.items():
            for device in devices:
                self._owners.setdefault(device, set()).add(hub)
        self._version = version
        return True

    @property
    def version(self) -> int:
        """Grows with every change."""
        return self._version

    def hub_of_token(self, token: str) -> str | None:
        """The hub that a bearer token belongs to."""
        found = self._tokens.get(token_hash(token))
        if found is None and self.refresh():
            found = self._tokens.get(token_hash(token))
        return found

    def context_of(self, kid: bytes) -> ContextRow | None:
        """The OSCORE context that a key id belongs to."""
        found = self._contexts.get(kid)
        if found is None and self.refresh():
            found = self._contexts.get(kid)
        return found

    def is_foreign(self, hub: str, device: str) -> bool:
        """Whether a device is registered, and with no hub of this home.

        Two hubs with an elder in common are of one home: a pendant registered with one is heard by both.
        """
        owners = self._owners.get(device)
        if owners is None or hub in owners:
            return False
        own = self.hubs.get(hub)
        elders = own.elders if own is not None else frozenset()
        return not any(elders & self.hubs[owner].elders for owner in owners if owner in self.hubs)

    def elder_for(self, hub: str, elder: str) -> Elder | None:
        """An elder, but only if registered with that hub: no hub can show another home's name and address."""
        home = self.hubs.get(hub)
        return self.elders.get(elder) if home is not None and elder in home.elders else None


def _pairs(rows: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for left, right in rows:
        found.setdefault(left, []).append(right)
    return found
