#!/usr/bin/env bash
# Generates docs/ from the provider's schema, templates/ and examples/.
# Run through tools/cli.sh, with the tfplugindocs to use as the only argument.
set -euo pipefail

tfplugindocs=$1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

mkdir -p .cache
work=$(mktemp -d "$root/.cache/docs.XXXXXX")
trap 'rm -rf "$work"' EXIT

"$TF_CLI" fmt -recursive examples

go run ./internal/providerschema >"$work/schema.json"

for step in generate validate; do
  if ! "$tfplugindocs" "$step" --provider-name servicerequest \
    --providers-schema "$work/schema.json" >"$work/log" 2>&1; then
    cat "$work/log" >&2
    exit 1
  fi
done
