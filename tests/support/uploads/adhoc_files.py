"""Ad hoc profiles as Profiles Drilldown uploads them, on any server."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import httpx
from google.protobuf import json_format
from google.protobuf.message import Message

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
from tests.support.servers.client import Client

SERVICE = "/adhocprofiles.v1.AdHocProfileService"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdHoc:
    """One tenant's ad hoc profiles, requested in protobuf or JSON."""

    client: Client
    proto: bool = True

    def upload(self, content: bytes, name: str, **more: Any) -> AdHocProfilesGetResponse:
        profile = base64.b64encode(content).decode()
        request = AdHocProfilesUploadRequest(name=name, profile=profile, **more)
        return self._call("Upload", request, AdHocProfilesGetResponse)

    def get(self, id_: str, **more: Any) -> AdHocProfilesGetResponse:
        return self._call("Get", AdHocProfilesGetRequest(id=id_, **more), AdHocProfilesGetResponse)

    def list_(self) -> list[AdHocProfilesProfileMetadata]:
        return [*self._call("List", AdHocProfilesListRequest(), AdHocProfilesListResponse).profiles]

    def diff(self, left: str, right: str, **more: Any) -> AdHocProfilesDiffResponse:
        request = AdHocProfilesDiffRequest(left_id=left, right_id=right, **more)
        return self._call("Diff", request, AdHocProfilesDiffResponse)

    def rejection(self, rpc: str, **request: Any) -> tuple[int, str, str]:
        """Returns the status, code and message for a request in JSON."""
        response = self._send(rpc, json.dumps(request).encode(), "application/json")
        body = response.json()
        assert set(body) == {"code", "message"}
        return response.status_code, body["code"], body["message"]

    def rejected_file(self, content: bytes, name: str) -> tuple[int, str, str]:
        return self.rejection("Upload", name=name, profile=base64.b64encode(content).decode())

    def _call[M: Message](self, rpc: str, request: Message, response_type: type[M]) -> M:
        body = request.SerializeToString() if self.proto else json_format.MessageToJson(request).encode()
        content_type = "application/proto" if self.proto else "application/json"
        response = self._send(rpc, body, content_type)
        assert (response.status_code, response.headers["Content-Type"]) == (200, content_type), response.text
        if self.proto:
            return response_type.FromString(response.content)
        return json_format.Parse(response.content, response_type())

    def _send(self, rpc: str, body: bytes, content_type: str) -> httpx.Response:
        return self.client.send("POST", f"{SERVICE}/{rpc}", body, {"Content-Type": content_type})
