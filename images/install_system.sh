#!/bin/sh
# Installs Debian's packages in an image, without what takes much room there and MWAA's own image has not got either:
# documentation, static libraries, the sanitizers' libraries. Java keeps all its classes, compressed.
#
#     install_system.sh PACKAGE...
set -e

TOOLS='^jdk\.(compiler|editpad|hotspot\.agent|internal\.(ed|le|opt|vm\.compiler.*)|jartool|javadoc|jcmd|jconsole|jdeps|jdi'
TOOLS="$TOOLS|jlink|jpackage|jshell|jstatd)\$"

printf 'path-exclude=%s/*\n' /usr/share/doc /usr/share/info /usr/share/locale /usr/share/man \
    /usr/lib/python3/dist-packages/awscli/examples > /etc/dpkg/dpkg.cfg.d/mwaa-local
# Java's package makes links there, whether there are manual pages or not.
mkdir -p /usr/share/man/man1
apt-get update
apt-get install --yes --no-install-recommends "$@"

if [ -d /usr/lib/jvm ]; then
    java="$(dirname "$(dirname "$(readlink -f /usr/bin/java)")")"
    # What only developers of Java use is no part of a JRE.
    modules="$(java --list-modules | sed 's/@.*//' | grep -Ev "$TOOLS" | paste -sd,)"
    apt-get install --yes --no-install-recommends default-jdk-headless
    "$java/bin/jlink" --module-path "$java/jmods" --add-modules "$modules" --compress=2 \
        --strip-java-debug-attributes --output /tmp/java
    cp /tmp/java/lib/modules "$java/lib/modules"
    # Only a debugger reads these symbols.
    if command -v strip > /dev/null; then strip --strip-unneeded "$java/lib/server/libjvm.so"; fi
    apt-get purge --yes --auto-remove default-jdk-headless
    # Archives of the former classes, which Java can do without, and what was the compiler's.
    rm -rf /tmp/java "$java"/lib/server/*.jsa "$java/lib/ct.sym"
fi

find /usr/lib -xdev -name '*.a' ! -name 'libgcc*' ! -name '*_nonshared.a' -size +16k -delete
find /usr/lib -xdev '(' -name 'lib[alt]san*' -o -name 'libhwasan*' -o -name 'libubsan*' ')' -delete
# Of the compiler what optimises whole programs, measures and shows: extension modules are built without.
rm -f /usr/bin/*lto-dump* /usr/lib/gcc/*/*/lto1 /usr/bin/*gp-* /usr/bin/*gprofng* /usr/lib/*/libgprofng* /usr/bin/*gcov* \
    /usr/bin/*dwp

data=/usr/lib/python3/dist-packages/awscli/botocore/data
if [ -d "$data" ]; then
    # The same descriptions of services, without the indentation, and compressed: later versions of botocore read and
    # bring them so. No index for completing in a prompt.
    rm -f "$data/../../data/ac.index"
    /usr/bin/python3 - "$data" <<'PROGRAM'
import gzip
import json
import pathlib
import sys

data = pathlib.Path(sys.argv[1])
loaders = data.parent / "loaders.py"
CHANGES = (
    ("import os\n", "import gzip\nimport os\n"),
    (
        "return os.path.isfile(file_path + '.json')\n",
        "return any(os.path.isfile(file_path + end) for end in ('.json', '.json.gz'))\n",
    ),
    (
        "full_path = file_path + '.json'\n",
        "full_path = file_path + '.json'\n        if not os.path.isfile(full_path):\n            full_path += '.gz'\n",
    ),
    (
        "with open(full_path, 'rb') as fp:\n",
        "with (gzip.open if full_path.endswith('.gz') else open)(full_path, 'rb') as fp:\n",
    ),
)
text = loaders.read_text("utf-8")
is_known = all(text.count(before) == 1 for before, _ in CHANGES)
if is_known:
    for before, after in CHANGES:
        text = text.replace(before, after)
    loaders.write_text(text, "utf-8")
for path in data.rglob("*.json"):
    content = json.dumps(json.loads(path.read_text("utf-8")), separators=(",", ":")).encode()
    if is_known and path.name == "service-2.json":
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, mtime=0))
        path.unlink()
    else:
        path.write_bytes(content)
PROGRAM
    # Compiled is kept what the command uses.
    find /usr/lib/python3 /usr/lib/python3.* -type d -name __pycache__ -prune -exec rm -r {} +
    for command in "s3 ls" "sts get-caller-identity" "secretsmanager list-secrets"; do
        aws $command --no-sign-request --region us-east-1 --endpoint-url http://127.0.0.1:1 > /dev/null 2>&1 || true
    done
fi

apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
