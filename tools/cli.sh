#!/usr/bin/env bash
# Finds a Terraform or OpenTofu CLI and runs a command with it.
#
#   tools/cli.sh                 print the CLI's path
#   tools/cli.sh COMMAND [ARG]   run COMMAND with TF_CLI (the path), TF_CLI_HOST
#                                (its default registry) and what
#                                terraform-plugin-testing reads, in an environment
#                                without the developer's own Terraform settings
#                                and Huawei Cloud credentials
#
# The CLI is $TF_CLI_PATH if set, else terraform, else tofu, else an OpenTofu
# built from tools/opentofu. So a missing CLI never skips a test.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

find_cli() {
  local cli
  if [ -n "${TF_CLI_PATH:-}" ]; then
    cli=$(command -v "$TF_CLI_PATH") || {
      echo "TF_CLI_PATH is set to $TF_CLI_PATH, which cannot be run." >&2
      return 1
    }
  elif cli=$(command -v terraform || command -v tofu); then
    :
  else
    # `go build` is its own cache: it does nothing when the binary is current.
    cli=$root/.cache/bin/tofu$(go env GOEXE)
    [ -x "$cli" ] || echo "No terraform or tofu on PATH: building OpenTofu. This takes minutes, once." >&2
    (cd "$root/tools/opentofu" && go build \
      -ldflags "-s -w -X github.com/opentofu/opentofu/version.dev=no" \
      -o "$cli" github.com/opentofu/opentofu/cmd/tofu) >&2
  fi
  echo "$(cd "$(dirname "$cli")" && pwd)/$(basename "$cli")"
}

TF_CLI=$(find_cli)
if [ $# -eq 0 ]; then
  echo "$TF_CLI"
  exit
fi

# Settings that a developer has for their own Terraform would change what runs here. Acceptance tests against the real service (TF_ACC) need the credentials.
for name in $(compgen -e); do
  case $name in
    TF_LOG* | TF_ACC*) ;;
    TF_*) [ "$name" = TF_CLI ] || unset "$name" ;;
    SERVICEREQUEST_* | HW_* | HUAWEICLOUD_* | OS_* | HC_CONTAINER_* | TFC_WORKLOAD_* | ACTIONS_ID_TOKEN_*) [ -n "${TF_ACC:-}" ] || unset "$name" ;;
  esac
done

export TF_CLI
export TF_CLI_CONFIG_FILE=$root/tools/cli.tfrc
export CHECKPOINT_DISABLE=1
export TF_IN_AUTOMATION=1
export TF_ACC_TERRAFORM_PATH=$TF_CLI
case $("$TF_CLI" version) in
  *OpenTofu*) export TF_CLI_HOST=registry.opentofu.org ;;
  *) export TF_CLI_HOST=registry.terraform.io ;;
esac
export TF_ACC_PROVIDER_HOST=$TF_CLI_HOST

exec "$@"
