// Package hook runs the commands of a compose hook inside of its container,
// one after the other, each as the user, in the folder and with the variables
// that the file names: Kubernetes runs one command as the container itself. It
// never goes on after one that failed. Open hook.go first.
package hook
