#!/usr/bin/env bash
# deploy/install.sh <venv> base|dev|bench: exactly the packages of requirements/<name>.txt, hashes checked.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1 wanted=requirements/$2.txt

python() { # the newest that is new enough
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

echo "setting up $venv from $wanted (only the first time, and when it changes)"
if command -v uv >/dev/null; then
    [ -x "$venv/bin/python" ] || uv venv --quiet --python "$(python)" "$venv"
    uv pip install --quiet --require-hashes --python "$venv/bin/python" -r "$wanted"
else
    [ -x "$venv/bin/python" ] || "$(python)" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$wanted"
fi
