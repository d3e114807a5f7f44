# Assembles the images of the examples and the tests from Debian packages.
. "$(dirname "$0")/env.sh"
go run ./test/images -out build/images "$@"
