"""`python -m tests.vm.packages`: fetch a kernel and two releases of BlueZ from Debian into build/vm.

Nothing is installed: `apt-get download` with lists of its own, checked against Debian's keys, and `dpkg -x`.
The kernel is trixie's in every case: 6.1 (bookworm) has a bug in L2CAP that fires when a connection attempt
to a vanished peer fails. The mirror is the one that this machine's apt uses.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BUILD: Final = Path(__file__).parents[2] / "build" / "vm"
KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
KERNEL_RELEASE: Final = "trixie"
KERNEL_PACKAGE: Final = "linux-image-amd64"
_COMMON: Final = ("bluez", "libc6", "libdbus-1-3", "libudev1", "libsystemd0", "libpcre2-8-0", "libzstd1",
    "zlib1g", "libbz2-1.0", "liblzma5", "liblz4-1", "libcap2", "libtinfo6", "libffi8", "libgcc-s1",
    "libgcrypt20", "libgpg-error0")  # fmt: skip
# bluetoothd and all that it links, by release: it runs with its own libc, whatever the host is
BLUEZ: Final = {
    "bookworm": (*_COMMON, "libglib2.0-0", "libasound2", "libdw1", "libelf1", "libreadline8"),  # 5.66
    "trixie": (*_COMMON, "libglib2.0-0t64", "libasound2t64", "libdw1t64", "libelf1t64", "libreadline8t64",
               "libatomic1"),  # 5.82
}  # fmt: skip


class Missing(Exception):
    """Something that the virtual machine needs is not there; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """An unpacked kernel: its image and the folder of its modules, with modules.dep."""

    image: Path
    modules: Path


def kernel() -> Kernel:
    """The fetched kernel. Missing when `make` has not fetched it."""
    images = sorted((BUILD / "kernel" / "boot").glob("vmlinuz-*"))
    if not images:
        raise Missing("No kernel in build/vm: run `make test-vm`, or `python -m tests.vm.packages`.")
    version = images[-1].name.removeprefix("vmlinuz-")
    return Kernel(images[-1], BUILD / "kernel" / "usr" / "lib" / "modules" / version)


def bluez(release: str) -> Path:
    """The folder of an unpacked BlueZ. Missing when it has not been fetched."""
    folder = BUILD / f"bluez-{release}"
    if not (folder / "usr" / "libexec" / "bluetooth" / "bluetoothd").exists():
        raise Missing(
            f"No BlueZ of {release} in build/vm: run `make test-vm`, or `python -m tests.vm.packages`."
        )
    return folder


def main() -> None:
    """Fetch what is missing."""
    for release in {KERNEL_RELEASE, *BLUEZ}:
        _fetch_release(release)


def _fetch_release(release: str) -> None:
    wanted = {BUILD / f"bluez-{release}": BLUEZ.get(release, ())}
    if release == KERNEL_RELEASE:
        wanted[BUILD / "kernel"] = (KERNEL_PACKAGE,)
    wanted = {folder: names for folder, names in wanted.items() if names and not folder.exists()}
    if not wanted:
        return
    apt = _Apt(release)
    for folder, names in wanted.items():
        if names == (KERNEL_PACKAGE,):
            names = (apt.depends_on(KERNEL_PACKAGE, "linux-image-"),)
        print(f"fetching {folder.name}: {' '.join(names)}", flush=True)
        raw = folder.with_suffix(".part")
        shutil.rmtree(raw, ignore_errors=True)
        raw.mkdir(parents=True)
        for archive in apt.download(names):
            _run("dpkg", "-x", str(archive), str(raw))
            archive.unlink()
        for version in (raw / "usr" / "lib" / "modules").glob("*"):
            _run("/usr/sbin/depmod", "-b", str(raw / "usr"), version.name)
        raw.rename(folder)


class _Apt:
    """apt with lists of its own for one release."""

    def __init__(self, release: str) -> None:
        self.folder = BUILD / f"apt-{release}"
        (self.folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (self.folder / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        sources = self.folder / "sources.list"
        sources.write_text(f"deb [signed-by={KEYRING}] {_mirror()} {release} main\n")
        places = {
            "Dir::Etc::sourcelist": sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State::lists": self.folder / "lists",
            "Dir::State::status": "/dev/null",  # what is installed here is of another release
            "Dir::Cache": self.folder / "cache",
            "APT::Sandbox::User": "root",
        }
        self.options = [part for name, value in places.items() for part in ("-o", f"{name}={value}")]
        _run("apt-get", *self.options, "update", "-qq")

    def depends_on(self, package: str, prefix: str) -> str:
        """The dependency of a package whose name begins so."""
        shown = _run("apt-cache", *self.options, "show", "--no-all-versions", package)
        for line in shown.splitlines():
            if line.startswith("Depends:"):
                for name in line.removeprefix("Depends:").split(","):
                    if name.strip().startswith(prefix):
                        return name.split()[0]
        raise Missing(f"{package} depends on no {prefix}*")

    def download(self, names: tuple[str, ...]) -> list[Path]:
        """The archives of packages."""
        _run("apt-get", *self.options, "download", "-qq", *names, cwd=self.folder)
        return sorted(self.folder.glob("*.deb"))


def _mirror() -> str:
    """Where this machine's apt gets Debian's main archive from."""
    form = "$(ORIGIN)|$(REPO_URI)|$(CODENAME)|$(COMPONENT)"
    for line in _run("apt-get", "indextargets", "--format", form, "Created-By: Packages").splitlines():
        origin, uri, codename, component = line.split("|")
        if origin == "Debian" and component == "main" and "-" not in codename:
            return uri
    raise Missing("apt knows no mirror of Debian: run `apt-get update` on a Debian machine.")


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Missing(f"{' '.join(command[:2])} ... failed with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    main()
