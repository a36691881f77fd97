"""AWS Secrets Manager with one secret, for one pair of keys: GetSecretValue alone, signatures checked.

API: docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from functools import reduce
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>\w+)/(?P<scope>\d{8}/[\w-]+/secretsmanager/aws4_request), "
    r"SignedHeaders=(?P<names>[\w;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_MUST_BE_SIGNED: Final = {"host", "x-amz-date", "x-amz-target"}
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

    def answer(self, headers: Message, body: bytes) -> tuple[int, Mapping[str, str]]:
        """The status and the JSON for one request to `/`."""
        if not self._is_signed(headers, body):
            return 400, {"__type": "InvalidSignatureException"}
        if headers["X-Amz-Target"] != _TARGET:
            return 400, {"__type": "UnknownOperationException"}
        if json.loads(body).get("SecretId") != self.arn:
            return 400, {"__type": "com.amazonaws.secretsmanager#ResourceNotFoundException"}
        self.reads += 1
        return 200, {"ARN": self.arn, "SecretString": self.text}

    def _is_signed(self, headers: Message, body: bytes) -> bool:
        found = _AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
        if found is None or found["id"] != self.access_key_id:
            return False
        names = found["names"].split(";")
        if names != sorted(names) or not set(names) >= _MUST_BE_SIGNED:
            return False
        lines = "".join(f"{name}:{headers.get(name, '')}\n" for name in names)
        request = f"POST\n/\n\n{lines}\n{found['names']}\n{hashlib.sha256(body).hexdigest()}"
        digest = hashlib.sha256(request.encode()).hexdigest()
        message = f"AWS4-HMAC-SHA256\n{headers['X-Amz-Date']}\n{found['scope']}\n{digest}"
        key = reduce(_hmac, found["scope"].split("/"), f"AWS4{self.secret_access_key}".encode())
        return hmac.compare_digest(_hmac(key, message).hex(), found["signature"])


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


@contextmanager
def serving_secret(arn: str, secret: Mapping[str, object]) -> Iterator[SecretsManager]:
    """The service on a port of its own, with `secret` as the JSON text of its one secret."""
    service = SecretsManager(arn=arn, text=json.dumps(secret))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = service.answer(self.headers, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing is said of requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        service.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
