# Runs the upstream conformance tests against bin/nagi on a machine of
# test/lab: hack/conformance.sh [-focus REGEXP] [-procs N] [-timeout 3h]
. "$(dirname "$0")/env.sh"
need mmdebstrap iproute2 nftables
go run -tags "$TAGS" ./engine/conformance -out build/conformance
go run -tags "$TAGS" ./engine/conformance/run "$@"
