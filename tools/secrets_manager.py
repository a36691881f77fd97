"""AWS Secrets Manager with one secret, for one pair of keys: GetSecretValue alone, signatures checked.

API: docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

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

    def answer(self, headers: Message, body: bytes) -> tuple[int, Mapping[str, str]]:
        """The status and the JSON for one request to `/`."""
        key = Key(id=self.access_key_id, secret=self.secret_access_key)
        if not is_signed("POST", "/", headers, body, key, _MUST_BE_SIGNED):
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
