"""ProfileTypes, in both encodings."""

import pytest

from flamehouse.pb.querier_pb2 import ProfileTypesRequest, ProfileTypesResponse
from flamehouse.pb.types_pb2 import ProfileType
from tests.support.servers.apps import Querier
from tests.support.servers.doubles import CannedStore


@pytest.mark.parametrize("proto", [True, False])
def test_every_part_of_an_id_is_its_own_field(proto: bool) -> None:
    ids = ("memory:samples:bytes::", "process_cpu:cpu:nanoseconds:cpu:nanoseconds")
    querier = Querier(store=CannedStore(type_ids=ids))
    response = querier.call("ProfileTypes", ProfileTypesRequest(), ProfileTypesResponse, proto=proto)
    assert list(response.profile_types) == [
        ProfileType(ID=ids[0], name="memory", sample_type="samples", sample_unit="bytes"),
        ProfileType(
            ID=ids[1],
            name="process_cpu",
            sample_type="cpu",
            sample_unit="nanoseconds",
            period_type="cpu",
            period_unit="nanoseconds",
        ),
    ]


def test_the_json_names_are_those_that_grafana_reads() -> None:
    querier = Querier(store=CannedStore(type_ids=("a:b:c:d:e",)))
    (type_,) = querier.post("ProfileTypes", "{}").json()["profileTypes"]
    assert type_ == {
        "ID": "a:b:c:d:e",
        "name": "a",
        "sampleType": "b",
        "sampleUnit": "c",
        "periodType": "d",
        "periodUnit": "e",
    }


def test_the_query_is_for_the_tenant_of_the_request() -> None:
    querier = Querier()
    querier.post("ProfileTypes", "{}", headers={"X-Scope-OrgID": "team-a"})
    assert querier.store.calls[0][:2] == ("profile_types", "team-a")
