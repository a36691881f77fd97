"""gzip bodies, complete and damaged, within their memory limit."""

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamehouse.errors import Code, RpcError
from flamehouse.web.compression import compress_if_wanted, gunzip

BIG = 1 << 40


@given(members=st.lists(st.binary(max_size=200_000), min_size=1, max_size=5), level=st.integers(0, 9))
def test_gzip_members_are_joined(members: list[bytes], level: int) -> None:
    body = b"".join(gzip.compress(member, level, mtime=0) for member in members)
    whole = b"".join(members)
    assert gunzip(body, BIG) == whole
    assert gunzip(body, len(whole)) == whole


@given(body=st.binary() | st.builds(lambda piece, times: piece * times, st.binary(), st.integers(0, 5_000)))
def test_a_response_is_one_gzip_member_and_reproducible(body: bytes) -> None:
    request = {"Content-Encoding": "gzip"}
    sent, headers = compress_if_wanted(body, request)
    assert headers == {"Content-Encoding": "gzip"}
    assert gzip.decompress(sent) == body
    assert gunzip(sent, len(body)) == body
    # Incompressible content grows only slightly.
    assert len(sent) <= len(body) + len(body) // 1_000 + 64
    # The header has no time.
    assert sent[4:8] == bytes(4)
    assert compress_if_wanted(body, request) == (sent, headers)


@given(data=st.binary(min_size=1, max_size=1000), cut=st.integers(1, 30))
def test_a_body_cut_short_is_rejected(data: bytes, cut: int) -> None:
    with pytest.raises(RpcError) as raised:
        gunzip(gzip.compress(data, mtime=0)[:-cut], BIG)
    assert raised.value.code is Code.INVALID_ARGUMENT


@given(body=st.binary() | st.binary().map(lambda tail: gzip.compress(b"x", mtime=0) + tail))
def test_any_bytes_are_inflated_or_rejected(body: bytes) -> None:
    try:
        gunzip(body, BIG)
    except RpcError as error:
        if error.code is not Code.INVALID_ARGUMENT:
            raise


@pytest.mark.parametrize("members", [1, 3])
def test_a_bomb_is_rejected_with_little_memory(members: int) -> None:
    limit = 1 << 20
    bomb = gzip.compress(bytes(256 << 20), 9, mtime=0) * members
    tracemalloc.start()
    try:
        with pytest.raises(RpcError) as raised:
            gunzip(bomb, limit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert raised.value.code is Code.RESOURCE_EXHAUSTED
    assert peak < 4 * limit
