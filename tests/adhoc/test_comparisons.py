"""Comparisons of two ad hoc profiles, and cut flame graphs, as Pyroscope draws them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.support.queries.oracle import Stack, oracle_diff
from tests.support.uploads.adhoc_files import AdHoc
from tests.support.uploads.adhoc_server import drawn, flamebearer, pprof
from tests.support.uploads.profiles import pprof_of, sample

STACK_LISTS = st.lists(
    st.tuples(st.lists(st.sampled_from(["a", "b", "other", "ä"]), min_size=1, max_size=4), st.integers(1, 6)),
    max_size=12,
)


CHECKS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def collapsed(stacks: Sequence[Stack]) -> bytes:
    return "\n".join(f"{';'.join(names)} {value}" for names, value in stacks).encode()


@given(stacks=STACK_LISTS, max_nodes=st.integers(1, 12))
@examples(max_examples=60, suppress_health_check=CHECKS)
def test_any_stacks_are_drawn_and_cut_as_pyroscope_does(
    adhoc: AdHoc, stacks: Sequence[Stack], max_nodes: int
) -> None:
    content = collapsed(stacks) or b"\n"
    response = adhoc.upload(content, "stacks.collapsed", max_nodes=max_nodes)
    assert flamebearer(response.flamebearer_profile)["flamebearer"] == drawn(stacks, max_nodes)


@given(left=STACK_LISTS, right=STACK_LISTS, max_nodes=st.integers(1, 12))
@examples(max_examples=60, suppress_health_check=CHECKS)
def test_any_two_files_are_compared_as_pyroscope_does(
    adhoc: AdHoc, left: Sequence[Stack], right: Sequence[Stack], max_nodes: int
) -> None:
    ids = [adhoc.upload(collapsed(stacks) or b"\n", "stacks.txt").id for stacks in (left, right)]
    response = flamebearer(adhoc.diff(*ids, max_nodes=max_nodes).flamebearer_profile)
    names, levels, total, max_self, left_ticks, right_ticks = oracle_diff(left, right, max_nodes)
    assert response["flamebearer"] == {
        "names": names,
        "levels": levels,
        "numTicks": total,
        "maxSelf": max_self,
    }
    assert (response["leftTicks"], response["rightTicks"]) == (left_ticks, right_ticks)
    assert response["metadata"]["format"] == "double"


@pytest.mark.parametrize("proto", [True, False])
def test_two_files_are_compared_by_a_sample_type_that_both_have(adhoc: AdHoc, proto: bool) -> None:
    adhoc = replace(adhoc, proto=proto)
    left = adhoc.upload(pprof(), "left.pprof").id
    types = (("wall", "nanoseconds"), ("cpu", "nanoseconds"))
    profile = pprof_of([sample(["main"], 1, 70)], time_ms=1, types=types)
    right = adhoc.upload(profile.SerializeToString(), "right.pprof").id
    response = adhoc.diff(left, right)
    assert [*response.profile_types] == ["cpu"]
    shown = flamebearer(response.flamebearer_profile)
    assert (shown["leftTicks"], shown["rightTicks"], shown["metadata"]["name"]) == (100, 70, "cpu")
    assert adhoc.diff(left, right, profile_type="samples") == response


def test_text_files_are_compared_whatever_their_names(adhoc: AdHoc) -> None:
    left, right = adhoc.upload(b"a 1", "left.txt").id, adhoc.upload(b"a 2", "right.txt").id
    shown = flamebearer(adhoc.diff(left, right).flamebearer_profile)
    assert (shown["leftTicks"], shown["rightTicks"]) == (1, 2)


def test_files_without_a_common_sample_type_are_not_compared(adhoc: AdHoc) -> None:
    left, right = adhoc.upload(pprof(), "left.pprof").id, adhoc.upload(b"a 2", "right.txt").id
    status, code, message = adhoc.rejection("Diff", leftId=left, rightId=right)
    assert (status, code) == (400, "invalid_argument")
    assert "no sample type in common" in message
