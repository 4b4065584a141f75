"""The engine as a process of its own: `python -m synid_engine.serving.engine_process --socket PATH ...`.

It connects to the socket that its supervisor listens on, loads the models, and works until it is told to
drain, by an order or by SIGTERM; before the models are loaded that ends it at once. So does the loss of the
socket: whoever gave it work is gone.
Torch is imported only after the connection stands, so that the supervisor hears from the start.
"""

import logging
import os
import signal
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import NoReturn

from synid_engine.errors import SynIDError
from synid_engine.runtime.waiting_threads import sleep_soon
from synid_engine.serving.connection import Connection
from synid_engine.serving.engine_options import EngineOptions, read_arguments
from synid_engine.serving.engine_status import EngineExit, EngineStatus
from synid_engine.serving.orders import AskHealth, Assign, Drain, Order
from synid_engine.serving.reports import Drained, HandedBack, Loading
from synid_engine.serving.wire import WireError

_log = logging.getLogger("synid_engine.engine_process")
NICENESS = 5


class EngineProcess:
    """The threads around the loop: one reads orders, one shows that the process lives."""

    def __init__(self, connection: Connection, options: EngineOptions) -> None:
        self._connection, self._options = connection, options
        self._orders: SimpleQueue[Order] = SimpleQueue()
        self._status = EngineStatus()
        self._is_leaving = threading.Event()
        self._is_loaded = threading.Event()

    def run(self) -> EngineExit:
        """Load, work, drain."""
        signal.signal(signal.SIGTERM, lambda _number, _frame: self._take_drain())
        for work in (self._read, self._beat):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()
        self._tell_loading("libraries", 0.0)
        from synid_engine.serving.engine_start import start_loop  # noqa: PLC0415  (torch takes seconds)

        try:
            loop = start_loop(
                self._options,
                send=self._connection.send,
                status=self._status,
                orders=self._orders,
                on_stage=self._tell_loading,
            )
        except WireError:
            raise
        except SynIDError:
            _log.exception("the engine cannot be started with these models and settings")
            return EngineExit.UNLOADABLE
        self._is_loaded.set()
        loop.run()
        self._is_leaving.set()
        self._connection.send_last(Drained())
        return EngineExit.DRAINED

    def _tell_loading(self, stage: str, fraction: float) -> None:
        _log.info("loading: %s", stage)
        self._connection.send(Loading(stage=stage, fraction=fraction))

    def _read(self) -> None:
        """Queue orders; answer at once what needs no device, so that a long step delays no answer."""
        try:
            for order in self._connection.orders():
                if isinstance(order, AskHealth):
                    self._connection.send(self._status.health())
                elif isinstance(order, Drain):
                    self._take_drain()
                else:
                    self._orders.put(order)
        except WireError as error:
            _log.warning("the connection broke off: %s", error)
        self._lose()

    def _take_drain(self) -> None:
        """Leave the order to the loop, or while there is none yet, carry it out.

        A thread does so, because the one that is interrupted by a signal may be sending something itself.
        """
        self._orders.put(Drain())
        if not self._is_loaded.is_set():
            threading.Thread(target=self._leave_unloaded, name="leave", daemon=True).start()

    def _leave_unloaded(self) -> None:
        """Hand everything back and end, however long the models would still take to load."""
        try:
            while not self._orders.empty():
                order = self._orders.get()
                if isinstance(order, Assign):
                    self._connection.send(HandedBack(lease=order.lease, engine_ms=0.0))
            if not self._is_loaded.is_set():
                self._connection.send_last(Drained())
                leave(EngineExit.DRAINED)
        except WireError:
            self._lose()
        self._orders.put(Drain())  # the loop began just now

    def _beat(self) -> None:
        try:
            while not self._is_leaving.is_set():
                self._connection.send(self._status.alive())
                self._is_leaving.wait(self._options.beat_s)
        except WireError:
            self._lose()

    def _lose(self) -> None:
        """End at once, whatever the device does: nobody waits for it any more."""
        if not self._is_leaving.is_set():
            _log.warning("nobody gives orders any more; ending")
            leave(EngineExit.LOST)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process and return its exit code."""
    socket, options = read_arguments(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.nice(NICENESS)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    sleep_soon()
    try:
        return EngineProcess(Connection.open(socket), options).run()
    except WireError as error:
        _log.warning("the connection broke off: %s", error)
        return EngineExit.LOST


def leave(code: int) -> NoReturn:
    """End now: what must last is written, and taking the libraries apart costs a busy machine seconds."""
    logging.shutdown()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
