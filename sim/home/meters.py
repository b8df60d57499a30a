"""One health meter of the home: somebody measures with it, and the ledger has it before anybody else."""

from __future__ import annotations

import datetime
from typing import Any

from protocols.gatt import Moment, encode
from sim.air.client import AirControl
from sim.home.readings import Measured
from sim.home.setup import MeterSetup

BLOOD_PRESSURE, GLUCOSE, CONTEXT = 0x2A35, 0x2A18, 0x2A34
HOME_ZONE = datetime.timezone(datetime.timedelta(hours=8))  # of the hub's settings, by default


def meter_address(number: int) -> str:
    """The address of the n-th meter of a home."""
    return f"C4:0E:00:00:00:{number:02X}"


class MeterRig:
    """A meter that can be used; `measured` is the ledger of all that was measured with it."""

    def __init__(self, setup: MeterSetup, number: int, air: AirControl) -> None:
        self.setup, self.address, self._air = setup, meter_address(number), air
        self.measured: list[Measured] = []
        self._waiting: list[list[Any]] = []
        self._sequence = 0

    async def appear(self, x: float, y: float) -> None:
        """Lie there, switched off."""
        await self._air.add_meter(
            name=self.setup.id, address=self.address, kind=self.setup.kind, x=x, y=y, **self.setup.manners
        )

    def pressure(
        self, at: datetime.datetime, systolic: int, diastolic: int, pulse: int, user: int | None = None
    ) -> None:
        """A blood pressure goes into its memory, with the meter's own time; see `send`."""
        moment = Moment(at.year, at.month, at.day, at.hour, at.minute, at.second)
        values = {
            "systolic": systolic,
            "diastolic": diastolic,
            "mean": (systolic + 2 * diastolic) // 3,
            "time": moment,
            "pulse": pulse,
            **({"user": user} if user is not None else {}),
        }
        self._waiting.append([BLOOD_PRESSURE, encode(BLOOD_PRESSURE, values).hex()])
        at_ms = round(at.replace(tzinfo=HOME_ZONE, microsecond=0).timestamp() * 1000)
        self._write(self._whose(user), (systolic, diastolic, pulse), at_ms)

    def glucose(self, at: datetime.datetime, mmol: float, context: str = "") -> None:
        """A glucose goes into its memory, and the meal in whose context it stands."""
        self._sequence += 1
        moment = Moment(at.year, at.month, at.day, at.hour, at.minute, at.second)
        values = {
            "unit": "mol/L",
            "context": "follows" if context else "no",
            "sequence": self._sequence,
            "time": moment,
            "glucose": round(mmol, 1) / 1000,
            "sample": "capillary-whole-blood",
            "place": "finger",
        }
        self._waiting.append([GLUCOSE, encode(GLUCOSE, values).hex()])
        if context:
            meal = {"sequence": self._sequence, "meal": context}
            self._waiting.append([CONTEXT, encode(CONTEXT, meal).hex()])
        at_ms = round(at.replace(tzinfo=HOME_ZONE, microsecond=0).timestamp() * 1000)
        figures = (round(mmol, 1),)
        self.measured.append(Measured(self.setup.id, self._whose(None), "reading.glucose", figures, at_ms))

    def garbage(self, raw: str) -> None:
        """Bytes that are no measurement of anybody."""
        self._waiting.append([BLOOD_PRESSURE, raw])
        self._write(self.setup.elder, (), 0)

    async def send(self) -> None:
        """It goes on the air with what it holds."""
        records, self._waiting = self._waiting, []
        await self._air.measure(name=self.setup.id, records=records)

    async def seen(self) -> dict[str, Any]:
        """What it has seen of the hub: connections, records confirmed, its clock."""
        return dict(await self._air.meter(name=self.setup.id))

    def _whose(self, user: int | None) -> str:
        if self.setup.users:
            return self.setup.users.get(str(user), "")
        return self.setup.elder

    def _write(self, elder: str, figures: tuple[float, ...], at_ms: int) -> None:
        kind = "reading.blood_pressure"
        self.measured.append(Measured(self.setup.id, elder, kind, figures, at_ms))
