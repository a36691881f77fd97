"""A complete local deployment: gateway, built functions, their secrets and buckets, and ClickHouse over HTTP."""

import json
import platform
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from flamehouse.identity.document import Credential, CredentialDocument
from flamehouse.identity.principal import ANY_TENANT, Scope
from flamehouse.identity.token import NewToken, digest, new_token
from flamehouse.settings import Settings
from flamehouse.store.schema.migrate import migrate
from tools.aws import LocalAws, LocalBucket, LocalQueue, LocalSecret, local_aws
from tools.clickhouse_http.faults import FaultyClickHouse, faulty
from tools.clickhouse_http.process import ClickHouseServer, clickhouse_server
from tools.gateway.deployment import Deployment, read_deployment
from tools.gateway.lambda_service import LambdaService
from tools.gateway.poller import polling
from tools.gateway.server import create_app

_WORKER: Final = "WorkerFunction"
"""The function that receives the messages of the queue."""
_PREFIXES: Final = ("staged/", "drops/")
_ARCHITECTURES: Final = {"aarch64": "arm64", "arm64": "arm64", "x86_64": "x86_64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A running deployment; `credential` is for its clients."""

    url: str
    clickhouse: ClickHouseServer
    proxy: FaultyClickHouse
    """Injects faults between the functions and `clickhouse`, if the deployment is `through_proxy`."""
    aws: LocalAws
    secret: LocalSecret
    bucket: LocalBucket
    blobs: LocalBucket
    queue: LocalQueue
    deployment: Deployment
    functions: LambdaService
    credentials: LocalSecret
    parameters: Mapping[str, str]
    credential: str = field(repr=False)
    tokens: Mapping[str, str] = field(repr=False)
    """Tokens with all scopes for single tenants, by tenant."""


@contextmanager
def cloud(  # noqa: PLR0913  # what a deployment may have
    build: Path,
    folder: Path,
    *,
    port: int = 0,
    retention_days: int = 30,
    path_prefix: str = "",
    environ: Mapping[str, str] | None = None,
    tenants: Sequence[str] = (),
    through_proxy: bool = False,
    log_level: str = "INFO",
) -> Iterator[Cloud]:
    """Deploy the output of `sam build` in `build`; data and logs go below `folder`, which must exist.

    `environ` is added to every function's environment. Each of `tenants` gets a token. With `through_proxy`, the
    functions reach ClickHouse through a proxy that injects faults.
    """
    (folder / "clickhouse").mkdir(exist_ok=True)
    with clickhouse_server(folder / "clickhouse") as clickhouse, faulty(clickhouse.port) as proxy:
        migrate(Settings(clickhouse_dsn=clickhouse.dsn, retention_days=retention_days))
        with local_aws() as aws:
            token = new_token()
            tokens = {tenant: new_token() for tenant in tenants}
            credentials = aws.new_secret(credentials_text({ANY_TENANT: token, **tokens}))
            reached = {**secret_of(clickhouse), **({"port": proxy.port} if through_proxy else {})}
            secret = aws.new_secret(json.dumps(reached))
            bucket, blobs, queue = aws.new_bucket(), aws.new_bucket(), aws.new_queue()
            blobs.notify(queue, _PREFIXES)
            parameters = {
                # Deployments in one process share moto's buckets and queues, so parameters set the names of resources.
                **_resource_parameters(secret, credentials, bucket, blobs, queue),
                "Architecture": _ARCHITECTURES[platform.machine()],
                "RetentionDays": str(retention_days),
                "PathPrefix": path_prefix,
                "LogLevel": log_level,
            }
            deployment = read_deployment(build, parameters)
            functions = LambdaService(deployment, {**aws.environ(), **(environ or {})}, folder)
            with (
                closing(functions),
                polling(queue, functions, _WORKER),
                serving(create_app(deployment, functions), port) as url,
            ):
                yield Cloud(
                    url=url,
                    clickhouse=clickhouse,
                    proxy=proxy,
                    aws=aws,
                    secret=secret,
                    bucket=bucket,
                    blobs=blobs,
                    queue=queue,
                    deployment=deployment,
                    functions=functions,
                    credentials=credentials,
                    parameters=parameters,
                    credential=token.text,
                    tokens={tenant: each.text for tenant, each in tokens.items()},
                )


def _resource_parameters(
    secret: LocalSecret, credentials: LocalSecret, bucket: LocalBucket, blobs: LocalBucket, queue: LocalQueue
) -> dict[str, str]:
    return {
        "ClickHouseSecretArn": secret.arn,
        "CredentialsSecret": credentials.arn,
        "AdHocProfilesBucket": bucket.name,
        "BlobsBucket": blobs.name,
        "BlobsQueue": queue.url,
    }


def credentials_text(tokens: Mapping[str, NewToken]) -> str:
    """Return a document with a credential per token, by tenant, each with all scopes."""
    credentials = {
        token.id: Credential(
            id=token.id,
            sha256=digest(token.text),
            tenants=frozenset({tenant}),
            scopes=frozenset(Scope),
            created=datetime.now(UTC),
        )
        for tenant, token in tokens.items()
    }
    return CredentialDocument(credentials=credentials).text()


def secret_of(clickhouse: ClickHouseServer) -> dict[str, object]:
    """Return the secret for a server on this machine."""
    return {
        "host": "127.0.0.1",
        "port": clickhouse.port,
        "user": clickhouse.user,
        "password": clickhouse.password,
        "secure": False,
    }


@contextmanager
def serving(app: ASGIApp, port: int) -> Iterator[str]:
    """Serve the app in a thread; yield its URL."""
    listener = socket.create_server(("127.0.0.1", port))
    # asyncio sets this only on sockets with an explicit protocol, which this one lacks. Without it, the body of a
    # response is delayed by 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
