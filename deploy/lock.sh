#!/usr/bin/env bash
# deploy/lock.sh <venv>: pyproject.toml -> requirements/*.txt. Hashes, and no address of any registry.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v uv >/dev/null; then
    [ -x "$1/lock/bin/uv" ] || { python3 -m venv "$1/lock" && "$1/lock/bin/pip" install --quiet uv; }
    PATH=$1/lock/bin:$PATH
fi

compile() {
    uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" \
        pyproject.toml "$@"
}

compile -o requirements/base.txt
compile --extra stripe -o requirements/stripe.txt
compile --extra stripe --extra dev -o requirements/dev.txt
compile --extra docs -o requirements/docs.txt
compile --extra stripe --extra dev --extra bench -o requirements/bench.txt
