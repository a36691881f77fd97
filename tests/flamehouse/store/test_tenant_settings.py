"""Settings compared with plain Python, for any order of changes and deletions, merged or not."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flamehouse.errors import Code, RpcError
from flamehouse.model.setting import Setting
from flamehouse.settings import Settings
from flamehouse.store.clickhouse_store import ClickHouseStore
from flamehouse.store.connection.client import ClickHouse
from flamehouse.store.schema.migrate import migrate
from flamehouse.store.write.writer import LoneWriter
from tests.support.queries.queries import new_tenant

pytestmark = pytest.mark.parametrize("place", ["embedded"], indirect=True, scope="session")

NAMES = ("a", "b", "ä")
LAST = (1 << 63) - 1

type Change = tuple[str, int | None]
"""A name, and the time at which it is set, or None if it is deleted."""

CHANGES = st.lists(
    st.tuples(st.sampled_from(NAMES), st.none() | st.sampled_from((1, 2, 3, LAST))), max_size=12
)


@pytest.fixture(scope="module")
def database(settings: Settings, clickhouse: ClickHouse) -> Iterator[ClickHouse]:
    """A separate database with merges."""
    own = replace(settings, clickhouse_database=f"settings_{uuid4().hex}")
    migrate(own)
    database = ClickHouse(own)
    yield database
    database.close()
    clickhouse.command("DROP DATABASE {name:Identifier}", {"name": own.clickhouse_database})


@pytest.fixture(scope="module")
def merging(database: ClickHouse, settings: Settings) -> ClickHouseStore:
    return ClickHouseStore(database, LoneWriter(database), settings)


def apply(store: ClickHouseStore, tenant: str, changes: Sequence[Change]) -> dict[str, Setting]:
    """Makes the changes, checks each result with plain Python, and returns the settings that remain."""
    kept: dict[str, Setting] = {}
    for number, (name, at) in enumerate(changes):
        if at is None:
            store.delete_setting(tenant, name)
            kept.pop(name, None)
            continue
        setting = Setting(name=name, value=f"value {number}", modified_at=at)
        if name in kept and at < kept[name].modified_at:
            with pytest.raises(RpcError) as raised:
                store.set_setting(tenant, setting)
            assert raised.value.code is Code.ALREADY_EXISTS
        else:
            store.set_setting(tenant, setting)
            kept[name] = setting
        assert store.settings(tenant) == [kept[each] for each in sorted(kept)]
    return kept


@given(before=CHANGES, after=CHANGES)
@examples(max_examples=15)
def test_the_stored_setting_is_the_last_one_set_and_not_deleted(
    database: ClickHouse, merging: ClickHouseStore, before: Sequence[Change], after: Sequence[Change]
) -> None:
    tenant, other = new_tenant(), new_tenant()
    kept = apply(merging, tenant, before)
    database.command("OPTIMIZE TABLE tenant_settings FINAL")
    assert merging.settings(tenant) == [kept[each] for each in sorted(kept)]
    apply(merging, other, after)
    assert merging.settings(tenant) == [kept[each] for each in sorted(kept)]


def test_merged_changes_take_one_row_per_name(database: ClickHouse, merging: ClickHouseStore) -> None:
    tenant = new_tenant()
    for at in (1, 2, 3):
        merging.set_setting(tenant, Setting(name="a", value="x", modified_at=at))
    merging.delete_setting(tenant, "a")
    database.command("OPTIMIZE TABLE tenant_settings FINAL")
    counted = "SELECT count() FROM tenant_settings WHERE tenant = {tenant:String}"
    assert database.rows(counted, {"tenant": tenant}) == [(1,)]
    assert merging.settings(tenant) == []
