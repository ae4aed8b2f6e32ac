#!/usr/bin/env bash
# Find a Chromium and a PostgreSQL server for the tests (install Debian's when root), then run the command given.
set -euo pipefail
install() {
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing $* …" >&2
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >/dev/null 2>&1
  else
    return 1
  fi
}
find_chromium() {
  local own
  command -v chromium || command -v chromium-browser || command -v google-chrome && return 0
  own=$(.venv/bin/python -c 'from playwright.sync_api import sync_playwright as s
with s() as p: print(p.chromium.executable_path)' 2>/dev/null) && [ -x "$own" ] && echo "$own"
}
find_postgres() {
  command -v initdb && return 0
  ls /usr/lib/postgresql/*/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb 2>/dev/null | tail -n 1 | grep .
}
if ! CHROMIUM=$(find_chromium | head -n 1) || [ -z "$CHROMIUM" ]; then
  install chromium fonts-dejavu-core || true
  CHROMIUM=$(find_chromium | head -n 1) || { echo "The browser tests need Chromium: install it, or run .venv/bin/playwright install chromium" >&2; exit 2; }
fi
if ! POSTGRES=$(find_postgres | head -n 1) || [ -z "$POSTGRES" ]; then
  install postgresql || true
  POSTGRES=$(find_postgres | head -n 1) || { echo "The store's tests need a PostgreSQL server: install the package postgresql" >&2; exit 2; }
fi
export CHROMIUM POSTGRES_BIN="$(dirname "$POSTGRES")"
exec "$@"
