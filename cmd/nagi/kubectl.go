package main

import (
	"io"
	"os"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubeconfigs of other clusters name them
	"k8s.io/component-base/logs"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/plugin"
	"k8s.io/kubectl/pkg/cmd/util"
)

// kubectl runs the real one. It may end the process by itself, with its own
// exit code.
func kubectl(args []string, in io.Reader, out, errOut io.Writer) int {
	os.Args = append([]string{"kubectl"}, args...) // its plugins and its help read them
	logs.GlogSetter(cmd.GetLogVerbosity(os.Args))
	c := cmd.NewDefaultKubectlCommandWithArgs(cmd.KubectlOptions{
		PluginHandler: cmd.NewDefaultPluginHandler(plugin.ValidPluginFilenamePrefixes),
		Arguments:     os.Args,
		IOStreams:     genericiooptions.IOStreams{In: in, Out: out, ErrOut: errOut},
	})
	c.SetArgs(args)
	util.CheckErr(c.Execute())
	return 0
}
