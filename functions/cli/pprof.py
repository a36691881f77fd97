"""`flamehouse pprof`: saves the merged profile of a selection as a file that `go tool pprof` reads."""

import gzip
import sys
from pathlib import Path

import click

from cli.options import Selection, selection_options, server_options
from cli.output import waiting
from cli.server import Server, ServerError
from flamehouse.errors import OperatorError
from flamehouse.pb.profile_pb2 import Profile
from flamehouse.pb.querier_pb2 import SelectMergeProfileRequest


@click.command()
@selection_options
@click.option(
    "--output", "-o", default="profile.pb.gz", show_default=True, help="The file; - is standard output."
)
@click.option("--max-nodes", type=click.IntRange(min=1), help="Cut the profile to this many nodes. [uncut]")
@server_options
def pprof(*, selection: Selection, output: str, max_nodes: int | None, server: Server) -> None:
    """Save the merged profile as a gzipped pprof file."""
    selection = selection.resolved(server)
    request = SelectMergeProfileRequest(
        profile_typeID=selection.type_id,
        label_selector=selection.selector,
        start=selection.within.start_ms,
        end=selection.within.end_ms,
        max_nodes=max_nodes,
    )
    with waiting("querying"):
        profile: Profile = server.query("SelectMergeProfile", request, Profile())
    if not profile.sample:
        raise ServerError(f"no profiles match {selection.title} from {selection.within}")
    content = gzip.compress(profile.SerializeToString(), mtime=0)
    if output == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        Path(output).write_bytes(content)
    except OSError as error:
        raise OperatorError(f"cannot write {output}: {error.strerror}") from error
    click.echo(f"{output}: {len(profile.sample):,} samples, {len(content):,} bytes")
