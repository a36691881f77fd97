"""The ledger of completely stored uploads: the table `uploads`, the last to which an upload is written."""

from collections.abc import Iterable, Sequence
from struct import Struct

from clickhouse_connect.driver.exceptions import ClickHouseError

from flamehouse.model.profile import Upload
from flamehouse.store import UploadKey
from flamehouse.store.connection.client import ClickHouse, ServerSettings
from flamehouse.store.connection.errors import code_of
from flamehouse.varint import length_prefixed

_COLUMNS = ("tenant", "upload_id", "received", "bytes")
_ONE_THREAD: ServerSettings = {"max_threads": 1}
"""Halves the CPU time of a query this small."""
_I64 = Struct("<q").pack
_U64 = Struct("<Q").pack
_NO_SUCH_COLUMN = 16

_STORED = """
SELECT tenant, hex(upload_id)
FROM uploads
WHERE tenant IN {tenants:Array(String)}
    AND upload_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 32))
"""


def key_of(upload: Upload) -> UploadKey:
    """Return the upload's key in the ledger."""
    return upload.tenant, upload.id


def stored_uploads(clickhouse: ClickHouse, keys: Iterable[UploadKey]) -> set[UploadKey]:
    """The subset of the uploads that is in the ledger."""
    wanted = set(keys)
    parameters = {
        "tenants": sorted({tenant for tenant, _ in wanted}),
        "ids": sorted({id_.hex() for _, id_ in wanted}),
    }
    settings = _ONE_THREAD if clickhouse.embedded else None
    found = clickhouse.rows(_STORED, parameters, settings)
    return wanted & {(tenant, bytes.fromhex(id_)) for tenant, id_ in found}


def enter_uploads(clickhouse: ClickHouse, uploads: Sequence[Upload], settings: ServerSettings) -> None:
    """Write the uploads into the ledger; from then on they count as stored."""
    try:
        _enter(clickhouse, uploads, settings, sizes=True)
    except ClickHouseError as error:
        if code_of(error) != _NO_SUCH_COLUMN:
            raise
        # Functions may be deployed before migration 4 has run.
        _enter(clickhouse, uploads, settings, sizes=False)


def _enter(
    clickhouse: ClickHouse, uploads: Sequence[Upload], settings: ServerSettings, *, sizes: bool
) -> None:
    rows = b"".join(
        length_prefixed(upload.tenant)
        + upload.id
        + _I64(upload.received_ns)
        + (_U64(upload.size) if sizes else b"")
        for upload in uploads
    )
    clickhouse.insert("uploads", _COLUMNS if sizes else _COLUMNS[:-1], rows, settings)
