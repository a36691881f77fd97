"""Query parameters of the pages, for FastAPI to read and document. All are text; the last of a name counts."""

from pydantic import BaseModel, Field

_TIME = "seconds or milliseconds since 1970, or `now-1h`"
_QUERY = "A selector with the profile type as its name"
_EXAMPLE = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds{service_name="checkout"}'


class RangeParameters(BaseModel):
    """A time range; a missing or empty end is that of the last hour."""

    from_: str = Field("", alias="from", description=f"The start: {_TIME}")
    until: str = Field("", description=f"The end (exclusive): {_TIME}")


class NodesParameters(BaseModel):
    """The size of a flame graph, under the two names that clients use."""

    max_nodes: str = Field("", alias="maxNodes", description="The maximum number of nodes of the flame graph")
    max_nodes_dashed: str = Field("", alias="max-nodes", description="The same; `maxNodes` takes precedence")


class RenderParameters(RangeParameters, NodesParameters):
    """One selection, its form and its timeline."""

    query: str = Field("", description=f"{_QUERY}; required", examples=[_EXAMPLE])
    format: str = Field(
        "", description="`dot` for a call graph, `pprof` for a merged profile; otherwise flamebearer JSON"
    )
    group_by: list[str] = Field(
        [], alias="groupBy", description="The label to split the timeline by; the first one is used"
    )
    aggregation: str = Field("", description="`avg` for averages in the timeline; otherwise sums")


class DiffParameters(NodesParameters):
    """Two selections of one profile type."""

    left_query: str = Field("", alias="leftQuery", description=f"{_QUERY}; required", examples=[_EXAMPLE])
    left_from: str = Field("", alias="leftFrom", description=f"The start: {_TIME}")
    left_until: str = Field("", alias="leftUntil", description=f"The end (exclusive): {_TIME}")
    right_query: str = Field("", alias="rightQuery", description=f"{_QUERY}; required", examples=[_EXAMPLE])
    right_from: str = Field("", alias="rightFrom", description=f"The start: {_TIME}")
    right_until: str = Field("", alias="rightUntil", description=f"The end (exclusive): {_TIME}")


class LabelValuesParameters(RangeParameters):
    """One label."""

    label: str = Field(
        "", description="The label; `__name__` for all profile types. Required", examples=["service_name"]
    )
