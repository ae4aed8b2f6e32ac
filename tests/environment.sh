#!/usr/bin/env bash
# Make .venv and install the pinned packages of a requirements file: environment.sh PYTHON FILE
set -euo pipefail
python=$1 file=$2
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "Forerunner needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.12" >&2
  exit 2
fi
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  "$python" -m venv .venv || { echo "Python's venv is missing; on Debian: apt-get install python3-venv" >&2; exit 2; }
fi
echo "Installing the packages of $file …" >&2
# uv is ten times faster; where it cannot reach the packages, pip with its own configuration can.
if .venv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9 2>/dev/null \
  && .venv/bin/uv pip install --quiet --python .venv/bin/python -r "$file" 2>/dev/null; then
  exit 0
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$file"
