package main

import (
	"bufio"
	"context"
	"fmt"
	"os"

	"nagi.dev/compose"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	err := compose.WriteMapping(context.Background(), out, "compose/mapping/samples")
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "mapping: %v\n", err)
		os.Exit(1)
	}
}
