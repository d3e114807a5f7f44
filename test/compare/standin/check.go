package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// answers are programs that ask a service, and what the service would say.
var answers = map[string]string{
	"redis-cli": "PONG", "valkey-cli": "PONG", "psql": "1", "pg_isready": "accepting connections", "mysqladmin": "mysqld is alive",
	"mariadb-admin": "mysqld is alive", "healthcheck.sh": "", "mongosh": "1", "mongo": "1", "clickhouse-client": "1", "clickhouse": "1",
	"rabbitmq-diagnostics": "Ping succeeded", "rabbitmqctl": "", "curl": "", "wget": "", "nc": "", "mysql": "1", "mariadb": "1",
	"nats": "", "mc": "", "cqlsh": "", "etcdctl": "", "kafka-topics": "", "kafka-broker-api-versions": "", "grpc_health_probe": "",
}

// check is a health check's program. curl, wget and nc ask in truth what they
// are told to ask; any other succeeds once the service of its container answers,
// or, where a service waits in its own script for another, at once.
func check(name string, args []string, role string) int {
	switch name {
	case "curl", "wget":
		return fetch(name, args)
	case "nc":
		return connect(args)
	}
	if role == "" && !answering() {
		fmt.Fprintln(os.Stderr, "stand-in: not yet")
		return 1
	}
	if a := answers[name]; a != "" {
		fmt.Println(a)
	}
	return 0
}

// withValue are options of curl and wget whose next word is theirs.
var withValue = []string{"-H", "--header", "--noproxy", "-X", "--request", "-u", "--user", "-m", "--max-time", "-w", "-d", "-T", "--tries", "--timeout", "-t"}

// fetch asks the first URL among the arguments and prints the answer, unless
// it is to go elsewhere.
func fetch(name string, args []string) int {
	url, quiet := "", false
	for i, a := range args {
		switch {
		case i > 0 && slices.Contains(withValue, args[i-1]):
		case strings.Contains(a, "://"):
			url = a
		case a == "-o" || a == "-O" || a == "--output":
			quiet = i+1 < len(args) && args[i+1] != "-"
		case a == "--spider" || a == "-O/dev/null" || a == "-qO/dev/null":
			quiet = true
		case url == "" && (a == "localhost" || strings.ContainsAny(a, ":./") && !strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "/")):
			url = "http://" + a
		}
	}
	client := &http.Client{Timeout: 5 * time.Second}
	r, err := client.Get(strings.Replace(url, "https://", "http://", 1)) // stand-ins speak no TLS
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		return 7
	}
	defer r.Body.Close()
	if !quiet {
		_, _ = io.Copy(os.Stdout, r.Body)
	}
	return 0
}

// connect is nc: the last two words that are no options are host and port.
func connect(args []string) int {
	var words []string
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			words = append(words, a)
		}
	}
	if len(words) < 2 {
		return 1
	}
	c, err := net.DialTimeout("tcp", net.JoinHostPort(words[len(words)-2], words[len(words)-1]), 3*time.Second)
	if err != nil {
		fmt.Fprintln(os.Stderr, "nc:", err)
		return 1
	}
	_ = c.Close()
	return 0
}
