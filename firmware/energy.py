"""Days of battery from charge per event: `python -m firmware.energy`. Every constant with where it comes
from.

[D] Espressif's ESP32-C3 datasheet; [M] measured by others on an ESP32-C3 and published (currents:
robdobson.com, "Investigating ESP32-C3 Power Management", 2023; light sleep's times: esp32.com, "ESP32-C3
Light Sleep Timing", 2023); [E] an estimate of ours. No figure was measured on a pendant of ours: the model
says what to measure first. Schedules are the firmware's own tables, so that a change of the schedule changes
the days."""

import argparse
import json
from dataclasses import dataclass

from firmware.pendant import falls, schedule

CELL_MAH = 120.0  # [E] a 502030 LiPo pouch, the largest for a pendant of 12 g
USABLE = 0.9  # [E] down to 3.3 V at the regulator, cold and aged cell
SELF_DISCHARGE_PER_MONTH = 0.03  # [E] LiPo with protection circuit, 20 degrees
# [E] chip 5 uA in deep sleep [D], regulator 1-5 uA, divider, pull-up, accelerometer under 1 uA
SLEEP_UA = 16.0
BOOT_S = 0.35
BOOT_MC = 23.6  # [M] wake, mount and reach main.py on a C3: 350 ms
RADIO_START_S = 0.2  # [M] bluetooth.active(True) on ESP32 under MicroPython
BUSY_MA = 26.8  # [M] C3, 160 MHz, empty loop, radio off
IDLE_MA = 20.1  # [M] C3, 160 MHz, waiting with delays, radio off
ADVERT_MC = 0.3  # [E] three channels of 31 bytes with their listening windows: 3 ms at about 100 mA
PAYLOAD_S = 0.02  # [E] encrypting and setting a new payload (CCM of 15 bytes 2 ms, HCI, Python around it)
CONNECTION_S = 1.5  # [E] connect, discover, handshake, a few frames
CONNECTION_MA = 35.0  # [E] idle plus a connection event each 30 ms
LED_MC = 60e-3 * 2 * 2.0  # [E] a flash of 60 ms, two colours, 2 mA each
BUZZ_MC = 0.5 * 30.0  # [E] half a second of vibration motor, 30 mA
LIGHT_MA = 0.35  # [M] C3, light sleep, everything off
# [E] a look at the FIFO: 4.8 ms of bytecodes (counted in tests/micropython/test_look.py), 2.0 ms on the bus
# (63 bytes at 400 kHz, three calls), 0.8 ms to light sleep and back [M], 1 ms of the garbage collector
LOOK_S = 0.0086
DECISION_S = 0.0198  # [E] an impact that is judged on the trunk, in three steps: as counted in test_fall.py
SECONDS_PER_DAY = 86400
MC_PER_MAH = 3600.0


@dataclass(frozen=True)
class Use:
    """One habit: how often a day, and what it takes each time."""

    name: str
    times_a_day: float
    charge_mc: float

    @property
    def mah_a_day(self) -> float:
        """Charge of a day."""
        return self.times_a_day * self.charge_mc / MC_PER_MAH


def wake_mc() -> float:
    """From deep sleep to a radio that is ready."""
    return BOOT_MC + RADIO_START_S * BUSY_MA


def air_mc(seconds: float, interval_ms: float) -> float:
    """Advertising for so long, payload renewed as the firmware does."""
    adverts = seconds * 1000 / interval_ms
    payloads = seconds * 1000 / schedule.PAYLOAD_MS
    return seconds * IDLE_MA + adverts * ADVERT_MC + payloads * PAYLOAD_S * (BUSY_MA - IDLE_MA)


def schedule_mc(rows: tuple[tuple[int | None, int, int, int], ...], until_s: float) -> float:
    """What a press takes until it is `until_s` old, asleep between bursts."""
    total, start = wake_mc(), 0.0
    for until_ms, interval_ms, burst_ms, period_ms in rows:
        end = until_s if until_ms is None else min(until_s, until_ms / 1000)
        if end <= start:
            break
        if not burst_ms:
            total += air_mc(end - start, interval_ms) + (end - start) * LED_MC
        else:
            bursts = (end - start) / (period_ms / 1000)
            total += bursts * (wake_mc() + air_mc(burst_ms / 1000, interval_ms))
        start = end
    return total


def unheard_mc(seconds: float) -> float:
    """A press that no hub hears for so long."""
    return schedule_mc(schedule.UNHEARD, seconds) + 3 * BUZZ_MC


def call_mc(seconds: float) -> float:
    """A call that is heard at once, delivered, and open for so long."""
    connections = 4 * CONNECTION_S * CONNECTION_MA
    return schedule_mc(schedule.HEARD, seconds) + connections + 4 * BUZZ_MC


def heartbeat_mc() -> float:
    """The hourly burst."""
    until_ms, interval_ms, _, _ = schedule.HEARTBEAT[0]
    return wake_mc() + air_mc(until_ms / 1000, interval_ms)


def proof_mc() -> float:
    """The 12-hourly connection: found after about 3 s of advertising."""
    return wake_mc() + air_mc(3.0, schedule.PROOF[0][1]) + CONNECTION_S * CONNECTION_MA


