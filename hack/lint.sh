# Formatting and static checks, with the tools that tools/ pins.
. "$(dirname "$0")/env.sh"
rooms=$(git ls-files '*.go' | cut -d/ -f1 | sort -u | grep -v '\.go$')
gofumpt=$(GOWORK=off go -C tools tool -n gofumpt)
unformatted=$("$gofumpt" -l $rooms ./*.go)
[ -z "$unformatted" ] || { echo "gofumpt would change:"; echo "$unformatted"; exit 1; }
golangci=$(GOWORK=off go -C tools/lint tool -n golangci-lint)
for m in . api engine cmd; do (cd "$m" && nice -n 5 "$golangci" run --config "$OLDPWD/.golangci.yml" ./...); done
