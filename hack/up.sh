# The main job: a cluster on this machine, and the voting application on it.
. "$(dirname "$0")/env.sh"
need curl
bin/nagi up
bin/nagi image import build/images/redis.tar build/images/postgres.tar build/images/voting.tar >/dev/null
bin/nagi deploy -f examples/voting/compose.yaml
echo
echo "vote at http://127.0.0.1:8080/, see the result at http://127.0.0.1:8081/"
