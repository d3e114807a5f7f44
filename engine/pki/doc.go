// Package pki makes the certificates, keys and kubeconfigs of one server and
// renews the certificates while everything runs. It never talks to the API
// and never replaces an authority or a signing key that exists. Start with
// Ensure.
//
// A leaf is one PEM file that holds certificate and key, so that one rename
// replaces both: whoever reads it (API server, kubelet, client-go) sees a
// matching pair or none.
package pki
