#!/bin/sh
# Installs what the PostgreSQL tests of e2e/ need from Debian or Ubuntu: the real PostgreSQL 15 as
# the oracle with psql and pgbench, psqlODBC, pgjdbc and a JDK. What is there is left alone; a second
# run does nothing. Python's packages are in e2e/pg-requirements.txt, node's in e2e/node/package.json.
#
#     sh tools/pg_clients.sh

set -eu

missing=""
need() { # need PACKAGE [PROGRAM]: a program that is there from elsewhere will do
    if dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; then
        return
    fi
    if [ -n "${2:-}" ] && command -v "$2" >/dev/null 2>&1; then
        return
    fi
    missing="$missing $1"
}

command -v apt-get >/dev/null 2>&1 || {
    echo "pg_clients: this is for Debian and Ubuntu; install PostgreSQL 15, psqlODBC, pgjdbc and a JDK yourself" >&2
    exit 1
}

need postgresql-15
need postgresql-client-15
need odbc-postgresql
need unixodbc
need libpostgresql-jdbc-java
need default-jdk-headless javac

if [ -z "$missing" ]; then
    echo "pg_clients: everything is installed"
    exit 0
fi

as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo"
export DEBIAN_FRONTEND=noninteractive
# Debian makes a cluster of its own with the package; the tests neither use nor need it.
$as_root apt-get -o DPkg::Lock::Timeout=300 update -qq
# shellcheck disable=SC2086 # a list of words
$as_root apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing
