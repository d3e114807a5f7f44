# Installs what the tests need and runs all of them.
. "$(dirname "$0")/env.sh"
need curl iproute2 nftables nutcracker redis-server redis-tools memcached libmemcached-tools
sh hack/build.sh
sh hack/images.sh
export NAGI_BINARY="$PWD/bin/nagi" NAGI_IMAGES="$PWD/build/images"
sh hack/generate.sh --check
go test -tags "$TAGS" -timeout 40m "$@" ./... ./api/... ./engine/... ./cmd/...
sh hack/lint.sh
