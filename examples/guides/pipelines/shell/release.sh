#!/usr/bin/env bash
# release.sh RELEASE [RUN_ID]: deploys a release and announces how that ended.
# To repeat a run, give its RUN_ID. That deploys again, too. The message is not
# posted again if the outcome is the same.
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
