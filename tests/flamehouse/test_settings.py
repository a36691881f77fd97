"""Settings: invalid values and their errors."""

import re

import pytest

from flamehouse.model.max_nodes import nodes_limit
from flamehouse.settings import Settings

_INT64_MAX = (1 << 63) - 1


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("RETENTION_DAYS", "10001", "from 0 to 10000"),
        ("INGEST_WINDOW_PAST_S", "-2", f"from -1 to {_INT64_MAX}"),
        ("INGEST_WINDOW_FUTURE_S", "-1", f"from 0 to {_INT64_MAX}"),
        ("MAX_BODY_BYTES", "-5", f"from 0 to {_INT64_MAX}"),
        ("MAX_STACK_DEPTH", "0", "from 1 to 4000"),
        ("MAX_STACK_DEPTH", "4001", "from 1 to 4000"),
        ("MAX_QUERY_LENGTH_S", "-2", f"from -1 to {_INT64_MAX}"),
        ("MAX_FLAMEGRAPH_NODES", "0", f"from 1 to {_INT64_MAX}"),
        ("DEFAULT_FLAMEGRAPH_NODES", "0", f"from 1 to {_INT64_MAX}"),
        ("QUERY_TIMEOUT_S", "0", "from 1 to 86400"),
        ("QUERY_TIMEOUT_S", "86401", "from 1 to 86400"),
        ("QUERY_MEMORY_BYTES", str(_INT64_MAX + 1), f"from 0 to {_INT64_MAX}"),
    ],
)
def test_a_number_out_of_range_is_an_error_that_names_the_setting(
    name: str, value: str, allowed: str
) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be {allowed}, not {value}"):
        Settings.from_env({name: value})


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("NATIVE_FRAMES", "symbol", "address or mapping"),
        ("LOG_FORMAT", "JSON", "text or json"),
        ("UI", "yes", "true or false"),
        ("KEEP_BLOBS", "1", "true or false"),
        ("INGEST_MODE", "queue", "direct, fallback or staged"),
    ],
)
def test_a_value_that_is_not_a_choice_is_an_error_that_names_the_setting(
    name: str, value: str, allowed: str
) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be {allowed}, not '{value}'$"):
        Settings.from_env({name: value})


@pytest.mark.parametrize(
    ("environ", "allowed", "default"),
    [
        ({"DEFAULT_FLAMEGRAPH_NODES": "1048577"}, 1_048_576, 1_048_577),
        ({"DEFAULT_FLAMEGRAPH_NODES": "101", "MAX_FLAMEGRAPH_NODES": "100"}, 100, 101),
    ],
)
def test_the_default_number_of_nodes_is_at_most_the_limit(
    environ: dict[str, str], allowed: int, default: int
) -> None:
    rejection = f"DEFAULT_FLAMEGRAPH_NODES must be at most MAX_FLAMEGRAPH_NODES ({allowed}), not {default}"
    with pytest.raises(ValueError, match=rf"^{re.escape(rejection)}$"):
        Settings.from_env(environ)


@pytest.mark.parametrize(
    ("environ", "nodes"),
    [
        ({"MAX_FLAMEGRAPH_NODES": "100"}, 100),
        ({"MAX_FLAMEGRAPH_NODES": "100", "DEFAULT_FLAMEGRAPH_NODES": "100"}, 100),
        ({"DEFAULT_FLAMEGRAPH_NODES": "1048576"}, 1_048_576),
    ],
)
def test_an_unset_default_is_at_most_the_limit(environ: dict[str, str], nodes: int) -> None:
    assert nodes_limit(0, Settings.from_env(environ)) == nodes


@pytest.mark.parametrize("dsn", ["chdb", "chdb:data", "chdb://", "chdb://data?x=1", "https://", "ftp://host"])
def test_an_invalid_dsn_is_rejected_without_being_shown(dsn: str) -> None:
    with pytest.raises(ValueError, match=r"^CLICKHOUSE_DSN must be https://") as rejection:
        Settings.from_env({"CLICKHOUSE_DSN": dsn})
    assert "ftp" not in str(rejection.value)


