#!/usr/bin/env bash
# Signs the lists of checksums in a directory, as the registries ask for it:
# detached, binary, with an RSA or DSA key. It makes FILE.sig for each.
#
#   GPG_PRIVATE_KEY=... PASSPHRASE=... tools/sign.sh DIR
#
# The key is ASCII-armored. It is imported into a keyring that goes again.
set -euo pipefail

dir=$1
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
trap 'gpgconf --kill all || true; rm -rf "$GNUPGHOME"' EXIT

gpg --batch --quiet --import <<<"$GPG_PRIVATE_KEY"
algorithm=$(gpg --batch --list-keys --with-colons | awk -F: '$1 == "pub" { print $4; exit }')
case $algorithm in
  1 | 17) ;; # RSA, DSA
  *)
    echo "sign: Terraform's registry takes RSA and DSA keys only; this one has the OpenPGP algorithm $algorithm." >&2
    exit 1
    ;;
esac

for list in "$dir"/*_SHA256SUMS "$dir"/extras_checksums.txt; do
  gpg --batch --quiet --yes --pinentry-mode loopback --passphrase-fd 3 \
    --output "$list.sig" --detach-sign "$list" 3<<<"$PASSPHRASE"
  gpg --batch --trust-model always --verify "$list.sig" "$list" 2>"$GNUPGHOME/log" || {
    cat "$GNUPGHOME/log" >&2
    exit 1
  }
done
