package main

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// A peer is one proxy: its command, given the folder of its files.
type peer struct {
	name string
	port int
	env  []string
	args func(dir string) []string
}

const (
	originA = 18001
	originB = 18002
)

// All have what a router has in earnest: two endpoints, the less busy of two,
// keep-alive both ways, timeouts, retries, the client's address, no access log.
func (b *bench) peers() []peer {
	self, _ := os.Executable()
	return []peer{
		{name: "nagi", port: 18100, args: func(dir string) []string {
			return []string{b.plane, "proxy", "--admin", "off", "--config", filepath.Join(dir, "nagi.json")}
		}},
		{name: "haproxy", port: 18200, args: func(dir string) []string { return []string{"haproxy", "-f", filepath.Join(dir, "haproxy.cfg")} }},
		{name: "nginx", port: 18300, args: func(dir string) []string { return nginx(dir, "nginx.conf") }},
		{name: "ReverseProxy", port: 18400, env: []string{"GOMAXPROCS=1"}, args: func(string) []string {
			return []string{self, "reverse", "127.0.0.1:18400", fmt.Sprint("127.0.0.1:", originA)}
		}},
	}
}

func nginx(dir, conf string) []string {
	return []string{"nginx", "-p", dir, "-c", filepath.Join(dir, conf), "-e", "stderr"}
}

const nginxHead = `daemon off; master_process off; worker_processes 1; error_log /dev/null; pid DIR/NAME.pid;
events { worker_connections 20000; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; sendfile on; tcp_nodelay on;
client_body_temp_path DIR/t1; proxy_temp_path DIR/t2; fastcgi_temp_path DIR/t3; uwsgi_temp_path DIR/t4; scgi_temp_path DIR/t5;
`

var files = map[string]string{
	"origin.conf": nginxHead + `server { listen 127.0.0.1:18001 backlog=4096; listen 127.0.0.1:18002 backlog=4096; root DIR/www; } }`,
	"nginx.conf": nginxHead + `upstream o { random two least_conn; server 127.0.0.1:18001; server 127.0.0.1:18002; keepalive 256; keepalive_requests 1000000000; }
server { listen 127.0.0.1:18300 backlog=4096; location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection "";
proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto http; proxy_set_header X-Forwarded-Host $host;
proxy_buffers 16 32k; proxy_buffer_size 32k; proxy_busy_buffers_size 64k; proxy_max_temp_file_size 0; proxy_read_timeout 15s; proxy_connect_timeout 1s; } } }`,
	"haproxy.cfg": `global
  nbthread 1
  maxconn 8000
  tune.bufsize 131072
defaults
  mode http
  timeout client 1h
  timeout server 15s
  timeout connect 1s
  timeout http-request 10s
  retries 2
  option redispatch
  option forwardfor
  http-reuse always
frontend f
  bind 127.0.0.1:18200 backlog 4096
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend o
backend o
  balance random(2)
  server a 127.0.0.1:18001 check inter 2s
  server b 127.0.0.1:18002 check inter 2s
`,
	"nagi.json": `{"listeners": [{"name": "web", "address": "127.0.0.1:18100", "protocol": "http", "routes": [
  {"arms": [{"pool": "a", "weight": 9}, {"pool": "b"}], "retry": {}, "timeout": "15s"}]}],
"pools": [{"name": "a", "endpoints": [{"address": "127.0.0.1:18001"}, {"address": "127.0.0.1:18002"}], "health": {"active": {}}},
  {"name": "b", "endpoints": [{"address": "127.0.0.1:18001"}, {"address": "127.0.0.1:18002"}], "health": {"active": {}}}]}`,
}

// sizes of the bodies, by the name of their file.
var sizes = map[string]int{"0": 0, "1k": 1 << 10, "100k": 100 << 10}

// lay writes the files of all into dir.
func lay(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "www"), 0o755); err != nil {
		return err
	}
	for name, text := range files {
		text = strings.NewReplacer("DIR", dir, "NAME", name).Replace(text)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for name, size := range sizes {
		if err := os.WriteFile(filepath.Join(dir, "www", name), []byte(strings.Repeat("n", size)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// reverse is the peer that the standard library makes.
func reverse(listen, origin string) {
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: origin})
	p.Transport = &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true}
	log.Fatal(http.ListenAndServe(listen, p)) //nolint:gosec // a peer on loopback
}
