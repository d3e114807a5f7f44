package pki

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
)

// ensureEncryption makes the file by which the API server encrypts Secrets
// before they reach etcd. Its key never changes: without it the Secrets that
// are stored cannot be read.
func ensureEncryption(file string) error {
	_, err := os.Stat(file)
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make encryption key: %w", err)
	}
	text := fmt.Sprintf(`apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - secretbox: {keys: [{name: key1, secret: %s}]}
  - identity: {}
`, base64.StdEncoding.EncodeToString(key))
	return writeFile(file, []byte(text), 0o600)
}
