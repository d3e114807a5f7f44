package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"nagi.dev/test/compare/look"
)

// page is what every address answers: the words that health checks look for.
const page = "OK {\"status\":\"green\",\"state\":\"healthy\"} pong alive ready\n"

// serve answers on all ports until it is told to end.
func serve(c look.Config) {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
	select {
	case <-time.After(c.Delay):
	case <-end:
		return
	}
	for _, p := range append(c.Ports, look.SidePort) {
		if err := listen(p); err != nil {
			fmt.Fprintln(os.Stderr, "stand-in:", err) // another of the same image may hold it
		}
	}
	showTitles(c)
	if err := announce(); err != nil {
		fmt.Fprintln(os.Stderr, "stand-in:", err)
	}
	_ = look.WriteOpen(os.Stdout, time.Now()) // a log that is gone is noticed outside
	<-end
}

// titled is the name under which a stand-in only sleeps.
const titled = "stand-in-title"

// showTitles starts a process for each check that looks for one by its title:
// its words are those that the check looks for.
func showTitles(c look.Config) {
	for _, lines := range c.Checks["ps"] {
		cmd := &exec.Cmd{Path: "/.standin", Args: []string{titled, unmask.Replace(lines)}}
		if err := cmd.Start(); err != nil {
			fmt.Fprintln(os.Stderr, "stand-in:", err)
		}
	}
}

// unmask turns the pattern of a grep into a text that it finds.
var unmask = strings.NewReplacer("[", "", "]", "", "\\", "")

func listen(port int) error {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, page)
	})}
	go func() { _ = server.Serve(l) }()
	return nil
}

// dial tells of each address, "host:port", whether it answers.
func dial(addresses []string) {
	answers := make([]string, len(addresses))
	var all sync.WaitGroup
	for i, a := range addresses {
		all.Go(func() {
			c, err := net.DialTimeout("tcp", a, 2*time.Second)
			if err != nil {
				answers[i] = a + " no " + err.Error()
				return
			}
			_ = c.Close()
			answers[i] = a + " yes"
		})
	}
	all.Wait()
	fmt.Println(strings.Join(answers, "\n"))
}
