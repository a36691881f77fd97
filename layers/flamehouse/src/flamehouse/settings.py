"""The settings of a deployment, read once from the environment and passed down."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import urlsplit

from flamehouse.label_rules import parse_label_rules
from flamehouse.units import MAX_INT64, S_PER_DAY

_MIB = 1 << 20
_DSN = re.compile(r"chdb://[^?]+|https?://.+", re.DOTALL)
"""chDB ends the folder's name at a `?`, but the folder's lock does not."""
_ANY: Final = (0, MAX_INT64)
_ANY_OR_DEFAULT: Final = (-1, MAX_INT64)
_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    # A row's time plus its retention must be before 2106: then ClickHouse's DateTime wraps and the row would expire.
    "retention_days": (0, 10_000),
    "ingest_window_past_s": _ANY_OR_DEFAULT,
    # The node ids of a call tree have room for this depth (store/read/call_tree.py).
    "max_stack_depth": (1, 4_000),
    "max_query_length_s": _ANY_OR_DEFAULT,
    "max_query_lookback_s": _ANY_OR_DEFAULT,
    "max_flamegraph_nodes": (1, MAX_INT64),
    "default_flamegraph_nodes": (1, MAX_INT64),
    "query_timeout_s": (1, S_PER_DAY),
    "max_connections": (1, 1 << 16),
    "access_log": (0, 1),
    "fsync": (0, 1),
}
"""The minimum and maximum of each numeric setting whose range is not `_ANY`."""
DIRECT: Final = "direct"
FALLBACK: Final = "fallback"
STAGED: Final = "staged"
"""The modes of ingestion."""
NATIVE_FRAMES_BY_ADDRESS: Final = "address"
NATIVE_FRAMES_BY_MAPPING: Final = "mapping"
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "native_frames": (NATIVE_FRAMES_BY_ADDRESS, NATIVE_FRAMES_BY_MAPPING),
    "ui": ("true", "false"),
    "log_format": ("text", "json"),
    "ingest_mode": (DIRECT, FALLBACK, STAGED),
    "keep_blobs": ("true", "false"),
}
"""The valid values of each setting that allows only a few."""
_PLACE: Final = r"(?s:s3://[^/]+/?|(?!.*://).*)"
_SOURCE_HOST: Final = r"\s*[a-z0-9.-]+(:[0-9]+)?=(github|gitlab|gitea|bitbucket)\s*"
_FORMS: Final[Mapping[str, tuple[str, str]]] = {
    "path_prefix": (r"[A-Za-z0-9._~/-]+", "a path such as profiles or internal/profiles"),
    "ui_api_url": (
        r"https?://[A-Za-z0-9.:\[\]-]+(/[^\s?#]*)?",
        "a URL such as https://pyroscope.example.com, without a user or query",
    ),
    "ui_source_hosts": (
        rf"{_SOURCE_HOST}(,{_SOURCE_HOST})*",
        "pairs such as git.example.com=gitlab,code.example.com=github, with github, gitlab, gitea or bitbucket",
    ),
    "adhoc_profiles": (_PLACE, "a folder or s3://BUCKET"),
    "blobs_dir": (_PLACE, "a folder or s3://BUCKET"),
}
"""The form of each text setting that must have one if it is set, and its description in errors.

