package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
)

// An Identity is the ServiceAccount that a token stands for.
type Identity struct {
	Namespace, Name string
	Pod             string // that the token is bound to; "" when to none
}

// ErrToken means that a token is none, is over, or is not for the audience.
var ErrToken = errors.New("the token is not valid")

// Review asks the API server who shows a token that was made for audience.
func (c *Client) Review(ctx context.Context, token, audience string) (Identity, error) {
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{audience}}}
	if err := c.Create(ctx, review); err != nil {
		return Identity{}, fmt.Errorf("review token: %w", err)
	}
	s := review.Status
	account, ok := strings.CutPrefix(s.User.Username, "system:serviceaccount:")
	namespace, name, _ := strings.Cut(account, ":")
	if !s.Authenticated || !ok || !slices.Contains(s.Audiences, audience) {
		return Identity{}, ErrToken
	}
	id := Identity{Namespace: namespace, Name: name}
	if pod := s.User.Extra["authentication.kubernetes.io/pod-name"]; len(pod) == 1 {
		id.Pod = pod[0]
	}
	return id, nil
}
