# Everything a fresh Debian 12 with python3, make and root (or sudo) needs: each target installs what is missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PHRASES := build/phrases
SEED ?= 1
BENCHES ?=

# CPython rooms that mypy holds to --strict.
TYPED := protocols edge drivers firmware/build.py anban.py
# What runs on the pendant, held to MicroPython's types.
TYPED_MICROPYTHON := protocols/link drivers/pendant firmware

.PHONY: help demo test test-slow test-planted test-chaos test-texts test-phones test-presses test-vm test-vm-power test-vm-bluez test-vm-adverts bench lint format locks phrases clean

help:
	@echo "make demo       a simulated home with a page to press keys on"
	@echo "make test       every test that takes less than minutes (two cores, 20 minutes at most)"
	@echo "make test-slow  the long ones; SEED=N resumes by seed"
	@echo "make test-vm    of those: real BlueZ, and power cuts, in a virtual machine"
	@echo "make bench      figures as JSON; BENCHES='sos store' chooses"
	@echo "make lint       ruff and mypy"
	@echo "make locks      resolve pyproject.toml anew into requirements-*.txt"

demo: $(STAMPS)/apt-sim $(STAMPS)/install $(STAMPS)/phrases
	$(BIN)/anban sim home

test: $(STAMPS)/apt-sim $(STAMPS)/apt-test $(STAMPS)/install $(STAMPS)/phrases
	$(BIN)/python -m pytest -q -n 2 -m "not slow and not system and not browser"
	$(BIN)/python -m pytest -q -m "(system or browser) and not slow"

test-slow: $(STAMPS)/apt-sim $(STAMPS)/apt-test $(STAMPS)/install $(STAMPS)/phrases
	ANBAN_SEED=$(SEED) $(BIN)/python -m pytest -m "slow and not vm" --ignore=tests/planted --ignore=tests/chaos
	$(MAKE) test-planted
	$(MAKE) test-chaos
	$(MAKE) test-texts
	$(MAKE) test-phones
	$(MAKE) test-presses
	$(MAKE) test-vm

# Less than half an hour each; SEED=N repeats what was done.
test-planted test-chaos test-texts test-phones test-presses: $(STAMPS)/apt-sim $(STAMPS)/apt-test $(STAMPS)/install $(STAMPS)/phrases

test-planted: # every scenario and invariant: a fault that it must notice
	ANBAN_SEED=$(SEED) $(BIN)/python -m pytest -n 2 -m slow tests/planted

test-chaos: # 200 rounds of kills, cuts and losses
	ANBAN_SEED=$(SEED) $(BIN)/python -m pytest -s -m slow tests/chaos/test_chaos.py

test-texts: # 40 rounds without the internet: kills, and modems and a cell network that fail
	ANBAN_SEED=$(SEED) $(BIN)/python -m pytest -s -m slow tests/chaos/test_texts.py

test-phones: # 25 rounds without the internet in which the family is rung, and people answer or do not
	ANBAN_SEED=$(SEED) $(BIN)/python -m pytest -s -m slow tests/chaos/test_phones.py

test-presses: # 10,000 presses over 8 pendants
	ANBAN_SEED=$(SEED) $(BIN)/python -m pytest -s -m slow tests/chaos/test_presses.py

# Three targets of less than half an hour. The machine is qemu: KVM where the hardware has it, else emulation.
test-vm:
	$(MAKE) test-vm-power
	$(MAKE) test-vm-bluez
	$(MAKE) test-vm-adverts

test-vm-power test-vm-bluez test-vm-adverts: $(STAMPS)/apt-sim $(STAMPS)/apt-vm $(STAMPS)/install $(STAMPS)/vm

test-vm-power: # both stores, killed 50 times
	ANBAN_SEED=$(SEED) $(BIN)/python -m pytest -s -m vm tests/vm/test_power_cut.py

test-vm-bluez: # presses, connects that hang, an adapter that hears nothing; meters, their bonds
	$(BIN)/python -m pytest -s -m vm tests/vm/test_bluez.py tests/vm/test_meters.py

test-vm-adverts: # ten minutes without a second of deafness
	$(BIN)/python -m pytest -s -m vm tests/vm/test_adverts.py

bench: $(STAMPS)/apt-sim $(STAMPS)/install $(STAMPS)/phrases
	$(BIN)/anban bench --json $(BENCHES)

lint: $(STAMPS)/apt-sim $(STAMPS)/install $(STAMPS)/typings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/mypy --config-file mypy-micropython.ini --cache-dir .mypy_cache/micropython $(TYPED_MICROPYTHON)

format: $(STAMPS)/install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

locks: $(STAMPS)/install
	$(BIN)/uv pip compile pyproject.toml $(LOCK_OPTIONS) --output-file requirements-hub.txt
	$(BIN)/uv pip compile pyproject.toml $(LOCK_OPTIONS) --extra sim --extra test \
		--constraints requirements-hub.txt --output-file requirements-dev.txt
	echo "micropython-esp32-stubs" | $(BIN)/uv pip compile - $(LOCK_OPTIONS) --output-file requirements-typings.txt
LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet

phrases: $(STAMPS)/phrases

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# --- what is missing is installed; a stamp makes the second run instant ---

# A fresh Raspberry Pi OS may be installing its own updates: that is waited for.
APT_WAITS := -o DPkg::Lock::Timeout=600
SUDO := $(shell test "$$(id -u)" = 0 || echo sudo)

$(STAMPS)/apt-%: apt-packages.txt
	@mkdir -p $(STAMPS)
	@wanted=$$(awk -v section='[$*]' '/^\[/ { on = ($$0 == section); next } on && /^[a-z0-9]/' apt-packages.txt); \
	missing=$$(for name in $$wanted; do \
		dpkg-query --show --showformat='$${Status}' "$$name" 2>/dev/null | grep -q 'install ok installed' || echo "$$name"; \
	done); \
	if [ -n "$$missing" ]; then \
		echo "Installing Debian packages:" $$missing; \
		$(SUDO) apt-get $(APT_WAITS) update -qq && \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get $(APT_WAITS) install -y -qq --no-install-recommends $$missing; \
	fi
	@touch $@

$(STAMPS)/venv: | $(STAMPS)/apt-sim
	@mkdir -p $(STAMPS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

$(STAMPS)/install: requirements-dev.txt pyproject.toml $(STAMPS)/venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $@

$(STAMPS)/vm: tests/vm/packages.py $(STAMPS)/apt-vm $(STAMPS)/install
	$(BIN)/python -m tests.vm.packages
	@touch $@

$(STAMPS)/typings: requirements-typings.txt $(STAMPS)/venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade \
		--target $(VENV)/typings -r requirements-typings.txt
	@touch $@

$(STAMPS)/phrases: $(STAMPS)/install $(wildcard edge/phrases/*.py edge/phrases/*.po)
	$(BIN)/python -m edge.phrases build --out $(PHRASES)
	@touch $@
