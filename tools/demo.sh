#!/usr/bin/env bash
# Shows the provider at work on this machine: a simulated ticket service, the
# provider installed as if from a registry, and two releases announced on a
# ticket. Every claim is checked. The first that is wrong ends the demo with an
# error.
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
step() { printf '\n%s== %s%s\n\n' "$bold" "$*" "$plain"; }

fail() {
  echo "demo: $*" >&2
  exit 1
}

# The CLI's output is shown without its frames and runs of empty lines.
cli() {
  printf '$ %s %s\n' "$(basename "$TF_CLI")" "$*"
  (cd "$work/deploy" && "$TF_CLI" "$@" -no-color) 2>&1 | tee "$work/output" | cat -s
}

thread() {
  printf '$ ticketsim thread %s\n' "$case_id"
  "$work/ticketsim" thread -url "$url" "$case_id" | tee "$work/thread"
}

requests() { "$work/ticketsim" requests -url "$url"; }

expect() { # COUNT of messages that announce RELEASE, on the thread just shown
  [ "$(grep -c "Release $2 is live" "$work/thread")" -eq "$1" ] ||
    fail "the ticket should have exactly $1 message(s) about release $2"
}

expect_posts() {
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

step "Start the service with one ticket"
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
echo "It listens at $url and accepts one token."
echo
thread

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

step "Announce release 1.4.0 (examples/guides/pipelines/announce)"
cli init >"$work/init" || {
  cat "$work/init"
  fail "init failed"
}
cli apply -auto-approve -var release=1.4.0 -var run_id=4711
expect_posts 1

step "Show the ticket: the provider put the key in front of the text"
thread
expect 1 1.4.0
grep -qF "[deploy 4711 success] Release 1.4.0" "$work/thread" || fail "the message should begin with its key"

step "Plan again: no changes, and no request"
before=$(requests)
cli plan -detailed-exitcode -var release=1.4.0 -var run_id=4711 || fail "the plan is not empty"
[ "$(requests)" = "$before" ] || fail "the plan made a request"

step "Announce release 1.4.1"
cli apply -auto-approve -var release=1.4.1 -var run_id=4712
! grep -q Warning "$work/output" || fail "the apply should not warn"
expect_posts 2
echo
thread
expect 1 1.4.0
expect 1 1.4.1

step "Lose the state and apply again: the ticket already has the message"
rm "$work/deploy/terraform.tfstate"
cli apply -auto-approve -var release=1.4.1 -var run_id=4712
grep -q 'Warning: The ticket already has this message' "$work/output" || fail "the provider did not find the message on the ticket"
expect_posts 2

step "Destroy: a warning says that the messages stay, and they do"
before=$(requests)
cli destroy -auto-approve -var release=1.4.1 -var run_id=4712
case $cli_version in
  "Terraform v1."[012].*) echo "(No warning: Terraform before 1.3 does not ask a provider about a destroy.)" ;;
  *) grep -q 'Warning: .*stays on the ticket' "$work/output" || fail "the destroy did not warn that the message stays" ;;
esac
[ "$(requests)" = "$before" ] || fail "the destroy made a request"
echo
thread
expect 1 1.4.0
expect 1 1.4.1

step "Done: 2 releases, 2 messages, 2 submits. Everything is cleaned up."
