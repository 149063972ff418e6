"""Scripts that talk to MWAA as AWS's guide describes it, written from the protocol: each is run as a user would.

They know AWS by the usual variables only, and nothing of an emulator.
"""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BASH_COMMAND = """\
set -euo pipefail
read -r token host < <(aws mwaa create-cli-token --name "$1" --query '[CliToken, WebServerHostname]' --output text)
answer=$(curl --silent --show-error --fail --request POST "https://$host/aws_mwaa/cli" \\
  --header "Authorization: Bearer $token" --header "Content-Type: text/plain" --data-raw "$2")
field() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])" <<<"$answer" | base64 --decode; }
field stdout
field stderr >&2
"""
BASH_LINK = """\
set -euo pipefail
aws mwaa create-web-login-token --name "$1" --query '[WebServerHostname, WebToken]' --output text |
  while read -r host token; do echo "https://$host/aws_mwaa/aws-console-sso?login=true#$token"; done
"""
BASH_SESSION = """\
set -euo pipefail
read -r token host < <(
  aws mwaa create-web-login-token --name "$1" --query "[WebToken, WebServerHostname]" --output text)
curl --silent --show-error --fail --output /dev/null --cookie-jar "$4" --data-urlencode "token=$token" "https://$host$2"
curl --silent --show-error --fail --cookie "$4" "https://$host$3"
"""
PYTHON_COMMAND = """\
import base64, json, sys, urllib.request
import boto3

name, line = sys.argv[1:]
token = boto3.client("mwaa").create_cli_token(Name=name)
request = urllib.request.Request(
    "https://" + token["WebServerHostname"] + "/aws_mwaa/cli",
    data=line.encode(),
    headers={"Authorization": "Bearer " + token["CliToken"], "Content-Type": "text/plain"},
)
with urllib.request.urlopen(request, timeout=60) as answer:
    said = json.load(answer)
sys.stdout.write(base64.b64decode(said["stdout"]).decode())
sys.stderr.write(base64.b64decode(said["stderr"]).decode())
"""
PYTHON_SESSION = """\
import sys
import boto3, requests

name, login, path = sys.argv[1:]
token = boto3.client("mwaa").create_web_login_token(Name=name)
host = "https://" + token["WebServerHostname"]
signed_in = requests.post(host + login, data={"token": token["WebToken"]}, timeout=60)
signed_in.raise_for_status()
if "_token" in signed_in.cookies:  # Apache Airflow 3
    headers, cookies = {"Authorization": "Bearer " + signed_in.cookies["_token"]}, None
else:
    headers, cookies = {}, {"session": signed_in.cookies["session"]}
answer = requests.get(host + path, headers=headers, cookies=cookies, timeout=60)
answer.raise_for_status()
print(answer.text)
"""
LAMBDA = """\
import base64
import http.client
import json
import boto3

mwaa = boto3.client("mwaa")

def lambda_handler(event, context):
    token = mwaa.create_cli_token(Name=event["environment"])
    connection = http.client.HTTPSConnection(token["WebServerHostname"], timeout=60)
    headers = {"Authorization": "Bearer " + token["CliToken"], "Content-Type": "text/plain"}
    connection.request("POST", "/aws_mwaa/cli", event["command"], headers)
    said = json.loads(connection.getresponse().read())
    connection.close()
    return {"statusCode": 200, "body": base64.b64decode(said["stdout"]).decode()}

if __name__ == "__main__":
    import sys
    print(lambda_handler({"environment": sys.argv[1], "command": sys.argv[2]}, None)["body"], end="")
"""


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs scripts with variables, and the AWS CLI on the path."""

    variables: Mapping[str, str]
    aws: Path

    def bash(self, script: str, *arguments: str) -> str:
        """Run a bash script that must succeed; return what it prints."""
        return self._run("bash", "-c", script, "script", *arguments)

    def python(self, script: str, *arguments: str) -> str:
        """Run a Python script that must succeed; return what it prints."""
        return self._run(sys.executable, "-c", script, *arguments)

    def cli(self, *arguments: str) -> str:
        """Run the AWS CLI; return what it prints."""
        return self._run(str(self.aws), *arguments)

    def refused_cli(self, *arguments: str) -> str:
        """Run the AWS CLI, which must fail; return what it says."""
        done = self._done(str(self.aws), *arguments)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def _run(self, *command: str) -> str:
        done = self._done(*command)
        assert done.returncode == 0, f"{command[-3:]}: {done.stdout}{done.stderr}"
        return done.stdout

    def _done(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env={**self.variables, "PATH": f"{self.aws.parent}:{self.variables['PATH']}"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
