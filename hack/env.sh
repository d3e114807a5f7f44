# What every script here shares. One cgo setting for all: two compile
# Kubernetes twice.
set -eu
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
TAGS=no_btrfs,no_zfs,no_devmapper
VERSION=${VERSION:-$(cat VERSION)}
KUBERNETES=$(sed -n 's/^\tk8s.io\/kubernetes v\([0-9.]*\).*/\1/p' engine/go.mod)

# need PACKAGE...: installs the Debian packages that are missing.
need() {
	missing=
	for p in "$@"; do dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok' || missing="$missing $p"; done
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null || { echo "install$missing and try again" >&2; exit 1; }
	echo "installing$missing" >&2
	log=$(mktemp)
	{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1 ||
		{ tail -n 20 "$log" >&2; rm -f "$log"; exit 1; }
	rm -f "$log"
}
