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
    # The same descriptions of services, without the indentation; no index for completing in a prompt.
    rm -f "$data/../../data/ac.index"
    /usr/bin/python3 - "$data" <<'PROGRAM'
import json
import pathlib
import sys

for path in pathlib.Path(sys.argv[1]).rglob("*.json"):
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")), separators=(",", ":")), "utf-8")
PROGRAM
    # Compiled is kept what the command uses.
    find /usr/lib/python3 /usr/lib/python3.* -type d -name __pycache__ -prune -exec rm -r {} +
    for command in "s3 ls" "sts get-caller-identity" "secretsmanager list-secrets"; do
        aws $command --no-sign-request --region us-east-1 --endpoint-url http://127.0.0.1:1 > /dev/null 2>&1 || true
    done
fi

apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
