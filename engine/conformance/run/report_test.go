package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const junit = `<?xml version="1.0"?>
<testsuites><testsuite>
<testcase name="[SynchronizedBeforeSuite]" status="passed" time="1"></testcase>
<testcase name="[It] [sig-apps] Job works" status="passed" time="2"></testcase>
<testcase name="[It] [sig-node] Pods break" status="failed" time="2"><failure message="the pod&#xA;is gone"></failure></testcase>
<testcase name="[It] [sig-node] elsewhere" status="skipped" time="0"><skipped message="skipped"></skipped></testcase>
<testcase name="[It] [sig-node] two nodes" status="skipped" time="0"><skipped message="skipped - needs 2 nodes"></skipped></testcase>
</testsuite></testsuites>`

func TestTheReportCountsWhatRanAndNamesWhatDidNot(t *testing.T) {
	name := filepath.Join(t.TempDir(), "junit.xml")
	if err := os.WriteFile(name, []byte(junit), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := readReport(name)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	r.print(&b)
	for _, want := range []string{
		"1 of 2 passed\n",
		"  failed [sig-node] Pods break\n      the pod\n",
		"left out by itself: [sig-node] two nodes: skipped - needs 2 nodes\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "elsewhere") {
		t.Errorf("the report names a test out of focus:\n%s", b.String())
	}
}
