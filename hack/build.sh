# Builds the two programs. The carried programs come first: nagi embeds them.
. "$(dirname "$0")/env.sh"
need gcc libc6-dev libseccomp-dev pkg-config nftables

out=build/carried
files=engine/carried/files
mkdir -p "$out" bin
cni=github.com/containernetworking/plugins/plugins
set -- $cni/main/ptp $cni/ipam/host-local $cni/meta/portmap github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2
echo "building nagi-plane, the shim and the network plugins"
for p in "$@"; do go build -tags "$TAGS" -ldflags '-s -w' -o "$out/$(basename "$p")" "$p"; done
go build -ldflags "-s -w -X nagi.dev/internal/version.Version=$VERSION" -o "$out/nagi-plane" ./cmd/plane
go build -ldflags '-s -w' -o "$out/nagi-wall" nagi.dev/engine/cni/wall
echo "building runc"
# runc is the one program that needs C: it enters namespaces before Go starts.
CGO_ENABLED=1 go build -tags seccomp -ldflags '-s -w -linkmode external -extldflags -static' -o "$out/runc" github.com/opencontainers/runc 2>"$out/runc.log" ||
	{ cat "$out/runc.log" >&2; exit 1; }
go run ./engine/carried/pack "$files" "$out"/ptp "$out"/host-local "$out"/portmap "$out"/nagi-wall "$out"/containerd-shim-runc-v2 "$out"/nagi-plane "$out"/runc
cp "$out/nagi-plane" bin/nagi-plane
echo "building nagi (the first time takes ten minutes: it holds Kubernetes)"
kv=k8s.io/component-base/version
go build -tags "$TAGS" -o bin/nagi -ldflags "-s -w -X nagi.dev/internal/version.Version=$VERSION \
	-X $kv.gitVersion=v$KUBERNETES -X $kv.gitMajor=${KUBERNETES%%.*} -X $kv.gitMinor=$(echo "$KUBERNETES" | cut -d. -f2)" ${NAGI_MAIN:-./cmd/nagi}
echo "bin/nagi $(du -h bin/nagi | cut -f1), bin/nagi-plane $(du -h bin/nagi-plane | cut -f1)"
