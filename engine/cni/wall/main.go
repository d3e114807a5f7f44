package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Settings are the plugin's part of the network's settings, with what the
// plugins before it made.
type settings struct {
	Version string          `json:"cniVersion"`
	Socket  string          `json:"socket"`
	Result  json.RawMessage `json:"prevResult"`
}

// A result is what of it matters here.
type result struct {
	Interfaces []struct {
		Name    string `json:"name"`
		Sandbox string `json:"sandbox"`
	} `json:"interfaces"`
	IPs []struct {
		Address string `json:"address"` // with its mask
	} `json:"ips"`
}

// A question as engine/netpol reads it.
type question struct {
	Pod  string `json:"pod"`
	Addr string `json:"addr"`
	Gone bool   `json:"gone,omitempty"`
}

func main() {
	err := run(os.Getenv("CNI_COMMAND"), os.Getenv("CNI_ARGS"), os.Stdin, os.Stdout)
	if err == nil {
		return
	}
	const tryAgain = 11 // a code of the CNI specification
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"cniVersion": "1.0.0", "code": tryAgain, "msg": "nagi-wall: " + err.Error()})
	os.Exit(1)
}

func run(command, args string, in io.Reader, out io.Writer) error {
	switch command {
	case "VERSION":
		_, err := io.WriteString(out, `{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}`)
		return err
	case "ADD", "DEL":
	default:
		return nil // nothing to check or to collect
	}
	var s settings
	var r result
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	if len(s.Result) > 0 {
		if err := json.Unmarshal(s.Result, &r); err != nil {
			return fmt.Errorf("read what came before: %w", err)
		}
	}
	if command == "DEL" {
		_ = ask(s.Socket, pod(args), r, true) // whoever kept its walls may have ended
		return nil
	}
	if err := closeWays(r); err != nil {
		return err
	}
	if err := ask(s.Socket, pod(args), r, false); err != nil {
		return err
	}
	_, err := out.Write(s.Result)
	return err
}

// pod is the UID of the pod in "K8S_POD_NAME=a;K8S_POD_UID=b".
func pod(args string) string {
	for _, a := range strings.Split(args, ";") {
		if uid, ok := strings.CutPrefix(a, "K8S_POD_UID="); ok {
			return uid
		}
	}
	return ""
}

// ask waits until the walls of the pod stand.
func ask(socket, pod string, r result, gone bool) error {
	for _, ip := range r.IPs {
		addr, _, _ := strings.Cut(ip.Address, "/")
		if err := askOne(socket, question{Pod: pod, Addr: addr, Gone: gone}); err != nil {
			return fmt.Errorf("wait for the network policies of %s: %w", addr, err)
		}
	}
	return nil
}

func askOne(socket string, q question) error {
	c, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := errors.Join(c.SetDeadline(time.Now().Add(15*time.Second)), json.NewEncoder(c).Encode(q)); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	switch {
	case err != nil:
		return err
	case len(answer) == 0:
		return errors.New("no answer: the server has ended")
	case string(answer) != "ok":
		return errors.New(string(answer))
	}
	return nil
}

// conf is where the kernel keeps the settings of interfaces.
var conf = "/proc/sys/net"

// closeWays sets the machine's end of the pod's cable: pods have no IPv6, so
// nothing there would be judged; and a packet must come from the pod's own
// address.
func closeWays(r result) error {
	for _, i := range r.Interfaces {
		if i.Sandbox != "" {
			continue // the pod's own end
		}
		for file, value := range map[string]string{"ipv6/conf/%s/disable_ipv6": "1", "ipv4/conf/%s/rp_filter": "1"} {
			name := filepath.Join(conf, fmt.Sprintf(file, filepath.Base(i.Name)))
			if err := os.WriteFile(name, []byte(value), 0); err != nil && !errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6
				return fmt.Errorf("set %s: %w", name, err)
			}
		}
	}
	return nil
}
