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

go build -o "$work/terraform-provider-servicerequest$(go env GOEXE)" .
cat >"$work/cli.tfrc" <<EOF
provider_installation {
  dev_overrides {
    "$TF_CLI_HOST/seed-9e648b51/servicerequest" = "$work"
  }
}
EOF
cat >"$work/main.tf" <<EOF
terraform {
  required_providers {
    servicerequest = {
      source = "seed-9e648b51/servicerequest"
    }
  }
}
EOF

# tfplugindocs looks the provider up by its short name or under hashicorp/ only.
(cd "$work" && TF_CLI_CONFIG_FILE=$work/cli.tfrc "$TF_CLI" providers schema -json) |
  sed "s,\"$TF_CLI_HOST/seed-9e648b51/servicerequest\":,\"servicerequest\":," \
    >"$work/schema.json"

for step in generate validate; do
  if ! "$tfplugindocs" "$step" --provider-name servicerequest \
    --providers-schema "$work/schema.json" >"$work/log" 2>&1; then
    cat "$work/log" >&2
    exit 1
  fi
done
