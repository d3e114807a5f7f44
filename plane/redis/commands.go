package redis

import "strings"

// A way is how a command is served.
type way uint8

const (
	refused  way = iota
	single       // as it is, by the shard of its keys
	split        // its keys may be of several shards
	blocking     // like single, on a connection of its own
	local        // by the proxy
	state        // changes the state of a connection: transactions, subscriptions
	anyShard     // has no key, and any shard may answer
	everyOne     // to all shards; the replies are equal or added up
)

// A class is what figures are kept by.
type class uint8

const (
	reads class = iota
	writes
	scripts
	transactions
	pubsub
	admin
	unknown
	classes
)

var classNames = [classes]string{"read", "write", "script", "transaction", "pubsub", "admin", "refused"}

// A command is what is known of one. Keys stand at first, first+step … last;
// last counts from the end when it is below zero.
type command struct {
	name              string
	way               way
	class             class
	first, last, step int
	least             int    // arguments, with the name
	numKeys           int    // where the number of keys stands, before the keys; 0: nowhere
	why               string // it is refused
}

// commands are those that are known: short ones by their packed name, all by name.
var (
	commands = map[string]*command{}
	packed   = map[uint64]*command{}
)

func init() {
	keys := func(w way, c class, first, last, step, least int, names string) {
		for _, n := range strings.Fields(names) {
			add(&command{name: n, way: w, class: c, first: first, last: last, step: step, least: least})
		}
	}
	keys(single, reads, 1, 1, 1, 2, `GET STRLEN TYPE TTL PTTL EXPIRETIME PEXPIRETIME DUMP HGETALL HKEYS HLEN HVALS LLEN SCARD SMEMBERS
		ZCARD XLEN HRANDFIELD SRANDMEMBER ZRANDMEMBER BITCOUNT SORT_RO GEOHASH GEOPOS HSCAN SSCAN ZSCAN`)
	keys(single, reads, 1, 1, 1, 3, `GETBIT GETRANGE SUBSTR HEXISTS HGET HMGET HSTRLEN LINDEX LPOS LRANGE SISMEMBER SMISMEMBER ZCOUNT
		ZLEXCOUNT ZMSCORE ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCORE BITPOS
		BITFIELD_RO GEODIST GEORADIUS_RO GEORADIUSBYMEMBER_RO GEOSEARCH XPENDING XRANGE XREVRANGE HTTL HPTTL`)
	keys(single, writes, 1, 1, 1, 2, `DECR INCR GETDEL GETEX PERSIST LPOP RPOP SPOP PFADD ZPOPMAX ZPOPMIN SORT XTRIM`)
	keys(single, writes, 1, 1, 1, 3, `SET APPEND DECRBY INCRBY INCRBYFLOAT GETSET PSETEX SETEX SETBIT SETNX SETRANGE BITFIELD EXPIRE
		EXPIREAT PEXPIRE PEXPIREAT RESTORE HDEL HINCRBY HINCRBYFLOAT HMSET HSET HSETNX HEXPIRE HPEXPIRE HPERSIST LINSERT LPUSH LPUSHX
		LREM LSET LTRIM RPUSH RPUSHX SADD SREM ZADD ZINCRBY ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE GEOADD XACK XADD
		XAUTOCLAIM XCLAIM XDEL XSETID`)
	keys(single, writes, 1, 2, 1, 3, `RENAME RENAMENX COPY SMOVE LMOVE RPOPLPUSH ZRANGESTORE GEOSEARCHSTORE`)
	keys(single, writes, 1, -1, 1, 2, `SDIFFSTORE SINTERSTORE SUNIONSTORE PFMERGE`)
	keys(single, writes, 2, -1, 1, 3, `BITOP`)
	keys(single, writes, 1, -1, 2, 3, `MSETNX`)
	keys(single, reads, 1, -1, 1, 2, `SDIFF SINTER SUNION PFCOUNT`)
	keys(single, reads, 1, 2, 1, 3, `LCS`)
	keys(single, reads, 2, 2, 1, 3, `OBJECT XINFO MEMORY`)
	keys(single, writes, 2, 2, 1, 3, `XGROUP`)
	keys(single, writes, 1, 1, 1, 6, `GEORADIUS GEORADIUSBYMEMBER`)
	keys(split, reads, 1, -1, 1, 2, `MGET EXISTS`)
	keys(split, writes, 1, -1, 1, 2, `DEL UNLINK TOUCH`)
	keys(split, writes, 1, -1, 2, 3, `MSET`)
	keys(blocking, writes, 1, -2, 1, 3, `BLPOP BRPOP BZPOPMIN BZPOPMAX`)
	keys(blocking, writes, 1, 2, 1, 3, `BRPOPLPUSH BLMOVE`)
	keys(anyShard, reads, 0, 0, 0, 1, `RANDOMKEY TIME LASTSAVE`)
	keys(everyOne, reads, 0, 0, 0, 1, `DBSIZE`)
	keys(everyOne, scripts, 0, 0, 0, 2, `SCRIPT`)
	keys(local, admin, 0, 0, 0, 1, `PING QUIT CLIENT COMMAND INFO HELLO AUTH RESET READONLY READWRITE CONFIG ROLE`)
	keys(local, admin, 0, 0, 0, 2, `ECHO SELECT`)
	keys(local, reads, 0, 0, 0, 2, `SCAN`)
	keys(state, transactions, 0, 0, 0, 1, `MULTI EXEC DISCARD UNWATCH`)
	keys(state, transactions, 1, -1, 1, 2, `WATCH`)
	keys(state, pubsub, 0, 0, 0, 2, `SUBSCRIBE PSUBSCRIBE`)
	keys(state, pubsub, 0, 0, 0, 1, `UNSUBSCRIBE PUNSUBSCRIBE`)
	keys(state, pubsub, 0, 0, 0, 2, `PUBSUB`)
	keys(state, pubsub, 0, 0, 0, 3, `PUBLISH`)
	addNumbered()
	addRefused()
}

