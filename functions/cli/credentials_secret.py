"""The credentials document in an AWS Secrets Manager secret, edited as a whole."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from flamehouse.errors import OperatorError
from flamehouse.identity.document import CredentialDocument

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_CURRENT: Final = "AWSCURRENT"
_PENDING: Final = "flamehouse-"


class CredentialsSecret:
    """The credentials document in the secret with this ARN."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def load(self) -> CredentialDocument:
        """Return the document.

        Raises:
            OperatorError, DocumentError: if it cannot be read.
        """
        return self._with_client(self._read)[1]

    def edit(self, change: Callable[[CredentialDocument], CredentialDocument]) -> None:
        """Replace the document with the result of `change`, unless it was edited concurrently.

        Raises:
            OperatorError, DocumentError: if it cannot be read or written, or was edited concurrently.
        """

        def run(client: "SecretsManagerClient") -> None:
            version, document = self._read(client)
            self._replace(client, version, change(document).text())

        self._with_client(run)

    def _read(self, client: "SecretsManagerClient") -> tuple[str, CredentialDocument]:
        found = client.get_secret_value(SecretId=self._arn, VersionStage=_CURRENT)
        return found["VersionId"], CredentialDocument.parse(found.get("SecretString", ""))

    def _replace(self, client: "SecretsManagerClient", before: str, text: str) -> None:
        """Write a new version, and move the label AWSCURRENT from `before` to it.

        Secrets Manager moves a label only if the given version still has it, which makes the edit atomic.
        """
        stage = f"{_PENDING}{uuid4().hex}"
        put = client.put_secret_value(SecretId=self._arn, SecretString=text, VersionStages=[stage])
        version = put["VersionId"]
        try:
            client.update_secret_version_stage(
                SecretId=self._arn,
                VersionStage=_CURRENT,
                MoveToVersionId=version,
                RemoveFromVersionId=before,
            )
        finally:
            client.update_secret_version_stage(
                SecretId=self._arn, VersionStage=stage, RemoveFromVersionId=version
            )

    def _with_client[T](self, work: Callable[["SecretsManagerClient"], T]) -> T:
        # boto3 takes about 300 ms to import, and a credentials file does not need it.
        import boto3  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        parts = self._arn.split(":")
        if len(parts) < 7 or parts[2] != "secretsmanager":
            raise OperatorError(f"invalid ARN of a secret {self._arn!r}: see the outputs of the stack")
        try:
            return work(boto3.client("secretsmanager", region_name=parts[3]))
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if error.operation_name == "UpdateSecretVersionStage" and code == "InvalidParameterException":
                raise OperatorError("the secret was edited concurrently: run the command again") from error
            raise OperatorError(f"Secrets Manager: {error.operation_name} failed: {code}") from error
        except BotoCoreError as error:
            raise OperatorError(f"Secrets Manager: {error}") from error
