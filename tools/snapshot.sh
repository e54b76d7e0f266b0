#!/usr/bin/env bash
# Builds the files of a release twice, each time from a copy of the work tree, and
# compares the bytes. Then it runs the commands of the guide "Verify a release", with
# a key made for this run, and the demo with the provider and the ticketsim from the
# archives of this machine's platform. The files stay in dist/.
#
#   tools/cli.sh tools/snapshot.sh VERSION [OS_ARCH,...]     (make snapshot)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

root=$PWD work=$(mktemp -d) only=${2:-.*}
version=$1 name=terraform-provider-servicerequest platform=$(go env GOOS)_$(go env GOARCH)
archive=$root/dist/${name}_${version}_${platform}.zip
export version name platform archive VERSION=$version LC_ALL=C

cleanup() {
  status=$?
  GNUPGHOME=$work/gnupg gpgconf --kill all 2>/dev/null || true
  rm -rf "$work"
  [ "$status" -eq 0 ] || echo "snapshot: failed" >&2
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

quietly() {
  "$@" >"$work/log" 2>&1 </dev/null || { cat "$work/log" >&2 && echo "snapshot: failed: $*" >&2 && exit 1; }
}
follow() { # the guide's commands under a heading
  commands=$(awk -v heading="## $1" '$0 == heading { under = 1 } under && /^```$/ { exit } on; under && /^```shell$/ { on = 1 }' \
    "$root/templates/guides/verify-a-release.md.tmpl")
  TMPDIR=$work quietly bash -eu -c "${commands:?the guide has none}"
}

sed -E "/^ +- (darwin|freebsd|linux|windows)_/{/- (${only//,/|})_/!d;}" .goreleaser.yml >"$work/goreleaser.yml"
for copy in 1 2; do
  echo "== Build $copy"
  git clone -q --no-checkout . "$work/$copy"
  tar --exclude ./.git --exclude ./.cache --exclude ./dist -cf - . | tar -xf - -C "$work/$copy"
  quietly "$work/$copy/tools/dist.sh" --snapshot --config "$work/goreleaser.yml"
done
diff -r "$work/1/dist" "$work/2/dist"
rm -rf dist
cp -R "$work/1/dist" dist

echo "== Check the list of checksums and the SBOMs"
cd dist
diff <(cut -c 67- ./*_SHA256SUMS) <(printf '%s\n' "$name"_*.zip "$name"_*_manifest.json | sort)
for zip in *.zip; do
  grep -qF "pkg:golang/stdlib@$(cat ../.go-version)?" "${zip%.zip}.cdx.json"
done

if command -v gpg >/dev/null; then
  echo "== Sign a copy with a key made for this run, and verify it as the guide says"
  mkdir -m 700 "$work/gnupg"
  gpg_here() { gpg --homedir "$work/gnupg" --batch --quiet --passphrase '' "$@"; }
  quietly gpg_here --quick-generate-key 'Snapshot <snapshot@localhost>' rsa3072 sign 1d
  cd "$work/1/dist"
  gpg_here --armor --export >signing-key.asc
  gpg_here --detach-sign ./*_SHA256SUMS
  follow "Check the signature and the checksums"
  grep -q 'Good signature' "$work/log"
else
  echo "== There is no gpg here: no signature is checked"
fi

if [ ! -f "$archive" ] || ! command -v unzip >/dev/null; then
  echo "== Done, but no archive was used: none is for this machine, or there is no unzip"
  exit
fi

echo "== Rebuild the binary with the guide's commands"
cd "$work/1"
follow "Rebuild the binary"

echo "== Install the archives, and run the demo with them"
cd "$root"
DIST=dist quietly tools/demo.sh
echo "== Done: dist/ has what a release of $version would have"
