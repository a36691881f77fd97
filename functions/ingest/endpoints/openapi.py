"""Parts of the OpenAPI document that FastAPI cannot derive for uploads: query parameters, headers and bodies."""

from typing import Any, Final

from pydantic import BaseModel, Field


class IngestParameters(BaseModel):
    """The query string of /ingest. All parameters are text; invalid ones are ignored, except `name` and times."""

    name: str = Field(
        description="Application and labels: `app{key=value,...}`. `app` consists of letters, digits and `_./-`",
        examples=["checkout{env=prod,region=eu}"],
    )
    from_: str = Field(
        "now",
        alias="from",
        description="Start of the profile: seconds, milliseconds, microseconds or nanoseconds since 1970, or `now-1h`",
    )
    until: str = Field("now", description="End of the profile, in the same forms")
    format: str = Field(
        "",
        description="pprof, jfr, groups (folded), lines, trie, tree, perf_script, austin, instruments, cpuprofile, "
        "chrome_trace, firefox or speedscope. If omitted, it is detected from the body's first bytes",
        examples=["pprof"],
    )
    sample_rate: str = Field(
        "100", alias="sampleRate", description="Samples per second, from 0 to 4,294,967,295"
    )
    spy_name: str = Field(
        "unknown", alias="spyName", description="The name of the client, stored as the label `pyroscope_spy`"
    )
    units: str = Field(
        "samples",
        description="Accepted for compatibility; the profile or the suffix of `name` determines the unit",
    )
    aggregation_type: str = Field(
        "sum", alias="aggregationType", description="Accepted for compatibility; has no effect"
    )


def parameters_of(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the fields of the model as query parameters in OpenAPI."""
    schema = model.model_json_schema()
    required = schema.get("required", ())
    return [
        {
            "in": "query",
            "name": name,
            "required": name in required,
            "description": field.pop("description", ""),
            "schema": {key: value for key, value in field.items() if key != "title"},
        }
        for name, field in schema["properties"].items()
    ]


_CONTENT_ENCODING: Final = {
    "in": "header",
    "name": "Content-Encoding",
    "required": False,
    "description": "Optional: a gzipped body is also recognized by its first bytes",
    "schema": {"type": "string", "enum": ["gzip", "identity"]},
}
_BINARY: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}
_FORM: Final = {
    "type": "object",
    "properties": {
        "profile": {"type": "string", "format": "binary", "description": "the profile"},
        "prev_profile": {"type": "string", "format": "binary", "description": "pprof: the previous profile"},
        "sample_type_config": {
            "type": "string",
            "description": "pprof: JSON that describes how to store each sample type",
        },
        "jfr": {"type": "string", "format": "binary", "description": "jfr: the recording"},
        "labels": {
            "type": "string",
            "format": "binary",
            "description": "jfr: the labels of the contexts in the recording",
        },
    },
}

INGEST: Final[dict[str, Any]] = {
    "tags": ["ingest"],
    "summary": "Upload a profile (SDKs)",
    "parameters": [*parameters_of(IngestParameters), _CONTENT_ENCODING],
    "requestBody": {
        "required": True,
        "description": "The profile, optionally gzipped, or a multipart form that contains it",
        "content": {"application/octet-stream": _BINARY, "multipart/form-data": {"schema": _FORM}},
    },
}
OTLP: Final[dict[str, Any]] = {
    "tags": ["ingest"],
    "summary": "Upload profiles (OpenTelemetry)",
    "parameters": [_CONTENT_ENCODING],
}
