#!/usr/bin/env bash
# Builds the files of a release with GoReleaser, and leaves nothing else in dist/.
#
#   tools/dist.sh [OPTION]...     options of `goreleaser release`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

goreleaser release --clean "$@"
cd dist
for sums in *_SHA256SUMS; do
  cp ../terraform-registry-manifest.json "${sums%SHA256SUMS}manifest.json"
done
rm -r ./*/ artifacts.json config.yaml metadata.json