@pytest.mark.parametrize(
    "dsn",
    [
        "https://default:hunter/2@host:8443",
        "https://default:12/34@host:8443",
        "https://default:hunter#2@host:8443",
        "https://default:hunter?2@host:8443",
        "https://default:hunter[2@host:8443",
        "https://default:hunter2@host:port",
        "https://default:hunter2@host:0",
        "https://default:hunter2@host:65536",
        "https://default:hunter2@:8443",
        "https://default:hunter2@host:8443/database",
    ],
)
def test_an_invalid_server_dsn_is_rejected_without_its_password(dsn: str) -> None:
    with pytest.raises(ValueError, match=r"^CLICKHOUSE_DSN must .* percent-encode .*~$") as rejection:
        Settings.from_env({"CLICKHOUSE_DSN": dsn})
    assert rejection.value.__cause__ is None
    assert not {"hunter", "12", "34"} & set(re.findall(r"\w+", str(rejection.value)))


@pytest.mark.parametrize(
    "dsn",
    [
        "http://localhost",
        "http://127.0.0.1:8123",
        "http://u:p@[::1]:1",
        "https://host/",
        "https://u@host",
        "https://u:p%2F%23@host:8443",
        "https://u:p@[::1]:1",
    ],
)
def test_a_dsn_of_a_server_is_accepted(dsn: str) -> None:
    assert Settings.from_env({"CLICKHOUSE_DSN": dsn}).clickhouse_dsn == dsn


def test_a_password_is_not_sent_to_another_machine_in_clear_text() -> None:
    with pytest.raises(ValueError, match=r"^CLICKHOUSE_DSN must use https") as rejection:
        Settings.from_env({"CLICKHOUSE_DSN": "http://user:the-password@host:8123"})
    assert "the-password" not in str(rejection.value)


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("PATH_PREFIX", "profiles?", "a path such as profiles or internal/profiles"),
        ("PATH_PREFIX", "https://example.com/profiles", "a path such as"),
        ("UI_API_URL", "pyroscope:4040", "a URL such as https://pyroscope.example.com"),
        ("UI_API_URL", "https://pyroscope; script-src *", "a URL such as"),
        ("UI_SOURCE_HOSTS", "git.example.com", "pairs such as git.example.com=gitlab"),
        ("UI_SOURCE_HOSTS", "git.example.com=svn", "pairs such as"),
        ("UI_SOURCE_HOSTS", "https://git.example.com=gitlab", "pairs such as"),
        ("UI_SOURCE_HOSTS", "git.example.com=gitlab,", "pairs such as"),
    ],
)
def test_a_malformed_text_is_an_error_that_names_the_setting(name: str, value: str, form: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^{name} must be {re.escape(form)}.*, not {re.escape(repr(value))}$"
    ):
        Settings.from_env({name: value})


def test_a_password_in_a_url_is_not_shown() -> None:
    with pytest.raises(ValueError, match=r"^UI_API_URL must be .*, without a user or query$"):
        Settings.from_env({"UI_API_URL": "https://me:secret@pyroscope"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH_PREFIX", "/internal/profiles/"),
        ("UI_API_URL", "http://127.0.0.1:4040"),
        ("UI_API_URL", "https://[::1]:4040/pyroscope/"),
        ("UI_SOURCE_HOSTS", "git.example.com=gitlab, code.example.com:8443=github"),
    ],
)
def test_a_well_formed_text_is_accepted(name: str, value: str) -> None:
    assert getattr(Settings.from_env({name: value}), name.lower()) == value


@pytest.mark.parametrize("place", ["gs://bucket", "s3://", "s3:///", "s3://bucket/folder"])
@pytest.mark.parametrize("name", ["ADHOC_PROFILES", "BLOBS_DIR"])
def test_blobs_are_stored_in_a_folder_or_a_bucket(name: str, place: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be a folder or s3://BUCKET, not '{place}'"):
        Settings.from_env({name: place})


@pytest.mark.parametrize("place", ["", "./adhoc", "/var/lib/ad hoc", "s3://bucket", "s3://bucket/"])
def test_ad_hoc_profiles_are_stored_in_a_folder_or_a_bucket(place: str) -> None:
    assert Settings.from_env({"ADHOC_PROFILES": place}).adhoc_profiles == place


def test_retaining_blobs_requires_blob_storage() -> None:
    with pytest.raises(ValueError, match="KEEP_BLOBS=true needs BLOBS_DIR"):
        Settings(keep_blobs="true")
    with pytest.raises(ValueError, match="KEEP_BLOBS must be true or false, not '1'"):
        Settings(keep_blobs="1", blobs_dir="blobs")
