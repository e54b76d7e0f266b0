#!/usr/bin/env bash
# Builds the files of a release as the release workflow does and checks them. It
# builds them twice and compares the bytes, signs a copy with a key made for this
# run, runs the commands of the guide "Verify a release", and posts a message
# with the provider and the ticketsim from the archives of this machine's
# platform. The files stay in dist/, without signatures.
#
#   tools/cli.sh tools/snapshot.sh VERSION [OS_ARCH,...]     (make snapshot)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

version=$1
platforms=${2:-}
name=terraform-provider-servicerequest
platform=$(go env GOOS)_$(go env GOARCH)

# Other compilers make other bytes.
GOTOOLCHAIN=go$(cat .go-version)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export GOTOOLCHAIN SOURCE_DATE_EPOCH

work=$(mktemp -d)
mkdir -m 700 "$work/gnupg"
export GNUPGHOME=$work/gnupg
service=

cleanup() {
  status=$?
  trap - EXIT INT TERM
  if [ -n "$service" ]; then
    kill "$service" 2>/dev/null || true
    wait "$service" 2>/dev/null || true
  fi
  gpgconf --kill all 2>/dev/null || true
  rm -rf "$work"
  [ "$status" -eq 0 ] || echo "snapshot: failed" >&2
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
  echo "snapshot: $*" >&2
  exit 1
}

# The shell block of the guide under a heading.
block() {
  awk -v heading="## $1" '
    $0 == heading { under = 1 }
    under && /^```$/ { exit }
    printing
    under && /^```shell$/ { printing = 1 }
  ' "$root/templates/guides/verify-a-release.md.tmpl"
}

echo "== Build"
go build -C tools/release -o "$work/release$(go env GOEXE)" .
release() { "$work/release" "$1" -version "$version" -platforms "$platforms" "${@:2}"; }
release build
release check

echo "== Build again: from a copy of the files without the repository, with an empty cache"
mkdir "$work/copy"
tar --exclude ./.git --exclude ./.cache --exclude ./dist -cf - . | tar -xf - -C "$work/copy"
(cd "$work/copy" && GOCACHE=$work/cache release build >/dev/null)
diff -r dist "$work/copy/dist" || fail "the second build differs"

echo "== Sign with a key made for this run, and verify as the guide says"
if command -v gpg >/dev/null; then
  export PASSPHRASE=throw-away
  gpg_batch() { gpg --batch --quiet --pinentry-mode loopback --passphrase "$PASSPHRASE" "$@"; }
  gpg_batch --quick-generate-key 'Snapshot <snapshot@localhost>' rsa3072 sign 1d 2>"$work/gpg.log" || {
    cat "$work/gpg.log"
    exit 1
  }
  gpg --armor --export >"$work/copy/dist/signing-key.asc"
  GPG_PRIVATE_KEY=$(gpg_batch --armor --export-secret-keys) tools/sign.sh "$work/copy/dist"
  command -v sha256sum >/dev/null || sha256sum() { shasum -a 256 "$@"; } # macOS
  (
    cd "$work/copy/dist"
    export TMPDIR=$work LC_ALL=C
    eval "$(block "Check the signature and the checksums")" 2>gpg.log || {
      cat gpg.log
      exit 1
    }
    [ "$(grep -c 'Good signature' gpg.log)" -eq 2 ] || {
      cat gpg.log
      fail "the guide's commands did not verify both signatures"
    }
    gpgconf --kill all
    rm signing-key.asc gpg.log
  )
else
  echo "There is no gpg here: no signature is checked."
fi

case ,${platforms:-$platform}, in *",$platform,"*) ;; *)
  echo "== Done. No archive is for this machine: none was used."
  exit
  ;;
esac

command -v unzip >/dev/null || {
  echo "== Done. There is no unzip here: no archive was used."
  exit
}

echo "== Rebuild the binary with the guide's command"
(
  cd "$work/copy"
  # shellcheck disable=SC2034 # the guide's commands read it
  archive=$root/dist/${name}_${version}_${platform}.zip
  eval "$(block "Rebuild the binary")"
  [ -s rebuilt ] || fail "the guide's commands built nothing"
)

echo "== Install the archive, and post a message with it"
host_dir=$work/mirror/$TF_CLI_HOST/seed-9e648b51/servicerequest
mkdir -p "$host_dir" "$work/deploy/tmp" "$work/ticketsim"
cp "dist/${name}_${version}_${platform}.zip" "$host_dir/"
unzip -q "dist/ticketsim_${version}_${platform}.zip" -d "$work/ticketsim"
ticketsim=$work/ticketsim/ticketsim$(go env GOEXE)
[ "$("$ticketsim" -version)" = "ticketsim $version" ] || fail "ticketsim does not have the version $version"

TICKETSIM_TOKEN=snapshot-$$-$RANDOM
export TICKETSIM_TOKEN
"$ticketsim" -addr-file "$work/url" -case TT1=Snapshot >/dev/null &
service=$!
for _ in $(seq 100); do
  [ -s "$work/url" ] && break
  sleep 0.1
done
url=$(cat "$work/url") || fail "ticketsim did not start"

cat >"$work/cli.tfrc" <<EOF
provider_installation {
  filesystem_mirror {
    path = "$work/mirror"
  }
}
EOF
cat >"$work/deploy/main.tf" <<EOF
terraform {
  required_providers {
    servicerequest = {
      source  = "seed-9e648b51/servicerequest"
      version = "$version"
    }
  }
}

resource "servicerequest_case_message" "this" {
  case_id = "TT1"
  content = "Posted by the archive of $version."
}
EOF
(
  cd "$work/deploy"
  # Plugins put their sockets into TMPDIR, and the path of a socket must be short.
  export TMPDIR=tmp TF_CLI_CONFIG_FILE=$work/cli.tfrc SERVICEREQUEST_ENDPOINT=$url SERVICEREQUEST_TOKEN=$TICKETSIM_TOKEN
  "$TF_CLI" init -no-color >init.log || {
    cat init.log
    exit 1
  }
  "$TF_CLI" apply -no-color -auto-approve >apply.log || {
    cat apply.log
    exit 1
  }
  grep version .terraform.lock.hcl | grep -qF "\"$version\"" || fail "the lock file does not name $version"
)
"$ticketsim" thread -url "$url" TT1 | grep -qF "Posted by the archive of $version." || fail "the message is not on the ticket"

echo "== Done: dist/ has what a release of $version would have."