Forms are compiled when a value is checked, not on import: most processes set few of these.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings and their defaults; the environment variable of each is its name in upper case.

    A limit of 0 means "no limit" only where the comment says so. Sizes are in bytes, times in seconds.
    """

    clickhouse_dsn: str = field(default="chdb://./data", repr=False)
    """`chdb://FOLDER` or `https://user:password@host:port`."""
    clickhouse_secret_arn: str = ""
    """The secret in AWS Secrets Manager that replaces the DSN: JSON with host, port, user and password."""
    clickhouse_database: str = "flamehouse"
    path_prefix: str = ""
    """A prefix, such as an API Gateway stage, that is stripped from every path before routing."""
    api_credential: str = field(default="", repr=False)
    """The Basic password or Bearer token that the local server requires of clients. Empty: it requires none."""
    credentials_file: str = ""
    """The credentials file of the local server, which `flamehouse credentials` edits; it replaces API_CREDENTIAL.
    Changes apply at once."""
    credentials_secret_arn: str = ""
    """The secret in AWS Secrets Manager with the credentials that the authorizer accepts."""
    retention_days: int | None = None
    """How many days a new database retains profiles, at most 10,000; 0 means forever, and None means 30.

    The database records its retention: a larger number extends it, a smaller one is rejected.
    """

    qryn_input_tenant: str = "anonymous"
    """The tenant of the profiles that qryn's collector inserts into the database."""

    self_profile: str = ""
    """The tenant for which the local server, or a function of the API on AWS, stores its own CPU profiles.

    Empty: it stores none.
    """

    ui: str = "true"
    """`true` serves the web page at `/`, `false` does not."""
    ui_api_url: str = ""
    """The URL of the server whose profiles the web page shows. Empty: the server that serves the page."""
    ui_source_hosts: str = ""
    """Repository hosts that the web page links to, in addition to the public ones, each with its kind: `HOST=github`,
    `HOST=gitlab`, `HOST=gitea` or `HOST=bitbucket`, separated by commas.
    """
    log_format: str = "text"
    """`text` or `json`: the format of the local server's log. On Lambda it is JSON."""
    access_log: int = 0
    """1 logs every request, 0 only rejected requests."""

    adhoc_profiles: str = ""
    """Where ad hoc profiles are stored: a folder, or `s3://BUCKET`.

    Empty: in the data folder of an embedded ClickHouse, and nowhere without one.
    """

    adhoc_quota_bytes: int = 1_024 * _MIB
    """The maximum total size of one tenant's ad hoc profiles; 0 means no limit."""

    blobs_dir: str = ""
    """Where uploads are staged and retained, and where clients drop files: a folder, or `s3://BUCKET`.

    Empty: nowhere, except that the local server uses its data folder.
    """

    keep_blobs: str = "false"
    """`true` retains the envelope of every stored upload in BLOBS_DIR, for `flamehouse replay`."""

    blobs_queue_url: str = ""
    """The URL of the SQS queue with a message for each object put into the bucket; only the drain on AWS reads it."""

    max_connections: int = 1_000
    """The maximum number of connections of the local server; the limit on open files may reduce it."""
    memory_in_flight_bytes: int = 272 * _MIB
    """The memory for all current requests of the local server: bodies, rows to insert and responses; 0 means no
    limit.
    """

    ingest_mode: str = DIRECT
    """When an upload is acknowledged: `direct` once it is in ClickHouse, `staged` once it is staged for a worker to
    store; `fallback` is `direct` if ClickHouse stores it in time, otherwise `staged`.
    """
    ingest_window_past_s: int = -1
    """How far back a profile's time may lie; -1 follows the retention, 0 accepts any time."""
    ingest_window_future_s: int = 600
    max_body_bytes: int = 256 * _MIB
    max_profile_bytes: int = 4 * _MIB
    """The maximum size of one profile after decompression."""
    max_jfr_bytes: int = 32 * _MIB
    """The maximum size of one JFR recording after decompression: it contains several profiles and much other data."""
    max_json_bytes: int = 32 * _MIB
    """The maximum size of one JSON file after decompression, such as a Firefox profile: much of it is not stacks."""
    max_profile_samples: int = 16_000
    max_sample_labels: int = 100
    max_profile_frames: int = 2_000_000
    """The maximum number of frames in all stacks of a profile together, inlined ones included."""
    max_stack_depth: int = 1_000
    """The maximum number of frames in a stack, inlined ones included; deeper frames are cut off. At most 4,000."""
    native_frames: str = NATIVE_FRAMES_BY_ADDRESS
    """How a frame without a function is drawn: `address` as `libc.so.6!0x7f21`, `mapping` as `[libc.so.6]`, with
    consecutive equal frames merged.

    Applies when a profile is stored; stored profiles do not change.
    """
    max_label_names: int = 30
    max_label_name_bytes: int = 1_024
    max_label_value_bytes: int = 2_048
    max_series_per_upload: int = 1_000
    label_rules: str = ""
    """Changes to the rules for labels whose values never repeat: `process.pid=keep,request_id=drop,my span=span`."""
    max_series_per_day: int = 100_000
    """The maximum number of distinct series per tenant and UTC day; 0 means no limit."""

    max_query_length_s: int = -1
    """The longest range of one query; -1 follows the retention, 0 means no limit."""
    max_query_lookback_s: int = -1
    """How far back a query may reach; older parts of its range are omitted. -1 follows the retention, 0 means no limit.
    """
    max_flamegraph_nodes: int = 1_048_576
    default_flamegraph_nodes: int = 8_192
    """Bounded by `max_flamegraph_nodes`."""
    max_answer_series: int = 10_000
    """The maximum number of series in a response of SelectSeries or SelectHeatmap; 0 means no limit."""
    max_answer_bytes: int = 64 * _MIB
    """The maximum size of a response before compression, and of ClickHouse's result for it; 0 means no limit."""
    query_timeout_s: int = 25
    """From 1 to 86,400."""
    fsync: int = 1
    """1: the local server acknowledges an upload once it is on disk. 0: once the operating system has it, which is
    faster but loses the latest uploads in a power failure."""
    query_memory_bytes: int = 4_096 * _MIB
    """The memory that one query may use in ClickHouse; 0 means no limit."""

    aws_region: str = ""
    """The region of the bucket. Empty: boto3 finds the region, as it finds the credentials."""
    aws_endpoint_url_secrets_manager: str = ""
    """The URL of Secrets Manager. Empty: AWS's endpoint in the secret's region."""
    aws_endpoint_url_s3: str = ""
    """The URL of S3. Empty: AWS's endpoint in the region."""
    aws_endpoint_url_sqs: str = ""
    """The URL of SQS. Empty: AWS's endpoint in the region."""

    def __post_init__(self) -> None:
        if not _DSN.fullmatch(self.clickhouse_dsn):
            raise ValueError(
                "CLICKHOUSE_DSN must be https://user:password@host:8443, or chdb:// and a folder, "
                "whose path (DATA_DIR) must not contain a question mark"
            )
        if not self.clickhouse_dsn.startswith("chdb:"):
            _check_server(self.clickhouse_dsn)
        for name, choices in _CHOICES.items():
            _check_choice(name, getattr(self, name), choices)
        for name, (form, description) in _FORMS.items():
            _check_form(name, getattr(self, name), form, description)
        _check_staging(self)
        parse_label_rules(self.label_rules)
        for setting in fields(self):
            value = getattr(self, setting.name)
            if isinstance(value, int):
                _check_range(setting.name, value)

    @property
    def keeps_blobs(self) -> bool:
        """Whether the envelopes of uploads are retained."""
        return self.keep_blobs == "true"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings in `environ`.

        Raises ValueError, naming the setting, for an invalid value or combination.
        """
        values: dict[str, str | int] = {}
        for setting in fields(cls):
            text = environ.get(setting.name.upper())
            if text is None or text == "":
                continue
            values[setting.name] = text if setting.type is str else _whole_number(setting.name, text)
        settings = cls(**values)  # type: ignore[arg-type]  # each value was read as its field's type
        if "default_flamegraph_nodes" in values:
            _check_default_nodes(settings)
        return settings


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        *others, last = choices
        raise ValueError(f"{name.upper()} must be {', '.join(others)} or {last}, not {value!r}")


def _check_form(name: str, value: str, form: str, description: str) -> None:
    if value and not re.fullmatch(form, value):
        # A URL may contain a password.
        shown = "" if "@" in value else f", not {value!r}"
        raise ValueError(f"{name.upper()} must be {description}{shown}")


def _check_staging(settings: Settings) -> None:
    """Raises ValueError if uploads must be staged or retained but BLOBS_DIR is empty."""
    mode = settings.ingest_mode
    if settings.keeps_blobs and not settings.blobs_dir:
        raise ValueError("KEEP_BLOBS=true needs BLOBS_DIR, a folder or s3://BUCKET to retain uploads in")
    if mode != DIRECT and not settings.blobs_dir:
        raise ValueError(f"INGEST_MODE={mode} needs BLOBS_DIR, a folder or s3://BUCKET to stage uploads in")


def _check_server(dsn: str) -> None:
    """Raises ValueError for parts other than user, host and port, and for http to another machine.

    The message contains no part of a password.
    """
    try:
        url = urlsplit(dsn)
        whole = url.hostname is not None and url.port != 0
        # A `/`, `?` or `#` in a password ends the host name: part of the password would be looked up and logged.
        whole = whole and url.path in {"", "/"} and not url.query and not url.fragment
    except ValueError:
        whole = False
    if not whole:
        raise ValueError(
            "CLICKHOUSE_DSN must have the form https://user:password@host:8443; in the user and the password, "
            "percent-encode all characters except letters, digits and -._~"
        )
    if urlsplit(dsn).scheme == "http" and not is_loopback(urlsplit(dsn).hostname or ""):
        raise ValueError(
            "CLICKHOUSE_DSN must use https for a server on another machine: http sends the password in clear text"
        )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine: `localhost` or a loopback address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _check_range(name: str, value: int) -> None:
    least, most = _RANGES.get(name, _ANY)
    if not least <= value <= most:
        for_ever = ": 0 retains profiles forever" if name == "retention_days" else ""
        raise ValueError(f"{name.upper()} must be from {least} to {most}, not {value}{for_ever}")


def _check_default_nodes(settings: Settings) -> None:
    """Raises ValueError for a default above the maximum: responses would have fewer nodes than configured."""
    default, allowed = settings.default_flamegraph_nodes, settings.max_flamegraph_nodes
    if default > allowed:
        raise ValueError(
            f"DEFAULT_FLAMEGRAPH_NODES must be at most MAX_FLAMEGRAPH_NODES ({allowed}), not {default}"
        )


def _whole_number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name.upper()} must be a whole number, not {text!r}") from None
