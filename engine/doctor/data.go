package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"nagi.dev/engine/hold"
	"nagi.dev/internal/layout"
)

// serverOf tells whether a server holds d, and which.
func serverOf(d layout.Dirs) Server {
	pid, held := hold.Holder(d)
	return Server{Running: held, PID: pid}
}

// dataOf looks at the data folder of a server that may have run before.
func dataOf(d layout.Dirs) Data {
	info, err := os.Stat(d.Data)
	if err != nil {
		return Data{NotAFolder: errors.Is(err, unix.ENOTDIR), NotWritable: !creatable(d.Data)}
	}
	if !info.IsDir() {
		return Data{NotAFolder: true}
	}
	data := Data{Exists: true, NotWritable: unix.Access(d.Data, unix.W_OK) != nil}
	data.Damages = append(storeDamages(d.Etcd()), authorityDamages(d.PKI())...)
	data.CAStart = begins(filepath.Join(d.PKI(), "ca.crt"))
	return data
}

// creatable tells whether dir could be made: whether the nearest folder above
// it can be written.
func creatable(dir string) bool {
	for up := filepath.Dir(dir); ; up = filepath.Dir(up) {
		if _, err := os.Stat(up); err == nil || up == filepath.Dir(up) {
			return unix.Access(up, unix.W_OK) == nil
		}
	}
}

// earlyStore is the number of transactions below which a store without a log
// holds nothing yet: a first start was cut off, and the next one begins anew.
const earlyStore = 16

// storeDamages looks at the files without which etcd does not start, or starts
// empty.
func storeDamages(etcd string) []Damage {
	db, wal := filepath.Join(etcd, "member", "snap", "db"), filepath.Join(etcd, "member", "wal")
	transactions, err := bolt(db)
	if errors.Is(err, os.ErrPermission) {
		return nil // who may not look must not complain
	}
	if logs, _ := filepath.Glob(filepath.Join(wal, "*.wal")); len(logs) == 0 {
		if transactions >= earlyStore {
			return []Damage{{wal, "it holds no log"}}
		}
		return nil
	}
	if err != nil {
		return []Damage{{db, reason(err)}}
	}
	return nil
}

// bolt returns how many transactions a file of bbolt has seen. One of its
// first two pages is its newest meta page: a header of 16 bytes, a magic
// number, and at byte 64 the last transaction (bbolt, "meta").
func bolt(file string) (transactions uint64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // only read
	err = errors.New("it is no store of etcd")
	for _, page := range []int64{0, int64(os.Getpagesize())} {
		var meta [72]byte
		if _, e := f.ReadAt(meta[:], page); e == nil && binary.NativeEndian.Uint32(meta[16:]) == 0xED0CDAED {
			transactions, err = max(transactions, binary.NativeEndian.Uint64(meta[64:])), nil
		}
	}
	return transactions, err
}

// authorityDamages looks at the pairs that cannot be made again without
// breaking every kubeconfig and token that was handed out.
func authorityDamages(pki string) []Damage {
	if empty(pki) {
		return nil
	}
	var found []Damage
	for _, pair := range []string{"ca", "front-proxy-ca"} {
		crt, key := filepath.Join(pki, pair+".crt"), filepath.Join(pki, pair+".key")
		if !exists(crt) && !exists(key) {
			continue // made at the next start
		}
		if _, err := tls.LoadX509KeyPair(crt, key); err != nil && !errors.Is(err, os.ErrPermission) {
			found = append(found, Damage{crt, reason(err)})
		}
	}
	return found
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

func empty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err != nil || len(entries) == 0
}

// reason is the cause without the name of the file, which stands before it.
func reason(err error) string {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// begins is when a certificate becomes valid; zero when it cannot be read.
func begins(file string) time.Time {
	b, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return time.Time{}
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}
	}
	return c.NotBefore
}
