package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// shop is a stack whose services all listen on port 80; each says its name.
const shop = `name: shop
x-service: &s
  image: busybox:latest
  pull_policy: never
  stop_grace_period: 0s
  command: sh -c "mkdir -p /tmp/www && hostname > /tmp/www/index.html && exec httpd -f -p 80 -h /tmp/www"
services:
  web: {<<: *s, networks: [front], ports: ["8077:80"]}
  app: {<<: *s, networks: [front, back], depends_on: [db]}
  db: {<<: *s, networks: {back: {aliases: [database]}}, depends_on: [cut]}
  plain: {<<: *s}
  twin: {<<: *s, networks: [default, partners]}
  cut: {<<: *s, network_mode: none}
  root: {<<: *s, network_mode: host, command: sleep 100000}
networks:
  front: {}
  back: {internal: true}
  partners: {name: partners}
`

const neighbour = `name: neighbour
services:
  asker: {image: "busybox:latest", pull_policy: never, stop_grace_period: 0s, command: sleep 100000}
  guest: {image: "busybox:latest", pull_policy: never, stop_grace_period: 0s, command: sleep 100000, networks: [partners]}
networks:
  partners: {external: true}
`

// TestNetworksOfAComposeFileAreWalls asks from inside of each service who can
// be reached.
func TestNetworksOfAComposeFileAreWalls(t *testing.T) {
	s := shared.use(t)
	for name, text := range map[string]string{"shop": shop, "neighbour": neighbour} {
		if err := s.WriteFile("/tmp/"+name+".yaml", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s.Run(t, s.nagi, "deploy", "--approximate", "-f", "/tmp/"+name+".yaml", "--timeout", "2m")
		t.Cleanup(func() { s.Try(t.Context(), s.nagi, "kubectl", "delete", "namespace", name, "--wait=false") })
	}
	l, err := shared.outside.Listen("tcp", "192.0.2.12:8078")
	if err != nil {
		t.Fatal(err)
	}
	world := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the world") }), ReadHeaderTimeout: time.Second}
	go world.Serve(l) //nolint:errcheck // it ends with the test
	t.Cleanup(func() { world.Close() })
	const outside, published = "192.0.2.12:8078", sharedAddress + ":8077"
	for _, tt := range []struct{ from, reaches, not string }{
		{"shop/web", "app web " + outside, "db database plain twin cut"},
		{"shop/app", "web db database " + outside, "plain cut"},
		{"shop/db", "app database", "plain " + outside + " " + published},
		{"shop/plain", "twin " + outside + " " + published, "app db cut"},
		{"shop/twin", "plain", "app db"},
		{"shop/cut", "", "PLAIN DB " + outside + " " + published},
		{"shop/root", "web.shop", ""},
		{"neighbour/asker", "web.shop " + published + " " + outside, "app.shop db.shop plain.shop twin.shop"},
		{"neighbour/guest", "twin.shop", "plain.shop"},
	} {
		t.Run(tt.from, func(t *testing.T) {
			space, service, _ := strings.Cut(tt.from, "/")
			for want, hosts := range map[bool]string{true: tt.reaches, false: tt.not} {
				for host := range strings.FieldsSeq(hosts) {
					if pod := strings.ToLower(host); pod != host { // by address: it knows no names
						host = s.kubectl(t, "-n", "shop", "get", "pods", "-l", "nagi.dev/service="+pod, "-o", "jsonpath={.items[0].status.podIP}")
					}
					s.becomes(t, want, space, "deploy/"+service, "http://"+host+"/")
				}
			}
		})
	}
	t.Run("a published port answers the world, the others do not", func(t *testing.T) {
		eventually(t, 10*time.Second, "the port answers", func() (string, bool) {
			code, out := shared.outside.Try(t.Context(), "curl", "-sf", "-m", "2", "http://"+published+"/")
			return out, code == 0
		})
	})
	t.Run("a stack that is deployed again changes nothing", func(t *testing.T) {
		before := s.kubectl(t, "-n", "shop", "get", "networkpolicies", "-o", "jsonpath={.items[*].metadata.resourceVersion}")
		s.Run(t, s.nagi, "deploy", "--approximate", "-f", "/tmp/shop.yaml", "--timeout", "2m")
		if after := s.kubectl(t, "-n", "shop", "get", "networkpolicies", "-o", "jsonpath={.items[*].metadata.resourceVersion}"); after != before {
			t.Errorf("policies were %s, are %s", before, after)
		}
	})
	if out := s.kubectl(t, "-n", "shop", "get", "networkpolicies", "-o", "name"); strings.Count(out, "networkpolicy") != 6 {
		t.Errorf("policies:\n%s", out)
	}
}
