"""python -m tools.gateway: deploy .aws-sam/build on this machine, until Ctrl-C (make cloud)."""

import argparse
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from tools.gateway.cloud import cloud

_READY: Final = """\
The functions built by sam build are served on {url}

  First profile:  curl --fail --user 'flamehouse:{credential}' --data-binary 'main;work 1' '{url}/ingest?name=first-profile'
  Credential:     {credential} (Basic password or Bearer token)
  Their logs:     {folder}
  Staged blobs:   s3://{bucket} at {s3}
                  AWS_ACCESS_KEY_ID=loopback AWS_SECRET_ACCESS_KEY=loopback aws --endpoint-url {s3} s3 ls --recursive s3://{bucket}

Ctrl-C stops it and deletes its data."""


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tools.gateway", description=__doc__)
    parser.add_argument("--build", type=Path, default=Path(".aws-sam/build"), help="the output of sam build")
    parser.add_argument("--port", type=int, default=4041)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="flamehouse-cloud-") as folder,
        cloud(arguments.build, Path(folder), port=arguments.port) as running,
    ):
        print(
            _READY.format(
                url=running.url,
                credential=running.credential,
                folder=folder,
                bucket=running.blobs.name,
                s3=running.aws.url,
            ),
            flush=True,
        )
        signal.pause()


if __name__ == "__main__":
    main()
