"""The engine's end of the socket: blocking, and safe to send on from several threads. Knows no torch."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

from synid_engine.serving.orders import Order
from synid_engine.serving.reports import Report
from synid_engine.serving.wire import LENGTH, LONGEST_MESSAGE, WireError, decode_order, encode


class Connection:
    """One connection to the coordinator."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._sending = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Connect to a socket that somebody listens on.

        Raises:
            WireError: Nobody does.
        """
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connected.connect(str(path))
        except OSError as error:
            connected.close()
            raise WireError("nobody listens") from error
        return cls(connected)

    def send(self, report: Report) -> None:
        """Send a report whole, before or after those of other threads.

        Raises:
            WireError: The connection is lost.
        """
        with self._sending:
            self._send(report)

    def send_last(self, report: Report) -> None:
        """Send a report that none of another thread follows: whoever still wants to send one waits for ever.

        Raises:
            WireError: The connection is lost.
        """
        self._sending.acquire()
        self._send(report)

    def _send(self, report: Report) -> None:
        try:
            self._socket.sendall(encode(report))
        except OSError as error:
            raise WireError("connection lost") from error

    def orders(self) -> Iterator[Order]:
        """Yield orders as they come, until the other side closes in good order.

        Raises:
            WireError: The connection breaks off, or something else than an order comes.
        """
        while True:
            header = self._read(LENGTH.size)
            if not header:
                return
            (length,) = LENGTH.unpack(header)
            if length > LONGEST_MESSAGE:
                raise WireError(f"{length} bytes announced")
            yield decode_order(self._read(length))

    def close(self) -> None:
        """End the connection; whoever waits for an order is woken."""
        with suppress(OSError):  # the other side was faster
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self, count: int) -> bytes:
        """Read exactly so many bytes; none at all when the other side has closed before the first."""
        data = bytearray()
        while len(data) < count:
            try:
                part = self._socket.recv(count - len(data))
            except OSError as error:
                raise WireError("connection lost") from error
            if not part:
                if data:
                    raise WireError("cut within a message")
                return b""
            data += part
        return bytes(data)
