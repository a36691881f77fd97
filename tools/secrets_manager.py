"""AWS Secrets Manager with one secret, for one pair of keys: GetSecretValue alone, signatures checked.

API: docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Final

from tools.aws_service import serving_answers
from tools.signature import Key, is_signed

_MUST_BE_SIGNED: Final = {"x-amz-target"}
_TARGET: Final = "secretsmanager.GetSecretValue"


@dataclass(slots=True, kw_only=True)
class SecretsManager:
    """The service; `text` may be changed while it runs, and `reads` counts how often it was read."""

    arn: str
    text: str = field(repr=False)
    access_key_id: str = "AKIDLOOPBACK"
    secret_access_key: str = field(default="loopback-secret-key", repr=False)
    url: str = ""
    reads: int = 0

    def environ(self) -> dict[str, str]:
        """What a function has in its environment to read the secret."""
        return {
            "CLICKHOUSE_SECRET_ARN": self.arn,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": "loopback-session",
        }

    def answer(self, method: str, target: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        """The status and the JSON for one request."""
        status, answer = self._answer(method, target, headers, body)
        return status, json.dumps(answer).encode()

    def _answer(
        self, method: str, target: str, headers: Message, body: bytes
    ) -> tuple[int, Mapping[str, str]]:
        key = Key(id=self.access_key_id, secret=self.secret_access_key)
        if not is_signed(method, target, headers, body, key, _MUST_BE_SIGNED):
            return 400, {"__type": "InvalidSignatureException"}
        if headers["X-Amz-Target"] != _TARGET:
            return 400, {"__type": "UnknownOperationException"}
        if json.loads(body).get("SecretId") != self.arn:
            return 400, {"__type": "com.amazonaws.secretsmanager#ResourceNotFoundException"}
        self.reads += 1
        return 200, {"ARN": self.arn, "SecretString": self.text}


@contextmanager
def serving_secret(arn: str, secret: Mapping[str, object]) -> Iterator[SecretsManager]:
    """The service on a port of its own, with `secret` as the JSON text of its one secret."""
    service = SecretsManager(arn=arn, text=json.dumps(secret))
    with serving_answers(service.answer, "application/x-amz-json-1.1") as service.url:
        yield service
