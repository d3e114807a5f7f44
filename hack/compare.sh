# Deploys the applications in the folders APPS with Nagi and with kompose, and
# prints who honours how much of their files. Results stay in build/compare.
. "$(dirname "$0")/env.sh"
KOMPOSE=${KOMPOSE:-1.38.0}
out=build/compare
[ -n "${APPS:-}" ] || { echo 'name folders that hold compose files: make compare APPS="path/to/app another"' >&2; exit 2; }
mkdir -p "$out/kompose"
if [ ! -x "$out/kompose/kompose" ]; then
	echo "building kompose $KOMPOSE"
	printf 'module compare\n\ngo 1.26\n\nrequire github.com/kubernetes/kompose v%s\n' "$KOMPOSE" >"$out/kompose/go.mod"
	(cd "$out/kompose" && GOWORK=off GOFLAGS=-mod=mod go build -o kompose github.com/kubernetes/kompose)
fi
# shellcheck disable=SC2086 # the folders are words
go run ./test/compare -kompose "$PWD/$out/kompose/kompose" -out "$out" $APPS
