"""The engine's end of the socket."""

import asyncio
import socket
import threading
from pathlib import Path

import pytest

from synid_engine.serving.connection import Connection
from synid_engine.serving.messages import Lease, RenderWork
from synid_engine.serving.orders import AskHealth, Assign, Order, Stop
from synid_engine.serving.reports import Loading
from synid_engine.serving.wire import LENGTH, LONGEST_MESSAGE, WireError, decode_report, encode, read_body

LEASE = Lease(job_id=3, fence=2)


@pytest.fixture
def pair() -> tuple[Connection, socket.socket]:
    ours, theirs = socket.socketpair()
    return Connection(ours), theirs


def test_orders_come_whole_however_they_are_cut(pair: tuple[Connection, socket.socket]) -> None:
    connection, other = pair
    orders: list[Order] = [
        Assign(lease=LEASE, owner_id=1, work=RenderWork(prompt="x" * 5000)),
        Stop(lease=LEASE),
        AskHealth(),
    ]
    data = b"".join(map(encode, orders))

    def feed() -> None:
        for start in range(0, len(data), 700):
            other.sendall(data[start : start + 700])
        other.close()

    thread = threading.Thread(target=feed)
    thread.start()
    assert list(connection.orders()) == orders
    thread.join()
    connection.close()


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00",
        LENGTH.pack(10) + b"{}",
        LENGTH.pack(2) + b"{}",
        LENGTH.pack(0),
        LENGTH.pack(LONGEST_MESSAGE + 1),
    ],
)
def test_what_is_no_order_ends_the_connection(pair: tuple[Connection, socket.socket], data: bytes) -> None:
    connection, other = pair
    other.sendall(data)
    other.close()
    with pytest.raises(WireError):
        list(connection.orders())
    connection.close()


async def test_reports_of_many_threads_do_not_mix(pair: tuple[Connection, socket.socket]) -> None:
    connection, other = pair

    def talk(name: str) -> None:
        for number in range(50):
            connection.send(Loading(stage=name * 300, fraction=number / 50))

    threads = [threading.Thread(target=talk, args=(name,)) for name in "ab"]
    reader, writer = await asyncio.open_unix_connection(sock=other)
    for thread in threads:
        thread.start()
    reports = [decode_report(await read_body(reader) or b"") for _ in range(100)]
    assert {report.stage[0] for report in reports if isinstance(report, Loading)} == {"a", "b"}
    for thread in threads:
        thread.join()
    writer.close()
    await writer.wait_closed()
    connection.close()


def test_lost_connection_is_told(pair: tuple[Connection, socket.socket], tmp_path: Path) -> None:
    connection, other = pair
    other.close()
    with pytest.raises(WireError):
        connection.send(Loading(stage="x", fraction=0))
    connection.close()
    with pytest.raises(WireError):
        Connection.open(tmp_path / "nobody")
