"""The compiled firmware on the simulated Uno, and the program against it: run_firmware.py [options of app.py]

Both end when the program does, or on Ctrl-C. The recording goes to build/run-firmware/ unless --database says otherwise.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HARNESS = ROOT / "build/firmware-tests/powermon-uno"
ELF = ROOT / "build/firmware/powermon.elf"
RUN = ROOT / "build/run-firmware"
PATIENCE_S = 10


@contextlib.contextmanager
def simulated_uno(port: Path, *options: str) -> Iterator[str]:
    """A running board; the address of its control channel. Ends with it, saving its EEPROM."""
    command = [str(HARNESS), "--pty", str(port), "--eeprom", str(port.with_name("eeprom")), *options, str(ELF)]
    # A session of its own: Ctrl-C is for the program, which then hangs up in an orderly way.
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as board:
        assert board.stderr is not None
        try:
            said = [board.stderr.readline().strip() for _ in range(2)]
            if not said[1].startswith("control="):
                raise SystemExit(f"the simulated board did not start: {' '.join(said)}")
            yield said[1].removeprefix("control=")
        finally:
            board.terminate()
            try:
                board.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                board.kill()


def program(port: Path, arguments: Sequence[str]) -> int:
    """Runs app.py until it ends; Ctrl-C reaches it as well as us."""
    given = [argument.partition("=")[0] for argument in arguments]
    database = [] if "--database" in given else ["--database", str(RUN / "powermon.db")]
    command = [sys.executable, str(ROOT / "app.py"), "--port", f"uno={port}", "--no-demo", *database, *arguments]
    with subprocess.Popen(command, cwd=ROOT) as app:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: app.terminate())
        return app.wait()


def main(arguments: Sequence[str]) -> int:
    if not (HARNESS.exists() and ELF.exists()):
        print("first: make -C tests/firmware harness firmware", file=sys.stderr)
        return 2
    RUN.mkdir(parents=True, exist_ok=True)
    port = RUN / "uno"
    with simulated_uno(port) as control:
        print(f"simulated Uno on {port}, its control channel on {control} (tests/firmware/README.md)", file=sys.stderr)
        return program(port, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
