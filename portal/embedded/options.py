"""Where the embedded portal listens and keeps its files."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from portal.embedded.errors import EmbeddedError
from portal.settings.env import BASE_DIR, env


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
    def url(self) -> str:
        """The address that is told to the person."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def probe_url(self) -> str:
        """An address of the same server that this machine can always reach."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - compared, not bound
        return f"http://{everywhere[self.host]}:{self.port}" if self.host in everywhere else self.url


def from_environment() -> Options:
    """Read the knobs of `make run`. Raises EmbeddedError for a PORT that is none."""
    port = env.str("PORT", default="8000")
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise EmbeddedError(f"PORT must be a number from 1 to 65535, not {port!r}.")
    return Options(
        host=env.str("HOST", default="127.0.0.1"),
        port=int(port),
        var=Path(env.str("SECONDREAD_VAR", default=str(BASE_DIR / "var"))).absolute(),
        broker_url=env.str("CELERY_BROKER_URL", default=""),
    )


def check_port(options: Options) -> None:
    """Refuse an address that is taken or not this machine's, before anything is started."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.host, options.port))
        except OSError as error:
            raise EmbeddedError(
                f"SecondRead cannot listen on {options.host} port {options.port}: {error.strerror}. "
                "Another program may be using it; choose another with, for example, `make run PORT=8100`."
            ) from error


def allowed_hosts(options: Options) -> str:
    """The names under which a browser may ask: this machine's own, and those that the operator lists."""
    names = ["127.0.0.1", "localhost", "[::1]", *env.list("ALLOWED_HOSTS", default=[])]
    if options.host not in {"127.0.0.1", "localhost", "::1"}:
        names += [options.host, socket.gethostname()]
    return ",".join(names)
