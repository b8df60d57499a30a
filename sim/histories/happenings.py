"""What can happen in a home: what people do there, and every trouble with its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge.surfaces import asked
from sim.histories.air import Air
from sim.histories.checks import Checks
from sim.histories.clockwork import World
from sim.histories.hub import ELDERS, Site
from sim.histories.internet import Platform
from sim.histories.pendant import Pendant
from sim.histories.script import Step


@dataclass
class Happenings:
    """A method for each name of a step, `-` as `_`: at this hub, with this pendant; `on` False ends a
    trouble. It gives False where it could not take place.
    """

    world: World
    air: Air
    platform: Platform
    sites: Sequence[Site]
    checks: Checks

    def happen(self, step: Step, pendant: Pendant) -> None:
        """Let it, and count it where it did."""
        on, name = not step.what.startswith("-"), step.what.removeprefix("-")
        act = getattr(self, name.replace("-", "_"))
        took_place = act(self.sites[step.value % len(self.sites)], pendant, step, on) is not False
        if on and took_place:
            self.world.visits[f"step: {name}"] += 1

    # -- people

    def red(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        return self.hub_key(site, "red", 150)

    def green(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        return self.hub_key(site, "green", 200)

    def green_twice(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        self.world.after(1_500, self.hub_key, site, "green", 200)
        return self.hub_key(site, "green", 200)

    def green_hold(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        """Held when cancelling is offered, if it is offered soon."""
        for wait_ms in (0, 2_000, 5_000, 9_000, 15_000):
            self.world.after(wait_ms, self._hold_if_offered, site)

    def changes_mind(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        """A key, and then the wish to cancel."""
        for wait_ms in (3_000, 6_000, 9_000, 14_000, 20_000):
            self.world.after(wait_ms, self._hold_if_offered, site)
        return self.hub_key(site, "red" if step.value % 6 == 0 else "green", 200)

    def _hold_if_offered(self, site: Site) -> None:
        process = site.process
        if process is not None and process._cancel_offered() is not None:
            if asked(process.hub.book) is None:
                self.world.visits["key: cancel held"] += 1
            self.hub_key(site, "green", 3_300)

    def hub_key(self, site: Site, key: str, hold_ms: int) -> bool:
        """Somebody presses a key of a hub; whether a hub is there to notice."""
        process = site.process
        if process is None or not hasattr(process, "delivery"):
            return False
        self.checks.key(site, key)
        process.press(key, True)
        self.world.visits[f"key: {key}"] += 1
        self.world.after(hold_ms, self._release, process, key)
        return True

    def _release(self, process: Any, key: str) -> None:
        if process.loop.alive:
            process.press(key, False)

    def pendant(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        return self._touch(pendant, 200)

    def pendant_twice(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        self.world.after(700, self._touch, pendant, 150)
        return self._touch(pendant, 150)

    def pendant_hold(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        return self._touch(pendant, 1_400)

    def _touch(self, pendant: Pendant, hold_ms: int) -> bool:
        if pendant.on:
            self.world.visits["key: pendant"] += 1
            pendant.key(True)
            self.world.after(hold_ms, pendant.key, False)
        return pendant.on

    def fall(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        if site.process is None or not hasattr(site.process, "delivery"):
            return False
        data = {"source": "rule", "rule": "fall"}
        site.process.do(site.process.hub.call, "call.fall", "rule", elder=ELDERS[step.who], data=data)
        return True

    def readings(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        if site.process is None:
            return False
        for number in range(1 + step.value % 12):
            site.process.do(site.process.hub.report, "reading.pulse", {"value": 60.0 + number})
        return True

    def heartbeat(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        pendant.beat()
        return pendant.on

    def red_and_kill(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        self.world.after(step.value % 60, self._die, site, 1_000 + step.value % 3_000)
        return self.hub_key(site, "red", 150)

    def pendant_and_cut(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        self.world.after(step.value % 600, pendant.power_cut)
        self.world.after(5_000 + step.value % 9_000, self._power_on, pendant)
        return self._touch(pendant, 200)

    def asks_in_vain(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        """An assistance that nobody takes: the elder is asked, and then it becomes an SOS."""
        self.platform.seat = "asleep" if on else "prompt"
        return not on or self.hub_key(site, "green", 200)

    # -- troubles

    def cut(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        names = (("coap",), ("https",), ("coap", "https"))[step.value // 7 % 3]
        for name in names:
            site.lines[name].cut = on

    def lossy(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        for line in site.lines.values():
            line.loss = 0.35 if on else 0.0

    def slow(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        for line in site.lines.values():
            line.slow = 40 if on else 1

    def platform_down(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        self.platform.up = not on

    def refuses(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        self.platform.refuses = on

    def asleep(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        self.platform.seat = "asleep" if on else "prompt"

    def tardy(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        self.platform.seat = "slow" if on else "prompt"

    def disk_hangs(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        site.disk.trouble = "hangs" if on else ""

    def disk_fails(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        site.disk.trouble = "fails" if on else ""

    def killed(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        runs = site.process is not None
        site.kill() if on else site.start()
        return runs

    def _die(self, site: Site, back_ms: int) -> None:
        site.kill()
        self.world.after(back_ms, site.start)

    def rebooted(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        if on:
            site.kill()
            site.reboot()
        else:
            site.start()

    def wall_jumps(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        year_ms = 365 * 86_400_000
        jump_ms = (step.value % 41 - 20) * year_ms // 10
        site.wall_offset_ms += jump_ms
        return jump_ms != 0

    def away(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        (self.air.away.add if on else self.air.away.discard)(pendant.address)

    def pendant_off(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        was_on = pendant.on
        pendant.power_cut() if on else self._power_on(pendant)
        return was_on

    def _power_on(self, pendant: Pendant) -> None:
        pendant.power_on()

    def pendant_resets(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        if pendant.on:
            pendant.reset()
        return pendant.on

    def flash_dead(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        pendant.flash_dead = on

    def jammed(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        self.air.jammed = on

    def adapter_hangs(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        if site.process is not None:
            site.process.adapter.hangs = on
        return site.process is not None

    def adapter_deaf(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        if site.process is not None:
            site.process.adapter.deaf = on
        return site.process is not None

    def replay(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        return self.air.replay()

    def forgery(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        return self.air.forge()

    def modem_out(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        cell = self.sites[0].cell
        if cell is not None:
            cell.loop.do(cell.modem.unplug if on else cell.modem.plug)
        return cell is not None

    def no_service(self, site: Site, pendant: Pendant, step: Step, on: bool) -> bool:
        cell = self.sites[0].cell
        if cell is not None:
            cell.modem.manners.registration = 0 if on else 1
        return cell is not None

    def mute(self, site: Site, pendant: Pendant, step: Step, on: bool) -> None:
        site.audio_broken = on
