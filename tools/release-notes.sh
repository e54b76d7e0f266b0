#!/usr/bin/env bash
# Prints what CHANGELOG.md says of a version, and fails if that version has no
# date there, as in "## 0.1.0 (2027-01-31)".
#
#   tools/release-notes.sh VERSION
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

awk -v version="$1" '
  $1 == "##" { inside = $2 == version && $3 ~ /^\([0-9]+-[0-9]+-[0-9]+\)$/; found = found || inside; next }
  inside
  END { if (!found) { print "CHANGELOG.md has no dated section for " version > "/dev/stderr"; exit 1 } }
' CHANGELOG.md
