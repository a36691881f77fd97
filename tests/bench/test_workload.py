"""The benchmark's workload: the same in every run, and of the documented shape."""

import numpy as np
import pytest

from bench.workload import Service, Shape, encode_pprof, push_request
from flamehouse.pb import profile_pb2, push_pb2

SHAPE = Shape(stacks=300, drawn=60)


def test_a_service_sends_the_same_bytes_in_every_run() -> None:
    once, again = (push_request([Service(3, SHAPE).draw(7)]) for _ in range(2))
    assert once == again


def test_services_and_their_profiles_differ() -> None:
    service = Service(3, SHAPE)
    sent = {
        encode_pprof(service.draw(7)),
        encode_pprof(service.draw(8)),
        encode_pprof(Service(4, SHAPE).draw(7)),
    }
    assert len(sent) == 3


@pytest.mark.parametrize(("shallowest", "deepest"), [(20, 60), (180, 200)])
def test_stacks_are_distinct_and_of_the_requested_depth(shallowest: int, deepest: int) -> None:
    program = Service(0, Shape(stacks=300, shallowest=shallowest, deepest=deepest)).program
    assert len(np.unique(program.stacks, axis=0)) == 300
    assert shallowest <= program.depths.min() <= program.depths.max() <= deepest


def test_line_level_stacks_outnumber_function_level_ones() -> None:
    program = Service(0, SHAPE).program
    functions = np.where(program.stacks >= 0, program.frame_function[program.stacks], -1)
    assert 150 < len(np.unique(functions, axis=0)) < 250


def test_a_pprof_message_has_the_drawn_stacks_and_nothing_unused() -> None:
    drawn = Service(0, SHAPE).draw(0)
    pprof = profile_pb2.Profile.FromString(encode_pprof(drawn))
    program = drawn.service.program
    names = {function.id: pprof.string_table[function.name] for function in pprof.function}
    frames = {
        location.id: (names[location.line[0].function_id], location.line[0].line)
        for location in pprof.location
    }

    sent = {
        tuple(frames[id_] for id_ in reversed(sample.location_id)): tuple(sample.value)
        for sample in pprof.sample
    }
    assert sent == {
        tuple(
            (program.functions[program.frame_function[frame]].name, program.frame_line[frame])
            for frame in program.stacks[stack][: program.depths[stack]]
        ): (count, count * 10_000_000)
        for stack, count in zip(drawn.stacks.tolist(), drawn.counts.tolist(), strict=True)
    }
    assert set(frames) == {id_ for sample in pprof.sample for id_ in sample.location_id}
    assert set(names) == {location.line[0].function_id for location in pprof.location}


def test_one_sample_in_five_is_labelled() -> None:
    pprof = profile_pb2.Profile.FromString(encode_pprof(Service(0, Shape()).draw(0)))
    assert len(pprof.sample) == 1_000
    assert 150 < sum(len(sample.label) for sample in pprof.sample) < 250


def test_one_sample_in_five_is_in_a_span_of_its_profile() -> None:
    service = Service(0, Shape(spans=20))
    ids: list[set[str]] = []
    for index in range(2):
        pprof = profile_pb2.Profile.FromString(encode_pprof(service.draw(index)))
        text = pprof.string_table
        labels = [label for sample in pprof.sample for label in sample.label if text[label.key] == "span_id"]
        assert 150 < len(labels) < 250
        ids.append({text[label.str] for label in labels})
        assert ids[-1] == set(service.draw(index).span_ids)
    assert len(set.union(*ids)) == 40


def test_pods_take_turns_as_series_of_their_service() -> None:
    service = Service(0, Shape(stacks=300, drawn=60, pods=3))
    drawn = [service.draw(index) for index in range(6)]
    request = push_pb2.PushRequest.FromString(push_request(drawn))
    pods = [{pair.name: pair.value for pair in series.labels}["pod"] for series in request.series]
    assert pods == [f"service-00-{pod:04d}" for pod in (0, 1, 2, 0, 1, 2)]
    assert [profile.time_ns - drawn[0].time_ns for profile in drawn] == [0, 0, 0] + [15_000_000_000] * 3
