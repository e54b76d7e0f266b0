#!/usr/bin/env bash
# Usage: release.sh RELEASE [RUN_ID]
# Deploys a release and announces how the deployment ended. To repeat a run, pass its
# RUN_ID. The script then deploys again. If the outcome is the same, the message is
# not posted again.
set -euo pipefail
cd "$(dirname "$0")"

release=$1
run_id=${2:-$(date -u +%Y%m%d-%H%M%S)-$$}
echo "Run $run_id"

outcome=success
./deploy.sh "$release" || outcome=failure

export TF_IN_AUTOMATION=true
export TF_VAR_release=$release TF_VAR_outcome=$outcome TF_VAR_run_id=$run_id
cd announce
terraform init -input=false >/dev/null
terraform apply -input=false -auto-approve -lock-timeout=10m

[ "$outcome" = success ]
