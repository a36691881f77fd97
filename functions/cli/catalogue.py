"""`flamehouse services`, `types` and `labels`: list the profiles of a server."""

import click

from cli.options import Range, json_option, profile_types, range_options, read_selector, server_options
from cli.output import print_json, print_table
from cli.server import Server, ServerError
from flamehouse.pb.querier_pb2 import SeriesRequest, SeriesResponse
from flamehouse.pb.types_pb2 import (
    LabelNamesRequest,
    LabelNamesResponse,
    LabelValuesRequest,
    LabelValuesResponse,
)

_SERVICE = "service_name"
_TYPE = "__profile_type__"
_PARTS = ("name", "sample_type", "sample_unit", "period_type", "period_unit")


@click.command()
@server_options
@range_options
@json_option
def services(*, server: Server, within: Range, as_json: bool) -> None:
    """List the services that have profiles, with their profile types."""
    request = SeriesRequest(label_names=[_SERVICE, _TYPE], start=within.start_ms, end=within.end_ms)
    found: dict[str, set[str]] = {}
    for labels in server.query("Series", request, SeriesResponse()).labels_set:
        values = {label.name: label.value for label in labels.labels}
        types = found.setdefault(values.get(_SERVICE, ""), set())
        types |= {values[_TYPE]} if _TYPE in values else set()
    _some(found, f"no service has profiles from {within}")
    if as_json:
        print_json([{"service": name, "types": sorted(types)} for name, types in sorted(found.items())])
        return
    rows = [(name, "\n".join(sorted(types))) for name, types in sorted(found.items())]
    print_table(("service", "profile types"), rows)


@click.command()
@click.argument("selector", default="{}", metavar="[SERVICE|SELECTOR]", callback=read_selector)
@server_options
@range_options
@json_option
def types(*, selector: str, server: Server, within: Range, as_json: bool) -> None:
    """List the profile types of all profiles, or of one service or selector."""
    ids = profile_types(server, selector, within)
    _some(ids, f"no profiles match {selector} from {within}")
    if as_json:
        print_json([{"id": id_, **dict(zip(_PARTS, id_.split(":"), strict=False))} for id_ in ids])
        return
    print_table(("profile type", "sample type", "unit"), [(id_, *id_.split(":")[1:3]) for id_ in ids])


@click.command()
@click.argument("name", required=False)
@click.option(
    "--in", "selector", default="{}", callback=read_selector, help="Only those of this service or selector."
)
@server_options
@range_options
@json_option
def labels(*, name: str | None, selector: str, server: Server, within: Range, as_json: bool) -> None:
    """List the label names, or the values of the label NAME."""
    bounds = {"start": within.start_ms, "end": within.end_ms}
    if name is None:
        names = LabelNamesRequest(matchers=[selector], **bounds)
        found = list(server.query("LabelNames", names, LabelNamesResponse()).names)
    else:
        values = LabelValuesRequest(name=name, matchers=[selector], **bounds)
        found = list(server.query("LabelValues", values, LabelValuesResponse()).names)
    _some(found, f"no {'labels' if name is None else f'values of the label {name!r}'} from {within}")
    if as_json:
        print_json(found)
        return
    for text in found:
        click.echo(text)


def _some(found: object, message: str) -> None:
    """Raises ServerError if nothing was found."""
    if not found:
        raise ServerError(message)
