"""Options that commands share: server, time range, profiles."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Final

import click

from cli.server import Server, ServerError
from cli.times import clock, time_ms
from flamehouse.model.profile_type import ProfileType
from flamehouse.pb.querier_pb2 import SeriesRequest, SeriesResponse
from flamehouse.units import NS_PER_MS

type Command = Callable[..., None]

_TYPE_LABEL: Final = "__profile_type__"
_CPU: Final = "process_cpu:cpu:nanoseconds:cpu:nanoseconds"
_COLONS: Final = frozenset({4, 5})
"""The number of colons in a profile type id: four, or five with `:delta`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A time range in milliseconds since the epoch; excludes its end."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms

    def __str__(self) -> str:
        return f"{clock(self.start_ms)} to {clock(self.end_ms)} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The profiles of one type that a selector matches within a range. An empty `type_id` is not resolved yet."""

    selector: str
    type_id: str
    within: Range

    @property
    def unit(self) -> str:
        return ProfileType.parse(self.type_id).sample_unit

    @property
    def title(self) -> str:
        return f"{self.type_id}{self.selector}"

    def resolved(self, server: Server) -> "Selection":
        """Return the selection with a full profile type id: the one with its short name, CPU time, or the only one.

        Raises: ServerError if no profile matches, or several types do.
        """
        if self.type_id.count(":") in _COLONS:
            return self
        stored = profile_types(server, self.selector, self.within)
        if not stored:
            raise ServerError(f"no profiles match {self.selector} from {self.within}")
        if not self.type_id and _CPU in stored:
            return replace(self, type_id=_CPU)
        found = [id_ for id_ in stored if not self.type_id or _is_called(id_, self.type_id)]
        if len(found) == 1:
            return replace(self, type_id=found[0])
        which = "several profile types match" if found else f"unknown profile type {self.type_id!r}"
        raise ServerError(f"{which}; set --type to one of: {', '.join(found or stored)}")


def profile_types(server: Server, selector: str, within: Range) -> list[str]:
    """Return the ids of the profile types with matching profiles, sorted."""
    request = SeriesRequest(
        matchers=[selector], label_names=[_TYPE_LABEL], start=within.start_ms, end=within.end_ms
    )
    series = server.query("Series", request, SeriesResponse()).labels_set
    return sorted({label.value for labels in series for label in labels.labels})


def server_options(command: Command) -> Command:
    """Add the parameter `server` to a command."""

    @click.option(
        "--url",
        envvar="FLAMEHOUSE_URL",
        help="The server. [FLAMEHOUSE_URL, or port PORT or 4040 of this machine]",
    )
    @click.option(
        "--credential", envvar="API_CREDENTIAL", default="", help="Its credential. [API_CREDENTIAL]"
    )
    @click.option(
        "--user",
        envvar="FLAMEHOUSE_USER",
        default="",
        help="Send it as this user's Basic password. [FLAMEHOUSE_USER]",
    )
    @click.option(
        "--tenant", envvar="FLAMEHOUSE_TENANT", default="", help="X-Scope-OrgID. [FLAMEHOUSE_TENANT]"
    )
    @wraps(command)
    def run(
        *args: object, url: str | None, credential: str, user: str, tenant: str, **options: object
    ) -> None:
        local = f"http://127.0.0.1:{os.environ.get('PORT') or '4040'}"
        server = Server(url=(url or local).rstrip("/"), credential=credential, user=user, tenant=tenant)
        command(*args, server=server, **options)

    return run


def range_options(command: Command) -> Command:
    """Add the range `within` to a command."""

    @click.option(
        "--from", "start", default="1h", show_default=True, help="1h (ago), ISO 8601 or Unix seconds."
    )
    @click.option("--until", "end", default="now", show_default=True, help="In the format of --from.")
    @wraps(command)
    def run(*args: object, start: str, end: str, **options: object) -> None:
        command(*args, within=range_of(start, end), **options)

    return run


def selection_options(command: Command) -> Command:
    """Add a `selection` to a command: a service or a selector, and optionally a profile type."""

    @click.argument("selector", default="{}", metavar="[SERVICE|SELECTOR]", callback=read_selector)
    @type_option
    @range_options
    @wraps(command)
    def run(*args: object, selector: str, type_id: str, within: Range, **options: object) -> None:
        command(*args, selection=Selection(selector=selector, type_id=type_id, within=within), **options)

    return run


type_option: Final = click.option(
    "--type",
    "-t",
    "type_id",
    default="",
    help="Profile type, such as cpu or a full id. [CPU time, or the only one]",
)
json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def range_of(start: str, end: str) -> Range:
    """Return the range between two times. Raises: UsageError for an invalid time or an empty range."""
    now_ms = time.time_ns() // NS_PER_MS
    try:
        within = Range(start_ms=time_ms(start, now_ms), end_ms=time_ms(end, now_ms))
    except (ValueError, OverflowError) as error:
        raise click.UsageError(str(error)) from error
    if within.length_ms <= 0 or within.start_ms <= 0:
        raise click.UsageError(f"the range from {start} until {end} is empty, or begins before 1970")
    return within


def read_selector(_ctx: click.Context, _parameter: click.Parameter, text: str) -> str:
    """Callback for a parameter that is a service or a selector."""
    return selector_of(text)


def selector_of(text: str) -> str:
    """Return a selector unchanged; treat any other text as the name of a service."""
    if text.startswith("{"):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{{service_name="{quoted}"}}'


def _is_called(id_: str, name: str) -> bool:
    """Return whether `cpu`, `process_cpu`, `process_cpu:cpu` or the like is a short name of the profile type."""
    profile, sample = id_.split(":")[:2]
    return name in {profile, sample, f"{profile}:{sample}"}
