"""Show a running home on its page, and do what visitors of the page ask for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from edge.api import ask
from edge.phrases import text as phrase_text
from protocols.errors import AnbanError
from sim.home import plan
from sim.home.calls import Cards
from sim.home.feed import Feed
from sim.home.home import Home
from sim.home.hubs import HubRig
from sim.home.ledger import Deed, Press, Stored, Told
from sim.home.page import ActError
from sim.home.pendants import PendantRig, now_ms
from sim.home.platform import LiveCase
from sim.home.process import ChildError
from sim.home.surfaces import Shown
from sim.home.telephones import BY_SIP, Telephones
from sim.modem.network import Carried

LIGHT_GOES_S = 4.0  # twice the period of the slowest flash: the light is off when none came for so long
SPEAKS_S = 4.0  # how long a phrase stands out
WEEKS_S = 5.0  # how often the hub is asked for everybody's week
LINKS_S = 3.0  # how often the hub's page is asked for a link that nobody has used
TEXTS_SHOWN = 2  # of a phone
SIGNAL_S = 1.0  # how often the strength of the links is asked of the air
FEELINGS = {
    "pressed": "short",
    "no-hub": "low",
    "delivered": "long",
    "taken": "two_long",
    "ended": "light",
    "asked": "asked",
}
CASE_ROWS = {"taken": "taken", "arrived": "arrived"}
END_ROWS = {"closed": "closed", "cancelled": "accept_cancel"}


class Show:
    """The bridge between a home and its page: listens to everything, offers acts."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.feed = Feed()
        self.telephones = Telephones(home, self.feed)
        self.cards = Cards({elder.id: elder for elder in home.setup.elders})
        self.spoken: dict[str, dict[str, Any]] = {}
        self.dbm: dict[str, dict[str, float]] = {name: {} for name in home.pendants}
        self.loss: dict[str, dict[str, float]] = {name: {} for name in home.pendants}
        self.world = {"internet": True, "udp": True, "platform": True, "hub_process": True}
        self.world |= {"disk": True} if home.setup.faulty_disk else {}
        self.world |= {"jam": True, "stranger": True}
        self.read: dict[str, int] = {}  # texts of each phone that stand in the timeline
        self.downs: dict[tuple[str, str], float] = {}
        self.acts: dict[str, Callable[[Mapping[str, Any]], Awaitable[None]]] = {
            "key": self.do_key,
            "place": self.do_place,
            "wall": self.do_wall,
            "world": self.do_world,
            "power": self.do_power,
            "fall": self.do_fall,
            "phone": self.do_phone,
        }
        self._changing = asyncio.Lock()
        self._listen()

    def _listen(self) -> None:
        home = self.home
        home.ledger.on_write.append(self._written)
        home.on_event.append(self._stored)
        home.on_case.append(self._case)
        home.cell.on_carried.append(self._texted)
        home.on_phone.append(self._phone)
        for name, hub in home.hubs.items():
            hub.on_lamp = lambda shown, name=name: self._lamp(name, shown)  # type: ignore[misc]
            hub.on_spoken = lambda key, name=name: self._spoke(name, key)  # type: ignore[misc]
            hub.on_end = lambda hub=hub: self.show_hub(hub)  # type: ignore[misc]
        for pendant in home.pendants.values():
            pendant.on_change = lambda kind, value, rig=pendant: self._board(rig, kind, value)  # type: ignore[misc]

    def _texted(self, carried: Carried) -> None:
        names = {modem.number: name for name, modem in self.home.modems.items()}
        name = names.get(carried.sender, carried.sender)
        self.feed.row("texted", "seat" if name == "platform" else name)

    def _phone(self, name: str) -> None:
        """A phone of the family shows something else."""
        phone = self.home.phones[name]
        before = self.feed.state.get(f"phone:{name}", {"state": "idle"})["state"]
        count = self.read.get(name, 0)
        for shown in phone.texts[count:]:
            self.feed.row("phone_text", name, text=shown.text)
        self.read[name] = len(phone.texts)
        if phone.state != before and phone.state in ("ringing", "answered", "idle"):
            self.feed.row("phone_ended" if phone.state == "idle" else f"phone_{phone.state}", name)
        self.show_phone(name)

    def show_phone(self, name: str) -> None:
        phone = self.home.phones[name]
        relative = next(one for one in self.home.setup.family if one.id == name)
        self.feed.show(
            f"phone:{name}",
            {
                "id": name,
                "name": {"zh": relative.zh, "en": relative.en},
                "state": phone.state,
                "texts": [shown.text for shown in phone.texts[-TEXTS_SHOWN:]],
            },
        )

    def show_all(self) -> None:
        """Everything, once all processes run."""
        home = self.home
        people = {elder.id: {"zh": elder.zh, "en": elder.en} for elder in home.setup.elders}
        about = {"seed": home.seed, "seat": home.platform.seat_url, "people": people}
        self.feed.show("home", {**plan.as_json(), **about})
        self.feed.show("walls", {})
        self.feed.show("world", dict(self.world))
        self.feed.show("calls", [])
        for hub in home.hubs.values():
            self.show_hub(hub)
        for pendant in home.pendants.values():
            self.show_pendant(pendant)
        for name in home.phones:
            self.show_phone(name)
        self.telephones.look()
        self.feed.row("started")

    def show_hub(self, hub: HubRig) -> None:
        name = hub.setup.id
        x, y = self.home.spots[name]
        shown = hub.lamp.shown
        self.feed.show(
            f"hub:{name}",
            {
                "id": name,
                "x": x,
                "y": y,
                "up": hub.running,
                "lamp": {"colour": shown.colour, "pattern": shown.pattern},
                "spoken": self.spoken.get(name),
            },
        )

    def show_pendant(self, pendant: PendantRig) -> None:
        name = pendant.setup.id
        x, y = self.home.spots[name]
        lit = time.monotonic() - pendant.lit_at < LIGHT_GOES_S and pendant.powered
        elder = self.cards.elders[pendant.setup.elder]
        self.feed.show(
            f"pendant:{name}",
            {
                "id": name,
                "name": {"zh": elder.zh, "en": elder.en},
                "x": x,
                "y": y,
                "powered": pendant.powered,
                "led": {"colour": pendant.light if lit else "off", "pattern": "flash" if lit else "off"},
                "buzz": {"n": pendant.buzzes, "kind": FEELINGS.get(pendant.feeling, "")},
                "dbm": dict(self.dbm[name]),
                "loss": dict(self.loss[name]),
            },
        )

    async def weeks(self) -> None:
        """Until cancelled: the week of each person, as the first hub tells it. What is old stays, with its
        age, and is never shown as new: it is the hub that says how old."""
        while True:
            if self.home.hub.running:
                with contextlib.suppress(AnbanError, OSError):
                    door = self.home.hub.directory / "run" / "hub.sock"
                    told = await asyncio.to_thread(ask, door, "trends")
                    self.feed.show("trends", {**told, "told_ms": now_ms()})
            await asyncio.sleep(WEEKS_S)

    async def links(self, link: Callable[[], Awaitable[str]]) -> None:
        """Until cancelled: a link to the hub's own page; each opens it once, so there is soon another."""
        while True:
            self.feed.show("hub_page", await link())
            await asyncio.sleep(LINKS_S)

    async def refresh(self) -> None:
        """Until cancelled: lights that went out, phrases that were said, the strength of the links."""
        asked_at = 0.0
        while True:
            await asyncio.sleep(0.25)
            if time.monotonic() - asked_at > SIGNAL_S:
                asked_at = time.monotonic()
                await self._signals()
            self.telephones.look()
            for pendant in self.home.pendants.values():
                self.show_pendant(pendant)
            for name, hub in self.home.hubs.items():
                said = self.spoken.get(name)
                if said and said["now"] and now_ms() - said["at_ms"] > SPEAKS_S * 1000:
                    self.spoken[name] = {**said, "now": False}
                self.show_hub(hub)

    async def _signals(self) -> None:
        for pendant in self.home.pendants:
            for hub in self.home.hubs:
                signal = await self.home.air.signal(a=pendant, b=hub)
                self.dbm[pendant][hub], self.loss[pendant][hub] = (
                    round(signal["dbm"]),
                    round(signal["loss"], 2),
                )

    # -- what the home does

    def _written(self, record: Press | Told | Deed) -> None:
        if isinstance(record, Press):
            self.cards.pressed(record)
        elif isinstance(record, Told):
            self.cards.told(record)
        else:
            self.cards.done(record)
        self.feed.show("calls", self.cards.as_json())

    def _stored(self, event: Stored) -> None:
        self.cards.stored(event)
        self.feed.row("stored", event.origin, kind=event.kind.partition(".")[2])
        self.feed.show("calls", self.cards.as_json())

    def _case(self, case: LiveCase) -> None:
        self.cards.case(case, now_ms())
        row = END_ROWS.get(case.lifecycle) or CASE_ROWS.get(case.handling)
        if row:
            self.feed.row(row, "seat")
        self.feed.show("calls", self.cards.as_json())

    def _lamp(self, name: str, shown: Shown) -> None:
        before = self.feed.state[f"hub:{name}"]["lamp"]["colour"] if f"hub:{name}" in self.feed.state else ""
        if shown.colour != before:
            self.feed.row("lamp", name, parts=[shown.colour])
        self.show_hub(self.home.hubs[name])

    def _spoke(self, name: str, key: str) -> None:
        try:
            said = {"zh": phrase_text(key, "zh"), "en": phrase_text(key, "en")}
        except KeyError:  # a recording of the home's own, such as a name
            said = {"zh": key, "en": key}
        self.spoken[name] = {"now": True, "text": said, "at_ms": now_ms()}
        self.feed.row("spoken", name, text=said)
        self.show_hub(self.home.hubs[name])

    def _board(self, pendant: PendantRig, kind: str, value: Any) -> None:
        name = pendant.setup.id
        before = self.feed.state.get(f"pendant:{name}", {}).get("led", {}).get("colour", "off")
        if kind == "feel":
            self.feed.row("buzz", name, parts=[FEELINGS.get(value, value)])
        elif kind == "led" and value not in ("off", before):
            self.feed.row("led", name, parts=[value, "flash"])
        elif kind in ("wake", "sleep"):
            self.feed.row(kind, name)
        elif kind == "power":
            self.feed.row("power_cut" if value == "cut" else "power_on", name)
        if name in self.home.spots:
            self.show_pendant(pendant)

    # -- what visitors do

    async def do_key(self, asked: Mapping[str, Any]) -> None:
        """{"device", "key", "down"}: a finger on a key."""
        device, key, down = str(asked["device"]), str(asked["key"]), asked["down"] is True
        if key == "pendant" and device in self.home.pendants:
            rig = self.home.pendants[device]
            if not down:
                rig.key_up()
            elif rig.key_down() is None:
                raise ActError(f"{device} has no power", "no_power", device)
        elif key in ("red", "green") and device in self.home.hubs:
            press = self.home.hubs[device].key(key, down)
            if down and press is None:
                raise ActError(f"{device} does not run: nobody reads its keys", "hub_down", device)
        else:
            raise ActError(f"{device} has no key {key}")
        self._key_row(device, key, down)

    def _key_row(self, device: str, key: str, down: bool) -> None:
        if down:
            self.downs[device, key] = time.monotonic()
            self.feed.row("key_down", device, key=key)
        elif (began := self.downs.pop((device, key), None)) is not None:
            self.feed.row("key_up", device, key=key, held_ms=round((time.monotonic() - began) * 1000))

    async def do_place(self, asked: Mapping[str, Any]) -> None:
        """{"device", "x", "y"}: carry a pendant; metres of the plan."""
        device, x, y = str(asked["device"]), float(asked["x"]), float(asked["y"])
        if device not in self.home.pendants:
            raise ActError(f"{device} cannot be carried")
        if not (0 <= x <= plan.WIDTH and 0 <= y <= plan.HEIGHT):
            raise ActError("that is outside of the plan")
        await self.home.place(device, x, y)
        await self._signals()
        self.show_pendant(self.home.pendants[device])

    async def do_wall(self, asked: Mapping[str, Any]) -> None:
        """{"wall", "raised"}."""
        raised = asked["raised"] is True
        await self.home.wall(str(asked["wall"]), raised)
        self.feed.row("wall_up" if raised else "wall_down")
        self.feed.show("walls", dict.fromkeys(self.home.walls, True))
        await self._signals()

    async def do_power(self, asked: Mapping[str, Any]) -> None:
        """{"device", "on"}: the cell of a pendant."""
        rig = self.home.pendants.get(str(asked["device"]))
        if rig is None:
            raise ActError("there is no such pendant")
        if asked["on"] is True:
            rig.power_on()
        else:
            rig.power_cut()

    async def do_fall(self, asked: Mapping[str, Any]) -> None:
        """{"device"}: who wears this pendant falls; the green key says that all is well."""
        rig = self.home.pendants.get(str(asked["device"]))
        if rig is None:
            raise ActError("there is no such pendant")
        if rig.fall() is None:
            raise ActError(f"{rig.setup.id} has no power", "no_power", rig.setup.id)
        self.feed.row("fall", rig.setup.id)

    async def do_phone(self, asked: Mapping[str, Any]) -> None:
        """{"phone", "hand"}: answer, hang_up, one (the key 1) or reply, on a phone of the family."""
        if str(asked["phone"]).endswith(BY_SIP):
            await self.telephones.hand(str(asked["phone"]), str(asked["hand"]))
            return
        phone = self.home.phones.get(str(asked["phone"]))
        if phone is None:
            raise ActError("there is no such phone")
        hands: dict[str, Callable[[], None]] = {
            "answer": phone.answer,
            "hang_up": phone.hang_up,
            "one": lambda: phone.press("1"),
            "reply": lambda: phone.write(self.home.setup.number_of(self.home.hub.setup.id), "我马上到"),
        }
        if asked["hand"] not in hands:
            raise ActError("a hand cannot do that")
        hands[str(asked["hand"])]()

    async def do_world(self, asked: Mapping[str, Any]) -> None:
        """{"name", "well"}: one of the switches of the page."""
        name, well = str(asked["name"]), asked["well"] is True
        if name not in self.world:
            raise ActError(f"there is no switch {name}")
        async with self._changing:
            if self.world[name] is well:
                return
            self.world[name] = well
            self.feed.show("world", dict(self.world))
            self.feed.row("world", "", switch=name, well=well)
            try:
                await getattr(self, f"_set_{name}")(well)
            except ChildError as error:
                raise ActError(str(error)) from error

    async def _set_internet(self, well: bool) -> None:
        self.home.net.set(cut=not well)

    async def _set_udp(self, well: bool) -> None:
        self.home.net.set(udp_cut=not well)

    async def _set_platform(self, well: bool) -> None:
        await (self.home.platform.start() if well else self.home.platform.stop())

    async def _set_hub_process(self, well: bool) -> None:
        hub = self.home.hub
        await (hub.start() if well else hub.kill())
        self.show_hub(hub)

    async def _set_jam(self, well: bool) -> None:
        await self.home.jam(not well)

    async def _set_stranger(self, well: bool) -> None:
        await self.home.stranger(next(iter(self.home.pendants)), not well)

    async def _set_disk(self, well: bool) -> None:
        disk = self.home.card()
        if well:
            disk.heal()
        else:
            disk.hang()
