"""The profile store: the interface of queries and inserts, independent of the database.

`clickhouse_store` is the implementation. All code that knows ClickHouse belongs in this package: `connection` runs
statements, `schema` creates and changes tables, `write` inserts, `read` queries, `doctor` examines. HTTP and rendering
belong elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # Only for annotations: a function on AWS imports at run time only what its own query needs.
    from collections.abc import Callable, Mapping, Sequence

    from flamehouse.errors import RpcError
    from flamehouse.identity.tenant import Tenants
    from flamehouse.model.analysis import Analysis
    from flamehouse.model.call_tree import CutTree, StacktraceQuery
    from flamehouse.model.diff_tree import DiffTree
    from flamehouse.model.heatmap import Heatmap, HeatmapQuery
    from flamehouse.model.label_sets import LabelSetsQuery
    from flamehouse.model.labels import LabelSet
    from flamehouse.model.limits import Limits
    from flamehouse.model.merged_profile import MergedProfile
    from flamehouse.model.profile import Upload
    from flamehouse.model.profile_query import ProfileQuery
    from flamehouse.model.quotas import Quotas
    from flamehouse.model.selector import Matcher
    from flamehouse.model.series import SeriesQuery, SeriesResult
    from flamehouse.model.setting import Setting
    from flamehouse.model.time_range import TimeRange
    from flamehouse.model.usage import Usage

type UploadKey = tuple[str, bytes]
"""A tenant and the id of one of its uploads."""

type Failures = Mapping[UploadKey, RpcError]
"""The error of each upload in a batch that is not stored."""


class Record(Protocol):
    """An upload as received."""

    def pieces(self) -> Sequence[bytes]:
        """The bytes, in consecutive pieces, that the local server's log stores until ClickHouse has the upload."""


class Store(Protocol):
    """The profiles of every tenant. Methods are thread-safe.

    Methods raise only RpcError: `invalid_argument` if ClickHouse rejects part of a query (a regular expression),
    `unavailable` or `deadline_exceeded` if it cannot respond, `resource_exhausted` if the query exceeds a limit.
    A query sees every upload acknowledged before it. Ranges are [start, end); queries for labels cover whole UTC days.
    """

    def insert(self, upload: Upload, record: Record | None = None) -> None:
        """Store the upload exactly once, however often the client sends it; return when it is durable."""

    def insert_batch(self, uploads: Sequence[tuple[Upload, Record]]) -> Failures:
        """Store each upload exactly once; when each is durable or has failed, return the errors of those that failed.

        Unlike `insert`, this queries the ledger first, to recognize uploads that are sent again long after ClickHouse
        has forgotten their tokens. Raises RpcError if the outcome of all of them is unknown.
        """

    def in_ledger(self, keys: Sequence[UploadKey]) -> set[UploadKey]:
        """Return the uploads, by tenant and id, that are completely stored."""

    def profile_types(self, tenants: Tenants, within: TimeRange) -> list[str]:
        """The ids of the profile types, sorted."""

    def label_names(self, tenants: Tenants, matchers: Sequence[Matcher], within: TimeRange) -> list[str]:
        """The label names of the matching series, including private labels, sorted."""

    def label_values(
        self, tenants: Tenants, name: str, matchers: Sequence[Matcher], within: TimeRange
    ) -> list[str]:
        """The non-empty values of a label in the matching series, sorted."""

    def label_sets(self, tenants: Tenants, query: LabelSetsQuery) -> list[LabelSet]:
        """The distinct non-empty label sets, sorted."""

    def profile_times(self, tenants: Tenants) -> TimeRange | None:
        """The times of the tenants' first and last profile, inclusive; None if they have no profiles."""

    def analyze(self, tenants: Tenants, matchers: Sequence[Matcher], within: TimeRange) -> Analysis:
        """Count the data of the series that match all matchers, of any profile type."""

    def select_series(self, tenants: Tenants, query: SeriesQuery) -> list[SeriesResult]:
        """The series by descending sum of their points, then by labels.

        Raises RpcError(RESOURCE_EXHAUSTED) above 500,000 points, and INVALID_ARGUMENT above 50,000 exemplars.
        """

    def select_heatmap(self, tenants: Tenants, query: HeatmapQuery) -> Heatmap:
        """The series by descending number of points, then by labels.

        Raises RpcError(INVALID_ARGUMENT) above 50,000 non-empty cells.
        """

    def select_merge_stacktraces(self, tenants: Tenants, query: StacktraceQuery) -> CutTree:
        """The merged call tree, cut to its largest nodes; empty if nothing matches.

        Raises RpcError(OUT_OF_RANGE) if a total exceeds 64 bits.
        """

    def diff(self, tenants: Tenants, left: StacktraceQuery, right: StacktraceQuery) -> DiffTree:
        """Both merged call trees as one, cut to its largest nodes; empty if nothing matches.

        Raises RpcError(OUT_OF_RANGE) if a total exceeds 64 bits.
        """

    def select_merge_profile(self, tenants: Tenants, query: ProfileQuery) -> MergedProfile:
        """The merged stacks with their symbols; NO_PROFILE if nothing matches.

        Raises RpcError(OUT_OF_RANGE) if a total exceeds 64 bits.
        """

    def usage(self, tenants: Tenants, since_s: int) -> Sequence[Usage]:
        """The usage of the services of the tenants (of all tenants if empty), largest first.

        It covers profiles at `since_s` (Unix time) or later.
        """

    def settings(self, tenant: str) -> list[Setting]:
        """The settings of the tenant, sorted by name."""

    def set_setting(self, tenant: str, setting: Setting) -> None:
        """Store the setting; it replaces an older one of the same name.

        Raises RpcError(ALREADY_EXISTS) if the stored setting is newer, INVALID_ARGUMENT for an invalid name or
        value, and RESOURCE_EXHAUSTED above the tenant's limits.
        """

    def delete_setting(self, tenant: str, name: str) -> None:
        """Delete the setting; does nothing if it does not exist."""

    def retention_days(self) -> int:
        """The retention of the database in days, cached for five minutes; 0 means forever."""

    def limits_of(self, tenant: str) -> Limits:
        """The limits of a tenant, cached for a minute.

        If ClickHouse does not respond within a second, the last known limits apply.
        """

    def admit_request(
        self, tenant: str, announced: int, published: Callable[[], Quotas] | None = None
    ) -> None:
        """Count an upload before its body is read; `announced` is the body's size in bytes, or 0 if unknown.

        `published` reads the published limits, at most once a minute, if ClickHouse may be asleep or does not respond.
        If it raises RpcError, the last known limits apply. Raises RpcError(RESOURCE_EXHAUSTED) if the tenant exceeds a
        limit, UNAVAILABLE if the upload cannot be stored.
        """

    def admit_body(self, tenant: str, size: int) -> None:
        """Count the `size` bytes of an upload after `admit_request`; raises the same errors."""

    def quotas(self) -> Quotas:
        """Read from ClickHouse the limits of all tenants and, if any has a limit on bytes, the bytes sent today."""

    def check(self) -> None:
        """Check that ClickHouse responds. Raises RpcError(UNAVAILABLE) if it does not."""

    def stop(self, tag: str) -> None:
        """Kill the queries with this tag, but no inserts; the queries fail with RpcError(CANCELED)."""

    def close(self) -> bool:
        """Insert the content of the log, then close the connections; False if queries still run in this process."""
