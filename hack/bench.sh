# Measures the server, then the data plane beside its peers: bench/latest.json.
. "$(dirname "$0")/env.sh"
need nutcracker redis-server redis-tools
go run ./test/bench "$@"
go run ./test/bench/plane redis
