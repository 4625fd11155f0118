#!/usr/bin/env bash
# deploy/install.sh <venv> base|dev|bench|stripe: exactly the packages of requirements/<name>.txt, hashes checked.
# A line for each stage; what pip or uv says is in <venv>/install.log.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1 wanted=requirements/$2.txt log=$1/install.log

python() { # the first candidate that is new enough
    local candidate
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "Orderwave needs Python 3.11 or newer on the PATH (or in PYTHON)." >&2
    return 1
}

stage() { # what is done, and the command that does it
    local began=$SECONDS
    printf '%s ' "$1"
    progress & ticker=$!
    trap 'kill $ticker 2>/dev/null || true' EXIT
    if ! "${@:2}" >>"$log" 2>&1; then
        printf 'failed. The end of %s:\n' "$log"
        tail -n 15 "$log"
        exit 1
    fi >&2
    kill $ticker 2>/dev/null || true
    echo "$((SECONDS - began)) s"
}

progress() { # how many packages have been looked at so far, where that has changed and pip says so; else a dot
    local seen=0 before=0
    while sleep 5 >/dev/null 2>&1; do
        seen=$(grep -c '^Collecting ' "$log" || true)
        if [ "$seen" = "$before" ]; then printf '. '; else printf '%s ' "$seen"; fi
        before=$seen
    done
}

mkdir -p "$venv" && : >"$log"
count=$(grep -c '^[a-z0-9].*==' "$wanted")
what="installing the $count packages of $wanted (only now, and when they change) ..."
if command -v uv >/dev/null; then
    [ -x "$venv/bin/python" ] || stage "making $venv ..." uv venv --allow-existing --python "$(python)" "$venv"
    stage "$what" uv pip install --require-hashes --python "$venv/bin/python" -r "$wanted"
else
    [ -x "$venv/bin/python" ] || stage "making $venv ..." "$(python)" -m venv "$venv"
    stage "$what" "$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes -r "$wanted"
fi
