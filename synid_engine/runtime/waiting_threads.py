"""How long threads that share a computation spin before they sleep. Knows no torch, which must come after."""

import os

SPINS = "2000"
"""Rounds of a spinning wait, some tens of microseconds.

By default a thread spins for as long as a step of the embedded model takes. Beside another busy process it
then keeps the very core that the thread it waits for would need: on two cores, the pictures of a nice engine
took fifty times as long as alone. With this many spins they take two to three times as long beside it, and
alone about as long as before; threads that sleep at once take nearly twice as long alone
(`benchmarks/busy_machine.py`). It is GNU's OpenMP that is told, which torch brings.
"""


def sleep_soon() -> None:
    """Let waiting threads of this process sleep soon, unless the environment says otherwise.

    It counts from the moment that torch is imported.
    """
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = SPINS
