"""A segment returns its complete records, whatever a power failure left after them."""

from collections.abc import Callable

import pytest

from flamehouse.store.write.log.segment import HEADER, encode_record, read_segment

RECORDS = (b"first", bytes(300), b"\xff" * 70)
WHOLE = HEADER + b"".join(piece for record in RECORDS for piece in encode_record(record))
LAST = b"".join(encode_record(b"last record"))

TAILS: dict[str, bytes] = {
    "nothing": b"",
    "one byte": LAST[:1],
    "a length without a checksum": LAST[:4],
    "a record without its last byte": LAST[:-1],
    "a record with a flipped bit": LAST[:-1] + bytes([LAST[-1] ^ 1]),
    "a record with another length": b"\x05" + LAST[1:],
    "a length beyond the file": b"\xff\xff\xff\x7f" + LAST[4:],
    "zeros": bytes(len(LAST)),
    "many zeros": bytes(5_000),
    "text": b"what another file held",
}

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut within the header": lambda content: content[:5],
    "zeroed": lambda content: bytes(len(content)),
    "of another version": lambda content: content.replace(b"\x01\n", b"\x02\n", 1),
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_a_damaged_tail_is_skipped_and_counted(tail: bytes) -> None:
    content = read_segment(WHOLE + tail)
    assert content.records == RECORDS
    assert content.damaged_bytes == len(tail)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_file_without_the_header_has_no_records(damage: Callable[[bytes], bytes]) -> None:
    content = damage(WHOLE)
    assert read_segment(content).records == ()
    assert read_segment(content).damaged_bytes == len(content)


def test_records_after_a_damaged_one_are_not_read() -> None:
    content = read_segment(WHOLE + LAST[:-1] + LAST)
    assert content.records == RECORDS


@pytest.mark.parametrize("size", [0, (1 << 30) + 1])
def test_a_record_of_an_impossible_size_is_not_encoded(size: int) -> None:
    class Sized(bytes):
        def __len__(self) -> int:
            return size

    with pytest.raises(ValueError, match=str(size)):
        encode_record(Sized())
