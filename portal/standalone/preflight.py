"""What can be known before anything is fetched or started: port, folders, space.

The standard library alone, and nothing else of the portal: `make run` calls this file with the system's own
Python (`python3.11 portal/standalone/preflight.py`), so that a taken port costs no minute of fetching.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What the packages take (measured: 1.9 GB) with what pip needs meanwhile, and what the demo cases take.
INSTALLED_GB = 2.5
DATA_GB = 0.3
GB = 10**9
# For a checkout that cannot be written, or not by everybody.
ELSEWHERE = (
    "Or keep both elsewhere: `make run VENV=$HOME/secondread-programs SECONDREAD_VAR=$HOME/secondread-data`."
)
NAMES = ("HOST", "PORT", "SECONDREAD_VAR")


class UnfitError(Exception):
    """SecondRead cannot run here as things are; the message says why and what to do."""


def main() -> int:
    """Check what `make run` needs. 0 where it is there, 1 after a sentence about what is not."""
    try:
        check(_knobs(), *sys.argv[1:])
    except UnfitError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def check(knobs: dict[str, str], programs: str = ".venv") -> None:
    """Raise UnfitError for the first thing that is in the way. `programs`: the Makefile's VENV."""
    venv = venv_of(programs)
    var = Path(knobs.get("SECONDREAD_VAR") or ROOT / "var").absolute()
    check_lock(var / "run" / "lock")
    check_port(knobs.get("HOST") or "127.0.0.1", port_of(knobs.get("PORT") or "8000"))
    check_environment(venv)
    # A checkout that somebody has made ready for others need not be theirs.
    if not is_installed(venv):
        check_writable(venv, "its programs", ELSEWHERE)
    check_writable(var, "its data", ELSEWHERE)
    if not (venv / ".requirements").exists():
        check_space(venv, INSTALLED_GB)
    check_space(var, DATA_GB)
    warn_root()


def venv_of(name: str) -> Path:
    """The folder of the programs. Raises UnfitError for a name that `make` would take for two."""
    if any(letter.isspace() for letter in name):
        raise UnfitError(f"VENV must be a folder without spaces in its name, not {name!r}.")
    return ROOT / name


def is_installed(venv: Path) -> bool:
    """Whether all that is needed is there, as `make` sees it: no older than its list."""
    try:
        return (venv / ".requirements").stat().st_mtime >= (ROOT / "requirements.txt").stat().st_mtime
    except OSError:
        return False


def check_lock(lock: Path) -> None:
    """Refuse where a portal runs with this data already: before its port is found to be taken."""
    try:
        with lock.open("r+") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UnfitError(already_running(lock)) from None
    except OSError:
        # Not there yet, or not ours: whoever writes there next says so.
        return


def already_running(lock: Path) -> str:
    """The sentence for data that another portal holds; its address stands in the lock."""
    where = lock.read_text(encoding="utf-8").strip() or "another terminal"
    return (
        f"SecondRead is already running with this data, at {where}. "
        "Stop it with Ctrl-C there, or set SECONDREAD_VAR to another folder."
    )


def port_of(text: str) -> int:
    """The number of a port. Raises UnfitError for what is none."""
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) < 2**16:
        raise UnfitError(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def check_port(host: str, port: int) -> None:
    """Refuse an address that is taken or not this machine's."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise UnfitError(
            f"SecondRead cannot listen on {host} port {port}: {error.strerror}. "
            "Another program may be using it; choose another with, for example, `make run PORT=8100`."
        ) from error


def check_writable(folder: Path, what: str, otherwise: str = "") -> None:
    """Refuse a folder that can be neither written nor made; say whose it is, and what to do `otherwise`."""
    there = _nearest(folder)
    if not there.is_dir():
        raise UnfitError(f"{there} is a file, where SecondRead makes a folder for {what}. Move it away.")
    if _is_writable(there):
        return
    owner = _owner(there)
    if os.geteuid() != 0 and there.stat().st_uid != os.geteuid():
        advice = (
            f"It belongs to {owner}. If you typed `make run` as {owner} before, type "
            f"`sudo chown -R {_name(os.geteuid())} {_quoted(ROOT)}` once; else clone into your own folder."
        )
    else:
        advice = "Clone or copy it to a folder that you may write."
    why = f"SecondRead cannot write in {there}, where it keeps {what}."
    raise UnfitError(" ".join(filter(None, (why, advice, otherwise))))


def check_environment(venv: Path) -> None:
    """Refuse an environment whose Python has gone, as in a folder that came from another machine."""
    if (venv / ".made").exists() and not os.access(venv / "bin" / "python", os.X_OK):
        raise UnfitError(f"The Python of {venv} is gone. Type `make clean`, then the command again.")


def check_space(folder: Path, gigabytes: float) -> None:
    """Refuse a disk that is nearly full."""
    free = shutil.disk_usage(_nearest(folder)).free / GB
    if free < gigabytes:
        raise UnfitError(
            f"The disk of {folder} has {free:.1f} GB left, and SecondRead needs about {gigabytes} GB there. "
            "Make room, or clone into a folder on another disk."
        )


def warn_root() -> None:
    """Say what follows where root works in the folder of another."""
    if os.geteuid() == 0 and ROOT.stat().st_uid != 0:
        owner = _owner(ROOT)
        print(
            f"You are root, and this folder belongs to {owner}: what is made now will be root's. "
            f"Better stop with Ctrl-C and type this as {owner}.",
            file=sys.stderr,
        )


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(each for each in (folder, *folder.parents) if os.path.lexists(each))


def _is_writable(folder: Path) -> bool:
    # By trying: permission bits say nothing of a disk that is mounted read-only, and nothing of root.
    probe = folder / f".secondread-{os.getpid()}"
    try:
        probe.touch()
    except OSError:
        return False
    probe.unlink(missing_ok=True)
    return True


def _owner(path: Path) -> str:
    return _name(path.stat().st_uid)


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _quoted(path: Path) -> str:
    return f"'{path}'" if " " in str(path) else str(path)


def _knobs() -> dict[str, str]:
    """The knobs of this run: from the environment, or as the portal will read them from .env."""
    found: dict[str, str] = {}
    file = ROOT / ".env"
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        name, _, value = line.strip().removeprefix("export ").partition("=")
        if name.strip() in NAMES:
            found[name.strip()] = value.strip().strip("\"'")
    return found | {name: os.environ[name] for name in NAMES if name in os.environ}


if __name__ == "__main__":
    sys.exit(main())
