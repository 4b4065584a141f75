import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synid_engine.serving.messages import Failure, Lease, RenderWork
from synid_engine.serving.orders import Assign
from synid_engine.serving.reports import Broken
from synid_engine.serving.wire import (
    LONGEST_MESSAGE,
    WireError,
    decode_order,
    decode_report,
    encode,
    read_body,
)

LEASE = Lease(job_id=3, fence=2)


async def bodies(stream: bytes) -> list[bytes]:
    reader = asyncio.StreamReader()
    reader.feed_data(stream)
    reader.feed_eof()
    found: list[bytes] = []
    while (body := await read_body(reader)) is not None:
        found.append(body)
    return found


@given(prompt=st.text(max_size=200), count=st.integers(1, 5))
def test_messages_arrive_whole_and_in_order(prompt: str, count: int) -> None:
    orders = [Assign(lease=LEASE, owner_id=i, work=RenderWork(prompt=prompt)) for i in range(count)]
    stream = b"".join(encode(order) for order in orders)
    assert [decode_order(body) for body in asyncio.run(bodies(stream))] == orders


@given(kept=st.integers(1, 200))
def test_a_stream_that_breaks_off_is_noticed(kept: int) -> None:
    whole = encode(Broken(lease=LEASE, failure=Failure(reason="x" * 200), retryable=True, engine_ms=1.0))
    with pytest.raises(WireError):
        asyncio.run(bodies(whole[:kept]))


async def test_an_announced_length_is_bounded() -> None:
    with pytest.raises(WireError, match="announced"):
        await bodies((LONGEST_MESSAGE + 1).to_bytes(4, "big"))


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"type": "assign"}', b'{"type": "nothing"}', b"\xff"])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(WireError):
        decode_order(body)
    with pytest.raises(WireError):
        decode_report(body)


def test_an_order_is_no_report() -> None:
    with pytest.raises(WireError):
        decode_report(encode(Assign(lease=LEASE, owner_id=1, work=RenderWork(prompt="a")))[4:])
