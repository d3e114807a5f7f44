package redis

import (
	"fmt"
	"strconv"
	"strings"
)

// version is the Redis that the proxy says to be: clients decide by it what
// they send.
const version = "7.0.15"

// local serves what the proxy answers by itself.
func (c *client) local(cmd *command, req *request) {
	args := req.args
	switch cmd.name {
	case "PING":
		if len(args) > 1 {
			c.complete(c.nextSlot(), bulk(nil, args[1]))
			return
		}
		c.reply("+PONG\r\n")
	case "ECHO":
		c.complete(c.nextSlot(), bulk(nil, args[1]))
	case "QUIT":
		c.finish(c.nextSlot(), "+OK\r\n")
	case "SELECT":
		c.selectDatabase(args[1])
	case "SCAN":
		c.walk(cmd, req)
	case "CLIENT":
		c.client(args)
	case "COMMAND":
		if len(args) > 1 && strings.EqualFold(string(args[1]), "COUNT") {
			c.reply(fmt.Sprintf(":%d\r\n", len(commands)))
			return
		}
		c.reply("*0\r\n")
	case "INFO":
		c.complete(c.nextSlot(), bulk(nil, c.s.info()))
	case "HELLO":
		c.hello(args)
	case "AUTH":
		if !c.login(args[len(args)-1]) {
			return
		}
		c.reply("+OK\r\n")
	case "RESET":
		c.proto, c.name, c.known = 2, "", c.s.password == ""
		c.reply("+RESET\r\n")
	case "READONLY", "READWRITE":
		c.reply("+OK\r\n")
	case "CONFIG":
		c.config(args)
	case "ROLE":
		c.reply("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
	}
}

func (c *client) selectDatabase(name []byte) {
	if string(name) == strconv.Itoa(c.s.pool.database) {
		c.reply("+OK\r\n")
		return
	}
	c.fail(admin, fmt.Errorf("SELECT %.10s is refused: clients share connections, and those are at database %d", name, c.s.pool.database))
}

// login checks a password; it answers when it is wrong.
func (c *client) login(password []byte) bool {
	switch {
	case c.s.password == "":
		c.reply("-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n")
		return false
	case !equal(password, c.s.password):
		c.reply("-WRONGPASS invalid username-password pair or user is disabled.\r\n")
		return false
	}
	c.known = true
	return true
}

func (c *client) client(args [][]byte) {
	sub := ""
	if len(args) > 1 {
		sub = strings.ToUpper(string(args[1]))
	}
	switch {
	case sub == "ID":
		c.reply(fmt.Sprintf(":%d\r\n", c.id))
	case sub == "SETNAME" && len(args) == 3:
		c.name = string(args[2])
		c.reply("+OK\r\n")
	case sub == "GETNAME":
		c.complete(c.nextSlot(), bulk(nil, []byte(c.name)))
	case sub == "INFO" || sub == "LIST":
		c.complete(c.nextSlot(), bulk(nil, fmt.Appendf(nil, "id=%d addr=%s name=%s resp=%d\n", c.id, c.conn.Peer(), c.name, c.proto)))
	case sub == "SETINFO" || sub == "NO-EVICT" || sub == "NO-TOUCH" || sub == "REPLY" && len(args) == 3 && strings.EqualFold(string(args[2]), "ON"):
		c.reply("+OK\r\n")
	default:
		c.fail(admin, fmt.Errorf("CLIENT %.20s is refused: it concerns a connection to a shard, and clients share those", sub))
	}
}

// config says that nothing is configured: programs ask at their start.
func (c *client) config(args [][]byte) {
	if len(args) < 2 || !strings.EqualFold(string(args[1]), "GET") {
		c.fail(admin, fmt.Errorf("CONFIG is refused, but for GET: ask the shards themselves"))
		return
	}
	if c.proto == 3 {
		c.reply("%0\r\n")
		return
	}
	c.reply("*0\r\n")
}

// hello changes the protocol.
func (c *client) hello(args [][]byte) {
	proto, rest := c.proto, args[1:]
	if len(rest) > 0 {
		if s := string(rest[0]); s != "2" && s != "3" {
			c.reply("-NOPROTO unsupported protocol version\r\n")
			return
		}
		proto, rest = rest[0][0]-'0', rest[1:]
	}
	for len(rest) > 0 {
		switch word := strings.ToUpper(string(rest[0])); {
		case word == "AUTH" && len(rest) >= 3:
			if !c.login(rest[2]) {
				return
			}
			rest = rest[3:]
		case word == "SETNAME" && len(rest) >= 2:
			c.name, rest = string(rest[1]), rest[2:]
		default:
			c.reply("-ERR Syntax error in HELLO\r\n")
			return
		}
	}
	if !c.known {
		c.reply("-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time\r\n")
		return
	}
	c.proto = proto
	head := "*14\r\n"
	if proto == 3 {
		head = "%7\r\n"
	}
	c.reply(head + "$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n" + fmt.Sprintf("$%d\r\n%s\r\n", len(version), version) +
		fmt.Sprintf("$5\r\nproto\r\n:%d\r\n$2\r\nid\r\n:%d\r\n", proto, c.id) +
		"$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n")
}

// info is what INFO answers.
func (s *Service) info() []byte {
	b := fmt.Appendf(nil, "# Server\r\nredis_version:%s\r\nredis_mode:standalone\r\nproxy:nagi-plane\r\nlistener:%s\r\n", version, s.listener)
	b = fmt.Appendf(b, "# Clients\r\nconnected_clients:%d\r\n# Persistence\r\nloading:0\r\n# Replication\r\nrole:master\r\n# Shards\r\n", s.loop.Conns())
	for i, sh := range s.pool.shards {
		state := "up"
		if sh.down {
			state = "down"
		}
		b = fmt.Appendf(b, "shard%d:name=%s,address=%s,state=%s,requests=%d\r\n", i, sh.name, sh.address, state, sh.requests)
	}
	return b
}

// equal compares in a time that does not tell how much was right.
func equal(given []byte, password string) bool {
	wrong := len(given) ^ len(password)
	for i, b := range given {
		if len(password) > 0 {
			wrong |= int(b ^ password[i%len(password)])
		}
	}
	return wrong == 0
}
