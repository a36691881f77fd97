"""adhocprofiles.v1.AdHocProfileService: files uploaded for display and comparison without being ingested."""

import base64
import json
import time
from typing import Final

from adhoc.files.call_tree import CallTree
from adhoc.files.formats import largest_file, read_file
from adhoc.files.profile_file import ProfileFile
from adhoc.profile_id import ProfileId
from adhoc.storage import files_of
from flamehouse.errors import Code, RpcError, invalid_argument
from flamehouse.model.max_nodes import nodes_limit
from flamehouse.pb.adhocprofiles_pb2 import (
    AdHocProfilesDiffRequest,
    AdHocProfilesDiffResponse,
    AdHocProfilesGetRequest,
    AdHocProfilesGetResponse,
    AdHocProfilesListRequest,
    AdHocProfilesListResponse,
    AdHocProfilesProfileMetadata,
    AdHocProfilesUploadRequest,
)
from flamehouse.render.flamebearer import Flamebearer, Shown, flamebearer_diff_of, flamebearer_of
from flamehouse.render.flamegraph import flamegraph_of
from flamehouse.render.flamegraph_diff import flamegraph_diff_of
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.units import NS_PER_MS
from flamehouse.web.connect import Call, unary

_SERVICE: Final = "/adhocprofiles.v1.AdHocProfileService"
_MAX_UPLOAD_BYTES: Final = 64 << 20
_MAX_QUESTION_BYTES: Final = 1 << 16
_MS_PER_S: Final = 1_000


def upload(call: Call, request: AdHocProfilesUploadRequest) -> AdHocProfilesGetResponse:
    """Store a file and draw its first sample type. Raises RpcError(INVALID_ARGUMENT) if it cannot be drawn."""
    settings = call.services.settings
    max_nodes = nodes_limit(request.max_nodes, settings)
    content = _decoded(request.profile, largest_file(settings))
    id_ = ProfileId.new(request.name, _now_ms())
    answer = _drawn(id_, read_file(content, id_.name, settings), "", max_nodes)
    files = files_of(settings)
    files.expire(call.tenant, lambda name: _is_over(call, name))
    files.check_quota(call.tenant, len(content), settings.adhoc_quota_bytes)
    files.put(call.tenant, id_.text, content)
    return answer


def get(call: Call, request: AdHocProfilesGetRequest) -> AdHocProfilesGetResponse:
    """Draw a stored file: the requested sample type, or the first if it has none of that name."""
    max_nodes = nodes_limit(request.max_nodes, call.services.settings)
    id_ = ProfileId.parse(request.id)
    return _drawn(id_, _file(call, id_), request.profile_type, max_nodes)


def list_(call: Call, _request: AdHocProfilesListRequest) -> AdHocProfilesListResponse:
    """List the tenant's files, the newest first."""
    names = files_of(call.services.settings).names(call.tenant)
    ids = [id_ for name in names if (id_ := ProfileId.read(name)) is not None and _lives(call, id_)]
    ids.sort(key=lambda id_: id_.text, reverse=True)
    return AdHocProfilesListResponse(
        profiles=[
            AdHocProfilesProfileMetadata(id=id_.text, name=id_.name, uploaded_at=id_.uploaded_at)
            for id_ in ids
        ]
    )


def diff(call: Call, request: AdHocProfilesDiffRequest) -> AdHocProfilesDiffResponse:
    """Draw two stored files side by side: the requested sample type, or the first that both have.

    Raises RpcError(INVALID_ARGUMENT) if they have no sample type in common.
    """
    max_nodes = nodes_limit(request.max_nodes, call.services.settings)
    ids = [ProfileId.parse(id_) for id_ in (request.left_id, request.right_id)]
    left, right = (_file(call, id_) for id_ in ids)
    common = _common_types(left, right)
    type_ = next((shown for shown in common if shown.name == request.profile_type), common[0])
    tree = CallTree(sides=2)
    for side, file in enumerate((left, right)):
        # A text file has one sample type, named after the file.
        number = _number_of(file, type_.name) if len(file.types) > 1 else 0
        file.fill(tree, number, side)
    graph = flamegraph_diff_of(tree.cut_diff(max_nodes))
    return AdHocProfilesDiffResponse(
        profile_types=[shown.name for shown in common],
        flamebearer_profile=_json(flamebearer_diff_of(graph, type_)),
    )


def _drawn(id_: ProfileId, file: ProfileFile, requested: str, max_nodes: int) -> AdHocProfilesGetResponse:
    number = _number_of(file, requested)
    tree = CallTree()
    file.fill(tree, number, 0)
    graph = flamegraph_of(tree.cut(max_nodes))
    return AdHocProfilesGetResponse(
        id=id_.text,
        name=id_.name,
        uploaded_at=id_.uploaded_at,
        profile_type=file.types[number].name,
        profile_types=[shown.name for shown in file.types],
        flamebearer_profile=_json(flamebearer_of(graph, file.types[number])),
    )


def _number_of(file: ProfileFile, type_: str) -> int:
    """Return the index of the sample type with that name, or of the first type."""
    return next((number for number, shown in enumerate(file.types) if shown.name == type_), 0)


def _common_types(left: ProfileFile, right: ProfileFile) -> list[Shown]:
    """Return the sample types that both files have, in the left file's order."""
    names = {shown.name for shown in right.types}
    common = [shown for shown in left.types if shown.name in names]
    if common:
        return common
    if len(left.types) == len(right.types) == 1 and left.types[0].units == right.types[0].units:
        return [*left.types]
    raise invalid_argument("the profiles have no sample type in common")


def _file(call: Call, id_: ProfileId) -> ProfileFile:
    """Read a stored file. Raises RpcError(NOT_FOUND) if the tenant has none with that id."""
    settings = call.services.settings
    content = files_of(settings).get(call.tenant, id_.text) if _lives(call, id_) else None
    if content is None:
        raise RpcError(Code.NOT_FOUND, f"unknown ad hoc profile {id_.text}")
    return read_file(content, id_.name, settings)


def _lives(call: Call, id_: ProfileId) -> bool:
    """Return whether the file is within the retention; expired files may remain for some time."""
    retention_ms = call.services.adhoc_retention_s * _MS_PER_S
    return not retention_ms or _now_ms() - id_.uploaded_at < retention_ms


def _is_over(call: Call, name: str) -> bool:
    id_ = ProfileId.read(name)
    return id_ is not None and not _lives(call, id_)


def _decoded(text: str, max_bytes: int) -> bytes:
    if len(text) > (max_bytes + 2) // 3 * 4:
        raise invalid_argument(f"the profile exceeds the limit of {max_bytes} bytes")
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise invalid_argument(f"the profile is not valid base64: {error}") from error
    if not content:
        raise invalid_argument("the profile is empty")
    return content


def _json(flamebearer: Flamebearer) -> str:
    return json.dumps(flamebearer, separators=(",", ":"), ensure_ascii=False)


def _now_ms() -> int:
    return time.time_ns() // NS_PER_MS


routes = [
    unary(f"{_SERVICE}/Upload", AdHocProfilesUploadRequest, upload, max_body_bytes=_MAX_UPLOAD_BYTES),
    unary(f"{_SERVICE}/Get", AdHocProfilesGetRequest, get, max_body_bytes=_MAX_QUESTION_BYTES),
    unary(f"{_SERVICE}/List", AdHocProfilesListRequest, list_, max_body_bytes=_MAX_QUESTION_BYTES),
    unary(f"{_SERVICE}/Diff", AdHocProfilesDiffRequest, diff, max_body_bytes=_MAX_QUESTION_BYTES),
]

handler = lambda_handler(*routes)
