// Package store keeps the votes in PostgreSQL, one a voter. Where the database
// is comes from PGHOST and its siblings. Open Save first.
package store

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Store is a pool of connections, made when needed and again when broken.
type Store struct{ pool *pgxpool.Pool }

// Open reads the password from the file that DB_PASSWORD_FILE names. It does
// not connect yet.
func Open(ctx context.Context) (*Store, error) {
	config, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, fmt.Errorf("read database settings: %w", err)
	}
	if file := os.Getenv("DB_PASSWORD_FILE"); file != "" {
		password, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read database password: %w", err)
		}
		config.ConnConfig.Password = strings.TrimSpace(string(password))
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &Store{pool}, nil
}

// Close ends all connections.
func (s *Store) Close() { s.pool.Close() }

// Migrate makes the table. Twice is fine.
func (s *Store) Migrate(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `CREATE TABLE IF NOT EXISTS votes (
		voter text PRIMARY KEY,
		vote  text NOT NULL,
		at    timestamptz NOT NULL DEFAULT now())`)
	if err != nil {
		return fmt.Errorf("make table votes: %w", err)
	}
	return nil
}

// Save keeps a voter's latest vote. The same vote twice counts once.
func (s *Store) Save(ctx context.Context, voter, vote string) error {
	_, err := s.pool.Exec(ctx, `INSERT INTO votes (voter, vote) VALUES ($1, $2)
		ON CONFLICT (voter) DO UPDATE SET vote = excluded.vote, at = now()`, voter, vote)
	if err != nil {
		return fmt.Errorf("save vote of %s: %w", voter, err)
	}
	return nil
}

// Count returns the number of votes for each choice.
func (s *Store) Count(ctx context.Context) (map[string]int, error) {
	rows, err := s.pool.Query(ctx, "SELECT vote, count(*) FROM votes GROUP BY vote")
	if err != nil {
		return nil, fmt.Errorf("count votes: %w", err)
	}
	counts := map[string]int{}
	var vote string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&vote, &n}, func() error { counts[vote] = n; return nil }); err != nil {
		return nil, fmt.Errorf("count votes: %w", err)
	}
	return counts, nil
}
