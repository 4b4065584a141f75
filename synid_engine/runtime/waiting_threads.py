"""How long threads that share a computation spin before they sleep. Knows no torch, which must come after."""

import os

SPINS = "2000"
"""Rounds of a spinning wait, some tens of microseconds.

By default a thread spins for as long as a step of the embedded model takes. Beside another busy process it
then keeps the very core that the thread it waits for would need: on two cores, four pictures of ten steps
took 4.5 to 5.0 seconds where they take 0.47 alone. With this many they take 1.3 beside it, and alone as long
as ever (0.46 to 0.53); asleep at once, 0.8 and 0.8. It is GNU's OpenMP that is told, which torch brings.
"""


def sleep_soon() -> None:
    """Let waiting threads of this process sleep soon, unless the environment says otherwise.

    It counts from the moment that torch is imported.
    """
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = SPINS
