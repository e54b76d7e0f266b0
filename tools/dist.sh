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
find . -mindepth 1 -maxdepth 1 ! -name '*.zip' ! -name '*.cdx.json' ! -name '*_manifest.json' ! -name '*_SHA256SUMS' -exec rm -r {} +
