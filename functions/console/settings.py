"""settings.v1.SettingsService: settings that Grafana's apps store for a tenant, such as those of Profiles Drilldown."""

import time
from typing import Final

from flamehouse.errors import invalid_argument
from flamehouse.model.setting import Setting
from flamehouse.pb.settings_pb2 import (
    DeleteSettingsRequest,
    DeleteSettingsResponse,
    GetSettingsRequest,
    GetSettingsResponse,
    SetSettingsRequest,
    SetSettingsResponse,
)
from flamehouse.pb.settings_pb2 import Setting as SettingMessage
from flamehouse.serverless.http_handler import lambda_handler
from flamehouse.units import NS_PER_MS
from flamehouse.web.connect import Call, unary

_SERVICE: Final = "/settings.v1.SettingsService"
_MAX_BODY_BYTES: Final = 1 << 20


def get_settings(call: Call, _request: GetSettingsRequest) -> GetSettingsResponse:
    """Return all settings of the tenant, sorted by name."""
    settings = call.services.store.settings(call.tenant)
    return GetSettingsResponse(settings=[_message(setting) for setting in settings])


def set_setting(call: Call, request: SetSettingsRequest) -> SetSettingsResponse:
    """Store a setting; its default modification time is now.

    Raises RpcError(ALREADY_EXISTS) if the stored one is newer.
    """
    if not request.HasField("setting"):
        raise invalid_argument("the request has no setting")
    requested = request.setting
    modified_at = requested.modifiedAt if requested.modifiedAt > 0 else time.time_ns() // NS_PER_MS
    setting = Setting(name=requested.name, value=requested.value, modified_at=modified_at)
    call.services.store.set_setting(call.tenant, setting)
    return SetSettingsResponse(setting=_message(setting))


def delete_setting(call: Call, request: DeleteSettingsRequest) -> DeleteSettingsResponse:
    """Delete a setting, if it exists."""
    call.services.store.delete_setting(call.tenant, request.name)
    return DeleteSettingsResponse()


def _message(setting: Setting) -> SettingMessage:
    return SettingMessage(name=setting.name, value=setting.value, modifiedAt=setting.modified_at)


routes = [
    unary(f"{_SERVICE}/Get", GetSettingsRequest, get_settings, max_body_bytes=_MAX_BODY_BYTES),
    unary(f"{_SERVICE}/Set", SetSettingsRequest, set_setting, max_body_bytes=_MAX_BODY_BYTES),
    unary(f"{_SERVICE}/Delete", DeleteSettingsRequest, delete_setting, max_body_bytes=_MAX_BODY_BYTES),
]

handler = lambda_handler(*routes)
