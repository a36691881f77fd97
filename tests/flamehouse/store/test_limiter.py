"""Limits as values, their cache, and the counts of one process."""

import pytest

from flamehouse.errors import Code, RpcError
from flamehouse.model.limits import Limits
from flamehouse.model.quotas import Quotas
from flamehouse.store.cached_limits import CachedLimits
from flamehouse.store.limiter import Limiter
from flamehouse.store.sent_bytes import SentBytes

DAY_S = 86_400
BUILTIN = Limits(series_per_day=7)


def test_a_change_applies_within_a_minute_and_a_failure_leaves_the_last_limits() -> None:
    now, reads = [0.0], list[int]()
    cached = CachedLimits(BUILTIN, lambda: now[0])

    def read() -> dict[str, Limits]:
        reads.append(len(reads))
        if len(reads) == 2:
            raise RpcError(Code.UNAVAILABLE, "asleep")
        return {"a": Limits(bytes_per_day=len(reads))}

    seen = []
    for now[0] in (0, 59, 61, 70, 72, 120, 131, 132.5):
        seen.append((now[0], cached.of("a", read).bytes_per_day))
    assert seen == [(0, 1), (59, 1), (61, 1), (70, 1), (72, 3), (120, 3), (131, 3), (132.5, 4)]
    assert len(reads) == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("bytes=5", "invalid limit 'bytes=5': use NAME=VALUE with one of uploads_per_second, bytes_per_day"),
        ("bytes_per_day", "invalid limit 'bytes_per_day'"),
        ("bytes_per_day=-1", "use a whole number, or 0 for no limit"),
        ("bytes_per_day=9223372036854775808", "use a whole number"),
        ("label_rules=pod=fold", "invalid rule 'pod=fold' in LABEL_RULES: use name=drop"),
        ("label_rules=service_name=drop", "service_name and private labels have no rules"),
        ("label_rules=pod=rename:__name__", "in LABEL_RULES: use name=drop"),
        ("label_rules=*=span", "in LABEL_RULES: use name=drop"),
        ("label_rules=pod=rename:", "in LABEL_RULES: use name=drop"),
    ],
)
def test_an_unknown_limit_is_an_error_that_says_what_to_use(change: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"invalid limit|LABEL_RULES") as caught:
        Limits().changed([change])
    assert words in str(caught.value)


def is_admitted(limiter: Limiter, tenant: str, limits: Limits) -> bool:
    try:
        limiter.admit_request(tenant, limits, 1)
        limiter.admit_body(tenant, limits, 1)
    except RpcError:
        return False
    return True


def test_a_flooding_tenant_does_not_limit_others() -> None:
    now = [0.0]
    limiter, limits = Limiter(lambda: now[0]), Limits(uploads_per_second=2)
    admitted = {"flood": 0, "calm": 0}
    for step in range(32):
        now[0] = 10 + step / 8
        for tenant in ("flood", "flood", "calm") if step % 8 == 0 else ("flood",):
            admitted[tenant] += is_admitted(limiter, tenant, limits)
    assert admitted == {"flood": 9, "calm": 4}


def test_the_byte_limit_resets_at_midnight_utc() -> None:
    now = [DAY_S - 10.0]
    limiter, limits = Limiter(lambda: now[0]), Limits(bytes_per_day=5)
    limiter.admit_body("a", limits, 5)
    with pytest.raises(RpcError) as rejected:
        limiter.admit_body("a", limits, 1)
    assert rejected.value.retry_after_s == 10
    now[0] += 10
    limiter.admit_body("a", limits, 5)


def test_a_rejected_upload_counts_towards_no_limit() -> None:
    limiter, limits = Limiter(lambda: DAY_S), Limits(uploads_per_second=1, bytes_per_day=5)
    for announced in (6, 7):
        with pytest.raises(RpcError, match="bytes_per_day"):
            limiter.admit_request("a", limits, announced)
    limiter.admit_request("a", limits, 5)
    with pytest.raises(RpcError, match="uploads_per_second"):
        limiter.admit_request("a", limits, 5)
    limiter.admit_body("a", limits, 5)
    with pytest.raises(RpcError, match="bytes_per_day"):
        limiter.admit_body("a", limits, 1)


def test_a_reader_that_tolerates_delayed_changes_reads_limits_once_a_minute() -> None:
    now = [5.0]
    cached = CachedLimits(BUILTIN, lambda: now[0])
    seen = []
    for now[0] in (5.0, 64.0, 66.0):
        limits = cached.of("a", lambda: {"a": Limits(bytes_per_day=1)}, at_once=False)
        seen.append(limits.bytes_per_day)
    assert seen == [None, None, 1]


def test_bytes_of_other_processes_count_only_on_their_day() -> None:
    limiter, limits = Limiter(lambda: 2.5 * DAY_S), Limits(bytes_per_day=5)
    limiter.admit_body("a", limits, 1)
    for day, sent, admits in ((1, 9, True), (2, 1, True), (2, 4, True), (2, 5, False)):
        limiter.know(day, {"a": sent})
        assert is_admitted(limiter, "a", limits) == admits


def test_the_usage_of_a_tenant_is_read_once_a_minute_even_if_the_read_fails() -> None:
    now, reads = [0.0], list[float]()
    sent = SentBytes(lambda: now[0])

    def read() -> None:
        reads.append(now[0])
        raise RpcError(Code.UNAVAILABLE, "asleep")

    for now[0] in (0, 59, 61, 62):
        sent.refresh("a", read)
    sent.refresh("b", read)
    assert reads == [0, 61, 62]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"limits": 1, "day": 1, "sent": {}}', b'{"limits": {"a": "7"}}']
)
def test_malformed_published_limits_are_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match="expected the limits of tenants"):
        Quotas.parse(text)
