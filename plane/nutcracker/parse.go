package nutcracker

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"nagi.dev/plane/config"
)

// A pool is one of the file, before it is converted.
type pool struct {
	name               string
	listen, hash, tag  string
	distribution, auth string
	redis, eject       bool
	preconnect         bool
	keepalive          bool
	reuseport          bool
	timeout            int // ms; -1: none
	backlog            int
	clients            int
	db                 int
	connections        int
	retry              int // ms
	failures           int
	servers            []server
	line, listenLine   int
	authLine, dbLine   int
}

// A server is one line of servers.
type server struct {
	address string // as in a document
	weight  int
	name    string // given; none: the address is its name
}

// Parse reads the text of a nutcracker.yml. differs says, a line each, what the
// plane does otherwise than twemproxy.
func Parse(b []byte) (c *config.Config, differs []string, err error) {
	if len(b) > config.MaxSize {
		return nil, nil, fmt.Errorf("%d bytes are more than %d", len(b), config.MaxSize)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, nil, err
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode || len(doc.Content[0].Content) == 0 {
		return nil, nil, errors.New("line 1: no pool: write NAME: and its keys below")
	}
	var r reader
	root := doc.Content[0].Content
	for i := 0; i+1 < len(root); i += 2 {
		r.pool(root[i], root[i+1])
	}
	r.together()
	if err := errors.Join(r.errs...); err != nil {
		return nil, nil, err
	}
	c, differs = convert(r.pools)
	return c, differs, c.Validate()
}

// A reader collects pools and faults.
type reader struct {
	pools []*pool
	errs  []error
}

func (r *reader) fault(line int, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("line %d: %s", line, fmt.Sprintf(format, args...)))
}

func (r *reader) pool(name, n *yaml.Node) {
	p := &pool{name: name.Value, line: name.Line, hash: "fnv1a_64", distribution: "ketama", timeout: -1, backlog: 512, connections: 1, retry: 30_000, failures: 2}
	if n.Kind != yaml.MappingNode {
		r.fault(n.Line, "%s: a pool is keys and values", p.name)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if seen[k.Value] {
			r.fault(k.Line, "%s.%s: is there twice", p.name, k.Value)
			continue
		}
		seen[k.Value] = true
		if err := p.set(k.Value, v); err != nil {
			r.fault(v.Line, "%s.%s: %v", p.name, k.Value, err)
		}
	}
	for _, k := range []string{"listen", "servers"} {
		if !seen[k] {
			r.fault(p.line, "%s.%s: is required", p.name, k)
		}
	}
	r.pools = append(r.pools, p)
}

// set takes one key.
func (p *pool) set(key string, v *yaml.Node) (err error) {
	switch key {
	case "listen":
		p.listenLine = v.Line
		p.listen, err = text(v)
	case "hash":
		p.hash, err = oneOf(v, config.Hashes[:len(config.Hashes)-1]) // xxh64 is not twemproxy's
	case "hash_tag":
		if p.tag, err = text(v); err == nil && len(p.tag) != 2 {
			err = fmt.Errorf("%q is not two characters", p.tag)
		}
	case "distribution":
		p.distribution, err = oneOf(v, []string{config.Ketama, config.Modula, config.Random})
	case "redis_auth":
		p.authLine = v.Line
		p.auth, err = text(v)
	case "redis_db":
		p.dbLine = v.Line
		p.db, err = number(v)
	case "timeout":
		p.timeout, err = number(v)
	case "backlog":
		p.backlog, err = number(v)
	case "client_connections":
		p.clients, err = number(v)
	case "server_connections":
		if p.connections, err = number(v); err == nil && p.connections == 0 {
			err = errors.New("must be above 0")
		}
	case "server_retry_timeout":
		p.retry, err = number(v)
	case "server_failure_limit":
		p.failures, err = number(v)
	case "servers":
		return p.setServers(v)
	default:
		return p.setBool(key, v)
	}
	return err
}

func (p *pool) setBool(key string, v *yaml.Node) error {
	to := map[string]*bool{
		"redis": &p.redis, "auto_eject_hosts": &p.eject, "preconnect": &p.preconnect, "tcpkeepalive": &p.keepalive, "reuseport": &p.reuseport,
	}[key]
	switch {
	case to == nil:
		return errors.New("twemproxy has no such key")
	case v.Value != "true" && v.Value != "false":
		return fmt.Errorf("%q is not true or false", v.Value)
	}
	*to = v.Value == "true"
	return nil
}

func text(v *yaml.Node) (string, error) {
	if v.Kind != yaml.ScalarNode || v.Value == "" {
		return "", errors.New("a text is due here")
	}
	return v.Value, nil
}

func number(v *yaml.Node) (int, error) {
	n, err := strconv.ParseUint(v.Value, 10, 31)
	if err != nil || v.Kind != yaml.ScalarNode {
		return 0, fmt.Errorf("%q is not a number", v.Value)
	}
	return int(n), nil
}

func oneOf(v *yaml.Node, all []string) (string, error) {
	if v.Kind != yaml.ScalarNode || !slices.Contains(all, v.Value) {
		return "", fmt.Errorf("%q is none of %s", v.Value, strings.Join(all, ", "))
	}
	return v.Value, nil
}

func (p *pool) setServers(v *yaml.Node) error {
	if v.Kind != yaml.SequenceNode || len(v.Content) == 0 {
		return errors.New("a list of servers is due here")
	}
	var errs []error
	for i, n := range v.Content {
		s, err := parseServer(n.Value)
		if err != nil {
			errs = append(errs, fmt.Errorf("line %d: servers[%d]: %w", n.Line, i, err))
		}
		p.servers = append(p.servers, s)
	}
	return errors.Join(errs...)
}

// parseServer reads host:port:weight or /path:weight, then perhaps a name.
func parseServer(line string) (s server, err error) {
	bad := fmt.Errorf("%q is not host:port:weight or /path:weight, and perhaps a name behind", line)
	rest := line
	if i := strings.LastIndexByte(line, ' '); i >= 0 {
		rest, s.name = line[:i], line[i+1:]
	}
	i := strings.LastIndexByte(rest, ':')
	if i <= 0 {
		return s, bad
	}
	if s.weight, err = strconv.Atoi(rest[i+1:]); err != nil || s.weight <= 0 {
		return s, fmt.Errorf("weight %q is no number above 0", rest[i+1:])
	}
	rest = rest[:i]
	if strings.HasPrefix(rest, "/") {
		s.address = "unix:" + rest
		return s, nil
	}
	i = strings.LastIndexByte(rest, ':')
	if i <= 0 {
		return s, bad
	}
	if port, err := strconv.ParseUint(rest[i+1:], 10, 16); err != nil || port == 0 {
		return s, fmt.Errorf("port %q is no number from 1 to 65535", rest[i+1:])
	}
	s.address = rest
	return s, nil
}

// together checks what one key alone does not tell.
func (r *reader) together() {
	listens, names := map[string]string{}, map[string]bool{}
	for _, p := range r.pools {
		if other := listens[p.listen]; other != "" && p.listen != "" {
			r.fault(p.listenLine, "%s.listen: pool %s listens there already", p.name, other)
		}
		if names[p.name] {
			r.fault(p.line, "%s: is there twice", p.name)
		}
		listens[p.listen], names[p.name] = p.name, true
		if p.auth != "" && !p.redis {
			r.fault(p.authLine, "%s.redis_auth: only a pool with redis: true has it", p.name)
		}
		if p.db != 0 && !p.redis {
			r.fault(p.dbLine, "%s.redis_db: only a pool with redis: true has it", p.name)
		}
	}
}
