"""Bodies of storage answers, for tests that look at them whole."""

from __future__ import annotations

from pixxel_async.transport.answers import Answer, PouredAnswer


class Found:
    """Keeps what is poured into it."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: memoryview) -> None:
        self.data += data


async def whole_body(answer: Answer) -> bytes:
    """Read a body to its end, over either way."""
    found = Found()
    if isinstance(answer, PouredAnswer):
        answer.begin_to_pour(found)
        assert await answer.poured()
    else:
        room = memoryview(bytearray(1000))
        while count := await answer.receive_into(room):
            found.write(room[:count])
    return bytes(found.data)
