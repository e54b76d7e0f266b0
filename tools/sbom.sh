#!/usr/bin/env bash
# Writes the SBOM of a binary: the modules whose code is in it, and Go's library.
# .goreleaser.yml runs it, with the cyclonedx-gomod on PATH.
#
#   tools/sbom.sh VERSION BINARY DOCUMENT
set -euo pipefail

# Vulnerability scanners know Go's library as "stdlib 1.26.8", not as the "std go1.26.8"
# of cyclonedx-gomod. The hashes of cyclonedx-gomod itself go: it differs on each system.
cyclonedx-gomod bin -json -std -noserial -notimestamp -version "$1" "$2" | sed \
  -e 's|golang/std@go|golang/stdlib@|' \
  -e 's|"name": "std"|"name": "stdlib"|' \
  -e 's|"version": "go1|"version": "1|' \
  -e '1,/"component": {/{/"hashes": \[/,/\],/d;}' >"$3"
