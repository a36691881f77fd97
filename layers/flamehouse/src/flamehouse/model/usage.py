"""What a service of a tenant sends and stores."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Counts of a service's profiles.

    `bytes` are those on disk, estimated by samples; `bytes_sent` those of request bodies, as received. `share` is the part
    of the samples of all services in the result, and so about the part of ClickHouse's bill.
    """

    tenant: str
    service: str
    uploads: int
    profiles: int
    series: int
    samples: int
    bytes: int
    bytes_sent: int
    share: float
