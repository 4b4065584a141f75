"""Print how long pictures take alone, and beside a process that keeps one core busy.

    python benchmarks/busy_machine.py
    python benchmarks/busy_machine.py --repeats 9 --out benchmarks/results/busy-machine.txt

Four pictures of ten steps, as nice as an engine process is; the least of two rounds of repeats. Each way to
wait has a process of its own, for OpenMP reads it when torch is imported.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from synid_engine.evaluation.figures import aligned
from synid_engine.runtime.waiting_threads import SPINS
from synid_engine.serving.engine_process import NICENESS

WAYS = {
    f"{SPINS} spins, the engine's": {"GOMP_SPINCOUNT": SPINS},
    "OpenMP's own": {},
    "asleep at once": {"OMP_WAIT_POLICY": "PASSIVE"},
}
PICTURES, STEPS, ROUNDS = 4, 10, 2
NAMES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
SPIN = "while True: pass"


def draw(repeats: int) -> None:
    """Draw, and print the least seconds."""
    from synid_engine import Engine  # noqa: PLC0415  (torch, which reads the environment)

    os.nice(NICENESS)
    engine = Engine.load(device="cpu")
    engine.render(None, "a woman with red hair", num_inference_steps=2)
    took: list[float] = []
    for _ in range(repeats):
        began = time.perf_counter()
        engine.render(None, "a woman with red hair", count=PICTURES, num_inference_steps=STEPS)
        took.append(time.perf_counter() - began)
    sys.stdout.write(f"{min(took)}\n")


def measure(way: dict[str, str], repeats: int, *, beside: bool) -> float:
    """Draw in a process that waits this way, beside a busy one or alone."""
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}
    command = [sys.executable, __file__, "--draw", "--repeats", str(repeats)]
    busy = subprocess.Popen([sys.executable, "-c", SPIN]) if beside else None  # noqa: S603  (this interpreter)
    try:
        done = subprocess.run(command, env=environment | way, capture_output=True, text=True, check=True)  # noqa: S603
    finally:
        if busy is not None:
            busy.kill()
            busy.wait()
    return float(done.stdout.split()[-1])


def main() -> None:
    """Parse the command line, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="keep the table there too")
    parser.add_argument("--draw", action="store_true", help="draw here, and print seconds alone")
    arguments = parser.parse_args()
    if arguments.draw:
        draw(arguments.repeats)
        return
    least: dict[tuple[str, bool], float] = {}
    for _round in range(ROUNDS):  # a machine's slow minutes shall not meet one way alone
        for name, way in WAYS.items():
            for beside in (False, True):
                took = measure(way, arguments.repeats, beside=beside)
                least[name, beside] = min(took, least.get((name, beside), took))
    rows = [("waiting threads", "alone", "beside a busy core", "ratio")]
    for name in WAYS:
        alone, beside_it = least[name, False], least[name, True]
        rows.append((name, f"{alone:.2f} s", f"{beside_it:.2f} s", f"{beside_it / alone:.1f}"))
    table = "\n".join(aligned(rows)) + "\n"
    sys.stdout.write(table)
    if arguments.out is not None:
        arguments.out.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
