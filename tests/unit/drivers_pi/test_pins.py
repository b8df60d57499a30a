"""Opening the pins of a machine: where there are none, the hub is told why and what to do, and goes on."""

from __future__ import annotations

import importlib.util
import sys
import types

import pytest

from drivers.pi.pins import open_pins, pin_errors
from protocols.errors import AnbanError, Reason


def refuse(error: Exception) -> type:
    """A pin factory that cannot be made."""

    class Refusing:
        def __init__(self) -> None:
            raise error

    return Refusing


@pytest.mark.parametrize("library", ["lgpio", "gpiozero", "kernel"])
def test_a_machine_without_pins_is_an_error_with_a_remedy(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gpiozero.exc

    if importlib.util.find_spec("lgpio") is None:  # Python 3.13 has it from Debian, or not at all
        stands_in = types.ModuleType("lgpio")
        stands_in.error = type("error", (Exception,), {})  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "lgpio", stands_in)
    import lgpio

    errors = {
        "lgpio": lgpio.error("can not open gpiochip"),
        "gpiozero": gpiozero.exc.PinUnknownPi("no Pi"),
        "kernel": PermissionError(13, "Permission denied"),
    }
    refusing = types.ModuleType("gpiozero.pins.lgpio")
    refusing.LGPIOFactory = refuse(errors[library])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gpiozero.pins.lgpio", refusing)
    with pytest.raises(AnbanError) as failure:
        open_pins()
    assert failure.value.reason is Reason.PINS_DOWN
    assert "gpio" in failure.value.remedy


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    monkeypatch.setitem(sys.modules, "lgpio", None)
    with pytest.raises(AnbanError) as failure:
        open_pins()
    assert failure.value.reason is Reason.PINS_DOWN
    assert "lgpio" in failure.value.sentence
    assert "python3-lgpio" in failure.value.remedy


def test_no_library_is_loaded_to_know_its_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "lgpio", raising=False)
    monkeypatch.delitem(sys.modules, "gpiozero.exc", raising=False)
    assert pin_errors() == (OSError, ValueError)
    assert "lgpio" not in sys.modules
