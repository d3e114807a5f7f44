package redis

// split sends each shard the keys that are its own.
func (c *client) split(cmd *command, req *request) {
	if (len(req.args)-1)%cmd.step != 0 {
		c.reply("-ERR wrong number of arguments for 'mset' command\r\n")
		return
	}
	s, p := c.s, c.s.pool
	s.places = s.places[:0]
	one := true
	for i := 1; i < len(req.args); i += cmd.step {
		at := p.ring.Place(req.args[i])
		if at < 0 {
			c.fail(cmd.class, errNoShard)
			return
		}
		s.places = append(s.places, uint16(at))
		one = one && s.places[0] == uint16(at)
	}
	if one {
		c.forward(p.shards[s.places[0]], nil, cmd, req.raw, plain)
		return
	}
	if err := s.distribute(cmd, req, c.proto); err != nil {
		c.fail(cmd.class, err)
		return
	}
	m := c.merge(unionOf(cmd), cmd.class)
	if m.how == arranged {
		m.order = append(m.order, s.places...)
	}
	for i := range s.parts {
		x := &s.parts[i]
		if x.keys == 0 {
			continue
		}
		m.left++
		x.b.push(ref{m: m, kind: part, part: uint16(i), class: cmd.class})
		s.scratch = bulk(header(s.scratch[:0], '*', 1+x.keys*cmd.step), req.args[0])
		x.b.conn.Write(s.scratch)
		x.b.conn.Write(x.args)
	}
}

func unionOf(cmd *command) union {
	switch cmd.name {
	case "MGET":
		return arranged
	case "MSET":
		return same
	}
	return added
}

// A portion is what one shard gets of a request.
type portion struct {
	b    *backend
	keys int
	args []byte
}

// distribute fills s.parts by s.places.
func (s *Service) distribute(cmd *command, req *request, proto uint8) error {
	shards := s.pool.shards
	for len(s.parts) < len(shards) {
		s.parts = append(s.parts, portion{})
	}
	for i := range s.parts {
		x := &s.parts[i]
		x.keys, x.args = 0, x.args[:0]
		if cap(x.args) > 1<<20 {
			x.args = nil
		}
	}
	for k, at := range s.places {
		x := &s.parts[at]
		if x.keys == 0 {
			var err error
			if x.b, err = shards[at].backend(proto); err != nil {
				return err
			}
		}
		x.keys++
		for i := range cmd.step {
			x.args = bulk(x.args, req.args[1+k*cmd.step+i])
		}
	}
	return nil
}
