"""What a service of a tenant sends and stores."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Counts of a service's profiles.

    `bytes` is the size on disk, estimated from the number of samples; `bytes_sent` is the size of request bodies as
    received. `share` is the service's fraction of all samples in the result, and so roughly of ClickHouse's bill.
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
