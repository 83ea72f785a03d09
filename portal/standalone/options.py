"""Where the standalone portal listens and keeps its files."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from portal.settings.env import BASE_DIR, env
from portal.standalone import preflight


@dataclass(frozen=True)
class Options:
    """What the environment says about this run."""

    host: str
    port: int
    var: Path
    broker_url: str

    @property
    def logs(self) -> Path:
        """The folder of the processes' logs."""
        return self.var / "log"

    @property
    def scratch(self) -> Path:
        """The folder of what is on its way in or out; emptied at each start."""
        return self.var / "run" / "scratch"

    @property
    def url(self) -> str:
        """The address that is told to the person."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def probe_url(self) -> str:
        """An address of the same server that this machine can always reach."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared, not bound
        return f"http://{everywhere[self.host]}:{self.port}" if self.host in everywhere else self.url


def from_environment() -> Options:
    """Read the knobs of `make run`. Raises UnfitError for a PORT that is none."""
    return Options(
        host=env.str("HOST", default="127.0.0.1"),
        port=preflight.port_of(env.str("PORT", default="8000")),
        var=Path(env.str("SECONDREAD_VAR", default=str(BASE_DIR / "var"))).absolute(),
        broker_url=env.str("CELERY_BROKER_URL", default=""),
    )


def allowed_hosts(options: Options) -> str:
    """The names under which a browser may ask: this machine's own, and those that the operator lists."""
    names = ["127.0.0.1", "localhost", "[::1]", *env.list("ALLOWED_HOSTS", default=[])]
    if options.host not in {"127.0.0.1", "localhost", "::1"}:
        names += [options.host, socket.gethostname()]
    return ",".join(names)
