"""A project with a deployment to a bucket and an environment of the local endpoint, and what a test does with them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.environments import Cli, Outcome
from tests.mwaa_endpoint import REGION, MwaaEndpoint, Step

DAG = """\
from datetime import datetime

from airflow import DAG

with DAG("{name}", start_date=datetime(2024, 1, 1), schedule=None, default_args={{"retries": 1}}):
    pass
"""
UNCHECKED = ("--skip", "test-requirements", "--skip", "test-dags")
"""Those two need a package index and Airflow: each has tests of its own."""


@dataclass
class DeployedSite:
    """The project and where it is deployed to."""

    root: Path
    endpoint: MwaaEndpoint
    bucket: str
    cli: Cli

    def write(self, path: str, content: str) -> None:
        """Write a file of the project."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")

    def configure(self, *lines: str, environment: bool = True) -> None:
        """Write mwaa-local.toml with one deployment, `staging`."""
        named = [f'environment = "{self.bucket}"'] if environment else []
        text = ["[deployments.staging]", f'bucket = "{self.bucket}"', f'region = "{REGION}"', *named, *lines]
        self.write("mwaa-local.toml", '[environment]\nversion = "2.10.3"\n\n' + "\n".join(text) + "\n")

    def make_environment(self, **settings: Any) -> None:
        """Make the environment, which is called as the bucket."""
        given = {"SourceBucketArn": f"arn:aws:s3:::{self.bucket}", "AirflowVersion": "2.10.3", **settings}
        self.endpoint.create(self.bucket, **given)

    def remove_environment(self) -> None:
        """Remove the environment, if there is one: an account may have ten."""
        if self.bucket in self.endpoint.client("mwaa").list_environments()["Environments"]:
            self.endpoint.script(self.bucket)
            self.endpoint.release(self.bucket)
            self.endpoint.wait_until_at_rest(self.bucket)
            self.endpoint.client("mwaa").delete_environment(Name=self.bucket)

    def make_bucket(self) -> None:
        """Make the bucket as MWAA wants it."""
        s3 = self.endpoint.client("s3")
        s3.create_bucket(Bucket=self.bucket)
        s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        s3.put_public_access_block(
            Bucket=self.bucket, PublicAccessBlockConfiguration=dict.fromkeys(blocks, True)
        )
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        s3.put_bucket_encryption(Bucket=self.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})

    def put(self, key: str, content: str) -> None:
        """Put an object into the bucket, as somebody else."""
        self.endpoint.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content.encode())

    def objects(self) -> dict[str, str]:
        """Return what the bucket holds outside of our own state; of archives only their beginning."""
        s3 = self.endpoint.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        keys = [record["Key"] for page in pages for record in page.get("Contents", [])]
        return {
            key: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()[:2000].decode("latin-1")
            for key in keys
            if not key.startswith(".mwaa-local/")
        }

    def script(self, *steps: Step) -> None:
        """Say what the next updates of the environment do."""
        self.endpoint.script(self.bucket, *steps)

    def run(self, *arguments: str) -> Outcome:
        """Run a command line; what differs from run to run is replaced."""
        done = self.cli(*arguments)
        return Outcome(done.exit_code, self.plain(done.stdout), self.plain(done.stderr))

    def deploy(self, *arguments: str) -> Outcome:
        """Deploy unasked, without the checks that need Airflow."""
        return self.run("deploy", "--yes", *UNCHECKED, *arguments)

    def plain(self, text: str) -> str:
        """Replace times, receipts, versions, folders and the bucket's name."""
        for pattern, word in (
            (r"\(\d+\.\d s\)", "(T)"),
            (r"after \d+ s", "after T"),
            (r"\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{6}", "RECEIPT"),
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "VERSION"),
            (re.escape(str(self.root)), "PROJECT"),
            (re.escape(self.bucket), "BUCKET"),
        ):
            text = re.sub(pattern, word, text)
        return text
