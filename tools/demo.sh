#!/usr/bin/env bash
# Shows the provider at work on this machine: a simulated ticket service, the
# provider installed as if from a registry, and two releases announced on a
# ticket, while an answer and the state are lost. Every claim is checked. The
# first that is wrong ends the demo with an error.
#
# Run through tools/cli.sh (make demo). All files are in .cache/ and are removed.
# tools/snapshot.sh sets DIST and VERSION, to show the archives of a release.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

case_id=TT201801020526
version=${VERSION:-0.1.0}
platform=$(go env GOOS)_$(go env GOARCH)
mirror=$TF_CLI_HOST/seed-9e648b51/servicerequest

mkdir -p .cache
work=$(mktemp -d "$root/.cache/demo.XXXXXX")
mkdir -p "$work/deploy/tmp" "$work/mirror/$mirror"
service=

cleanup() {
  status=$?
  trap - EXIT INT TERM
  if [ -n "$service" ]; then
    kill "$service" 2>/dev/null || true
    wait "$service" 2>/dev/null || true
  fi
  rm -rf "$work"
  [ "$status" -eq 0 ] || echo "demo: failed" >&2
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

bold='' plain=''
if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi
step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }

fail() {
  echo "demo: $*" >&2
  [ ! -s "$work/output" ] || cat "$work/output" >&2
  exit 1
}

# Of the CLI's output, the lines that tell what was done, and the diagnostics without
# the place in the configuration.
brief() {
  awk '
    /^(Apply|Destroy) complete|^No changes|^Outputs:/ { diagnostic = 0 }
    /^(Warning|Error): / { diagnostic = 1 }
    /^  (with|on) |^ +[0-9]+: / { next }
    diagnostic { if (NF) { print "    " $0 } next }
    / complete after |^(Apply|Destroy) complete|^No changes/ { sub(/ \[id=.*/, ""); print "    " $0 }
    /^  "TT.* = "/ { sub(/^ +/, ""); print "    confirmed_by: " $0 }
  '
}

cli() { # COMMAND RELEASE RUN_ID
  set -- "$1" -var "release=$2" -var "run_id=$3"
  printf '$ %s %s\n' "$(basename "$TF_CLI")" "$*"
  case $1 in
    plan) set -- "$@" -detailed-exitcode ;;
    *) set -- "$@" -auto-approve ;;
  esac
  (cd "$work/deploy" && "$TF_CLI" "$@" -no-color) >"$work/output" 2>&1 && code=0 || code=$?
  brief <"$work/output"
  return "$code"
}

ticketsim() { # COMMAND [ARG]
  printf '$ ticketsim %s\n' "$*"
  command=$1 && shift
  "$work/ticketsim" "$command" -url "$url" "$@" >"$work/thread"
  sed 's/^./    &/' "$work/thread"
}

requests() { "$work/ticketsim" requests -url "$url"; }

shows() { # TEXT that the output of the CLI has
  grep -qF -- "$1" "$work/output" || fail "the output should have: $1"
}

on_ticket() { # COUNT of messages about RELEASE with the key of RUN_ID
  [ "$("$work/ticketsim" thread -url "$url" "$case_id" | grep -c "^ *\[deploy $3 success\] Release $2 is live")" -eq "$1" ] ||
    fail "the ticket should have exactly $1 message(s) about release $2"
}

posts() {
  requests | grep -qx "submit $1" || fail "the service should have had exactly $1 submit(s); its requests: $(requests | tr '\n' ' ')"
}

cli_version=$("$TF_CLI" version | sed -n 1p)
printf '%s== With %s: get the provider and a simulated ticket service%s\n' "$bold" "$cli_version" "$plain"
export TMPDIR=$work
if [ -n "${DIST:-}" ]; then
  cp "$DIST/terraform-provider-servicerequest_${version}_$platform.zip" "$work/mirror/$mirror/"
  unzip -q "$DIST/ticketsim_${version}_$platform.zip" -d "$work"
else
  CGO_ENABLED=0 go build -ldflags "-s -w -X main.version=$version" -o "$work/" . ./internal/simulator/cmd/ticketsim
  mkdir -p "$work/mirror/$mirror/$version/$platform"
  mv "$work/terraform-provider-servicerequest" "$work/mirror/$mirror/$version/$platform/terraform-provider-servicerequest_v$version"
fi

TICKETSIM_TOKEN=demo-$$-$RANDOM
export TICKETSIM_TOKEN
"$work/ticketsim" -addr-file "$work/url" -case "$case_id=Connection resets since the last maintenance" >/dev/null &
service=$!
for _ in $(seq 100); do
  [ -s "$work/url" ] && break
  kill -0 "$service" 2>/dev/null || fail "the service did not start"
  sleep 0.1
done
url=$(cat "$work/url") || fail "the service took too long to start"

# Plugins put their sockets into TMPDIR, and the path of a socket must be short:
# a path relative to the CLI's folder always is.
export TMPDIR=tmp
export TF_CLI_CONFIG_FILE=$work/cli.tfrc
export SERVICEREQUEST_ENDPOINT=$url
export SERVICEREQUEST_TOKEN=$TICKETSIM_TOKEN
cat >"$TF_CLI_CONFIG_FILE" <<EOF
provider_installation {
  filesystem_mirror {
    path = "$work/mirror"
  }
}
EOF
cp examples/guides/pipelines/announce/main.tf "$work/deploy/"

(cd "$work/deploy" && "$TF_CLI" init -no-color) >"$work/output" 2>&1 || fail "init failed"

step "Announce release 1.4.0 (examples/guides/pipelines/announce): the answer is lost"
ticketsim faults lost-answer@1
cli apply 1.4.0 4711 || fail "the apply failed"
shows '"check"'
posts 1
echo "The provider checked the ticket, found the message, and did not send it again:"
ticketsim thread "$case_id"
on_ticket 1 1.4.0 4711

step "Plan again: no changes, and no request"
before=$(requests)
cli plan 1.4.0 4711 || fail "the plan is not empty"
[ "$(requests)" = "$before" ] || fail "the plan made a request"

step "Lose the state, and apply again: the key finds the message, and nothing is sent"
rm "$work/deploy/terraform.tfstate"
cli apply 1.4.0 4711 || fail "the apply failed"
shows 'Warning: The ticket already has this message'
posts 1

step "Send another text under the same key: an error, and nothing is sent"
! cli apply 1.4.1 4711 || fail "the apply should fail"
shows 'and a different text'
posts 1

step "Announce release 1.4.1 with the key of its own run"
cli apply 1.4.1 4712 || fail "the apply failed"
! grep -q Warning "$work/output" || fail "the apply should not warn"
posts 2

step "Destroy: a warning says that the message stays, and it does"
before=$(requests)
cli destroy 1.4.1 4712 || fail "the destroy failed"
case $cli_version in
  "Terraform v1."[012].*) echo "    (No warning: Terraform before 1.3 does not ask a provider about a destroy.)" ;;
  *) shows 'Warning: The message stays on the ticket' ;;
esac
[ "$(requests)" = "$before" ] || fail "the destroy made a request"
ticketsim thread "$case_id"
on_ticket 1 1.4.0 4711
on_ticket 1 1.4.1 4712

step "Done: 2 releases, 2 messages, 2 submits. Everything is cleaned up."
