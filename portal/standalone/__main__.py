"""`python -m portal.standalone`: prepare, start, say when ready, and stop everything together."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from types import FrameType

from portal.standalone import commands, olddata, options, preflight, prepare
from portal.standalone.broker import private_broker
from portal.standalone.children import LogPrinter, Supervisor, die_with_parent
from portal.standalone.errors import StandaloneError
from portal.standalone.watch import Watch


class _StoppedError(Exception):
    """The person asked for the end while things were being prepared."""


def main() -> int:
    """Run until told to stop. 0 after Ctrl-C or SIGTERM, 1 where something failed."""
    parser = argparse.ArgumentParser(prog="python -m portal.standalone", description=__doc__)
    parser.add_argument("--stop-with-parent", action="store_true", help="stop when the calling program ends")
    if parser.parse_args().stop_with_parent:
        die_with_parent()
    # What the portal writes, its processes' files and logs included, is for its owner alone.
    os.umask(0o077)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop_preparing)
    try:
        return _run(options.from_environment())
    except _StoppedError:
        print("\nSecondRead has stopped.", flush=True)
        return 0
    except preflight.UnfitError as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 1
    except OSError as error:
        # A full disk, a folder of somebody else's, a disk that went away: anywhere, at any time.
        print(f"\n{olddata.in_words(error)}", file=sys.stderr, flush=True)
        return 1


def _stop_preparing(number: int, frame: FrameType | None) -> None:
    raise _StoppedError


def _run(chosen: options.Options) -> int:
    preflight.check_writable(chosen.var, "its data", preflight.ELSEWHERE)
    with prepare.only_one(chosen):
        prepare.close_to_others(chosen.var)
        preflight.check_port(chosen.host, chosen.port)
        olddata.check(chosen.var)
        with contextlib.ExitStack() as until_the_end:
            return _serve(chosen, until_the_end)


def _serve(chosen: options.Options, until_the_end: contextlib.ExitStack) -> int:
    """Run the processes until one ends for good or a signal comes. Raises StandaloneError for the former."""
    printer = until_the_end.enter_context(contextlib.closing(LogPrinter(chosen.logs)))
    supervisor = Supervisor(printer)
    broker_url = _broker(chosen, supervisor, until_the_end)
    environment = commands.environment(chosen, broker_url)
    prepare.prepare(chosen, environment)
    # Before all have answered once, a process that ends lacks something that a second start will not mend.
    watch = Watch(chosen, environment, when_ready=supervisor.revive)
    for name, command in commands.processes(chosen).items():
        supervisor.add_process(name, command, env=environment)
    print("==> Web and workers", flush=True)
    supervisor.loop(when_started=watch.start)
    watch.stop()
    if supervisor.stopped_first is not None:
        raise StandaloneError(_obituary(supervisor.stopped_first, supervisor, printer))
    if watch.failure:
        raise StandaloneError(watch.failure)
    print("\nSecondRead has stopped.", flush=True)
    return 0


def _broker(chosen: options.Options, supervisor: Supervisor, until_the_end: contextlib.ExitStack) -> str:
    """The URL of the broker that the environment names, or of a private one, which serves from here on."""
    if chosen.broker_url:
        return chosen.broker_url
    broker = until_the_end.enter_context(private_broker(chosen.var / "run"))
    # Until the workers have put their messages back.
    supervisor.add_process("broker", broker.command, env=os.environ, serves_others=True)
    until_the_end.callback(supervisor.close)
    broker.wait_for_answer(supervisor.start("broker"))
    return broker.url


def _obituary(name: str, supervisor: Supervisor, printer: LogPrinter) -> str:
    last = "\n".join(f"    {line}" for line in printer.last_lines(name))
    times = supervisor.deaths(name)
    how = f"{times} times in a row, and is given up" if times > 1 else "by itself"
    return f"The {name} process stopped {how}. The last lines of {printer.folder / name}.log:\n{last}"


if __name__ == "__main__":
    sys.exit(main())
