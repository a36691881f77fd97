"""Prints the CloudFormation template that SAM's transform yields, as JSON. Runs in SAM's own environment.

python transformed.py template.yaml
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

_PATHS = ("CodeUri", "ContentUri")


class NoManagedPolicies:
    """The AWS managed policies that a template may name; ours names none."""

    def load(self) -> dict[str, str]:
        return {}


def uploaded(template: dict[str, Any]) -> dict[str, Any]:
    """Returns the template as `sam deploy` submits it, with folders replaced by objects in S3."""
    for properties in (
        template["Globals"]["Function"],
        *(resource["Properties"] for resource in template["Resources"].values()),
    ):
        properties.update({name: "s3://bucket/key" for name in _PATHS if name in properties})
    return template


if __name__ == "__main__":
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    source = yaml_parse(Path(sys.argv[1]).read_text())
    json.dump(transform(uploaded(source), {}, NoManagedPolicies()), sys.stdout)
