# Makes the generated files anew; with --check it says what would change and
# leaves nothing changed.
. "$(dirname "$0")/env.sh"
gen() { (cd api && "$(cd ../tools && GOWORK=off go tool -n controller-gen)" object crd paths=./v1alpha1 output:crd:artifacts:config="$1/crds" output:object:dir="$1/v1alpha1"); }
mapping() { go run ./compose/mapping; }
if [ "${1-}" != --check ]; then
	gen .
	mapping >docs/compose.md.new && mv docs/compose.md.new docs/compose.md
	exit
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
gen "$out"
for f in "$out"/crds/*.yaml "$out"/v1alpha1/zz_generated.*; do
	diff -u "api/${f#"$out"/}" "$f" || { echo "generated files differ: run make generate" >&2; exit 1; }
done
mapping >"$out/compose.md"
diff -u docs/compose.md "$out/compose.md" || { echo "docs/compose.md differs from the table: run make generate" >&2; exit 1; }