// addNumbered adds the commands that say how many keys they have.
func addNumbered() {
	for _, c := range []command{
		{name: "EVAL", way: single, class: scripts, numKeys: 2, least: 3},
		{name: "EVALSHA", way: single, class: scripts, numKeys: 2, least: 3},
		{name: "EVAL_RO", way: single, class: scripts, numKeys: 2, least: 3},
		{name: "EVALSHA_RO", way: single, class: scripts, numKeys: 2, least: 3},
		{name: "FCALL", way: single, class: scripts, numKeys: 2, least: 3},
		{name: "FCALL_RO", way: single, class: scripts, numKeys: 2, least: 3},
		{name: "ZDIFF", way: single, class: reads, numKeys: 1, least: 3},
		{name: "ZINTER", way: single, class: reads, numKeys: 1, least: 3},
		{name: "ZUNION", way: single, class: reads, numKeys: 1, least: 3},
		{name: "ZINTERCARD", way: single, class: reads, numKeys: 1, least: 3},
		{name: "SINTERCARD", way: single, class: reads, numKeys: 1, least: 3},
		{name: "LMPOP", way: single, class: writes, numKeys: 1, least: 4},
		{name: "ZMPOP", way: single, class: writes, numKeys: 1, least: 4},
		{name: "BLMPOP", way: blocking, class: writes, numKeys: 2, least: 5},
		{name: "BZMPOP", way: blocking, class: writes, numKeys: 2, least: 5},
		// The first key is where the result goes.
		{name: "ZDIFFSTORE", way: single, class: writes, first: 1, last: 1, step: 1, numKeys: 2, least: 4},
		{name: "ZINTERSTORE", way: single, class: writes, first: 1, last: 1, step: 1, numKeys: 2, least: 4},
		{name: "ZUNIONSTORE", way: single, class: writes, first: 1, last: 1, step: 1, numKeys: 2, least: 4},
	} {
		add(&c)
	}
}

func addRefused() {
	for why, names := range map[string]string{
		"it is for the nodes of a Redis Cluster; the proxy shards by itself":         `CLUSTER ASKING MIGRATE`,
		"it would stop or change one shard only; ask the shard itself":               `SHUTDOWN SAVE BGSAVE BGREWRITEAOF REPLICAOF SLAVEOF FAILOVER DEBUG MODULE ACL SLOWLOG LATENCY MONITOR SYNC PSYNC REPLCONF FUNCTION SWAPDB`,
		"it would empty every shard; ask the shards themselves":                      `FLUSHALL FLUSHDB`,
		"it looks at every key of every shard at once; use SCAN":                     `KEYS`,
		"it needs one database, and the others are out of the proxy's sight":         `MOVE`,
		"replicas are not in the proxy's sight":                                      `WAIT WAITAOF`,
		"channels of shards are those of a Redis Cluster; use SUBSCRIBE and PUBLISH": `SSUBSCRIBE SUNSUBSCRIBE SPUBLISH`,
		"its keys stand behind STREAMS, where the proxy does not look yet":           `XREAD XREADGROUP`,
	} {
		for _, n := range strings.Fields(names) {
			add(&command{name: n, class: unknown, why: why, least: 1})
		}
	}
}

func add(c *command) {
	commands[c.name] = c
	if len(c.name) <= 8 {
		packed[pack([]byte(c.name))] = c
	}
}

// pack puts a name of eight letters at most into one number, in upper case.
func pack(name []byte) (v uint64) {
	for _, c := range name {
		if c-'a' < 26 {
			c -= 'a' - 'A'
		}
		v = v<<8 | uint64(c)
	}
	return v
}

// find returns nil for a command that nobody knows.
func find(name []byte) *command {
	if len(name) <= 8 {
		return packed[pack(name)]
	}
	if len(name) > 32 {
		return nil
	}
	return commands[strings.ToUpper(string(name))]
}

// keys calls f with the place of each key in args; it ends when f says no.
// ok is false when the command does not say how many keys it has.
func (c *command) keys(args [][]byte, f func(i int) bool) (ok bool) {
	if c.first > 0 {
		last := c.last
		if last < 0 {
			last += len(args)
		}
		for i := c.first; i <= last && i < len(args); i += c.step {
			if !f(i) {
				return true
			}
		}
	}
	if c.numKeys == 0 {
		return true
	}
	if c.numKeys >= len(args) {
		return false
	}
	n, ok := count(args[c.numKeys])
	if !ok || n > len(args)-c.numKeys-1 {
		return false
	}
	for i := range n {
		if !f(c.numKeys + 1 + i) {
			break
		}
	}
	return true
}

// count reads a number without sign.
func count(p []byte) (n int, ok bool) {
	if len(p) == 0 || len(p) > 9 {
		return 0, false
	}
	for _, c := range p {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