@dataclass(frozen=True)
class Watch:
    """A day of blows that end the deep sleep and are no fall: so often, so long until it sleeps again in all,
    so many impacts judged meanwhile. The radio stays off, the FIFO is read three times a second.
    """

    wakes: float
    watched_s: float
    decisions: float

    @property
    def awake_s(self) -> float:
        """Of that, the seconds that it is awake: it boots, looks, judges."""
        boots_s = self.wakes * BOOT_S
        looks = self.wakes + max(0.0, self.watched_s - boots_s) * 1000 / falls.POLL_MS
        return boots_s + looks * LOOK_S + self.decisions * DECISION_S

    @property
    def light_s(self) -> float:
        """Of that, the seconds in light sleep."""
        return max(0.0, self.watched_s - self.awake_s)

    def use(self, light_ma: float = LIGHT_MA) -> Use:
        """What it takes; what is drawn in deep sleep goes on and is counted there."""
        busy_s = max(0.0, self.awake_s - self.wakes * BOOT_S)
        day_mc = self.wakes * BOOT_MC + busy_s * BUSY_MA + self.light_s * light_ma
        return Use("blows looked at for falls", 1, day_mc)

    def sleepless(self) -> Use:
        """What it took without naps, radio and all."""
        return Use("the same without naps", 1, self.wakes * wake_mc() + self.watched_s * IDLE_MA)


# [E] as `anban bench fall` counts them on the trunk (candidates): most of it while somebody walks briskly
FALLS = Watch(wakes=52.0, watched_s=1386.0, decisions=594.0)


def uses(calls_a_month: float = 1.0) -> list[Use]:
    """A quiet pendant in reach of its hub."""
    beats = SECONDS_PER_DAY * 1000 / schedule.HEARTBEAT_PERIOD_MS
    proofs = SECONDS_PER_DAY * 1000 / schedule.PROOF_PERIOD_MS
    return [
        Use("deep sleep", SECONDS_PER_DAY, SLEEP_UA / 1000),
        Use("self-discharge", 1, CELL_MAH * SELF_DISCHARGE_PER_MONTH / 30 * MC_PER_MAH),
        Use("heartbeat, hourly", beats - proofs, heartbeat_mc()),
        Use("proof of the acks, 12-hourly", proofs, proof_mc()),
        Use("call of two hours", calls_a_month / 30, call_mc(7200)),
    ]


def days(habits: list[Use]) -> float:
    """How long a full cell lasts."""
    return CELL_MAH * USABLE / sum(use.mah_a_day for use in habits)


def report() -> dict[str, float]:
    """The figures that are compared across releases."""
    return {
        "battery_days": round(days(uses()), 1),
        "battery_days_with_falls": round(days([*uses(), FALLS.use()]), 1),
        "battery_days_with_falls_without_naps": round(days([*uses(), FALLS.sleepless()]), 1),
        "fall_wakes_mah_a_day": round(FALLS.use().mah_a_day, 2),
        "awake_s_a_day": round(FALLS.awake_s, 1),
        "light_sleep_s_a_day": round(FALLS.light_s, 1),
        "deep_sleep_s_a_day": round(SECONDS_PER_DAY - FALLS.watched_s, 1),
        "wake_mc": round(wake_mc(), 1),
        "advert_second_20ms_mc": round(air_mc(1, 20), 1),
        "advert_second_100ms_mc": round(air_mc(1, 100), 1),
        "heartbeat_mc": round(heartbeat_mc(), 1),
        "unheard_hour_mah": round(unheard_mc(3600) / MC_PER_MAH, 2),
        "call_2h_mah": round(call_mc(7200) / MC_PER_MAH, 2),
        "unheard_until_empty_days": round(unheard_days(), 1),
    }


def unheard_days() -> float:
    """How long one unheard press keeps being sent on a full cell."""
    first = unheard_mc(1800) / MC_PER_MAH
    daily = (unheard_mc(1800 + SECONDS_PER_DAY) - unheard_mc(1800)) / MC_PER_MAH
    return (CELL_MAH * USABLE - first) / (daily + SLEEP_UA * 24 / 1000)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Days of battery of a pendant, from charge per event.")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    parser.add_argument("--calls", type=float, default=1.0, help="two-hour calls a month (1)")
    parser.add_argument(
        "--light-ma", type=float, default=LIGHT_MA, help="current in light sleep (%(default)s)"
    )
    options = parser.parse_args()
    if options.json:
        print(json.dumps(report()))
        return
    habits = uses(options.calls)
    for use in habits:
        print(f"{use.name:30} {use.mah_a_day:7.3f} mAh a day")
    print(f"{'a cell of ' + str(int(CELL_MAH)) + ' mAh lasts':30} {days(habits):7.1f} days")
    print(f"{'after blows, awake':30} {FALLS.awake_s:7.1f} s a day")
    print(f"{'after blows, in light sleep':30} {FALLS.light_s:7.1f} s a day")
    for looks in (FALLS.use(options.light_ma), FALLS.sleepless()):
        print(f"{looks.name:30} {looks.mah_a_day:7.3f} mAh a day")
        print(f"{'with those it lasts':30} {days([*habits, looks]):7.1f} days")
    print(f"{'one unheard hour':30} {unheard_mc(3600) / MC_PER_MAH:7.2f} mAh")
    print(f"{'a call of two hours':30} {call_mc(7200) / MC_PER_MAH:7.2f} mAh")
    print(f"{'an unheard press is sent for':30} {unheard_days():7.1f} days")


if __name__ == "__main__":
    main()
