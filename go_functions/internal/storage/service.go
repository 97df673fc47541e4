// Package storage shares files of an S3 bucket by link and keeps a record of every share in a
// DynamoDB table. The functions storage_eager and storage_lazy differ only in when they make the
// clients.
package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Response says what became of a request. Status is ok, rejected (Errors says why; nothing was
// done) or, for a share that cannot be opened, not_found or expired.
type Response struct {
	Status    string   `json:"status"`
	Errors    []string `json:"errors,omitempty"`
	Bucket    string   `json:"bucket,omitempty"`
	Table     string   `json:"table,omitempty"`
	Key       string   `json:"key,omitempty"`
	ETag      string   `json:"etag,omitempty"`
	ShareID   string   `json:"share_id,omitempty"`
	ExpiresAt string   `json:"expires_at,omitempty"`
	URL       string   `json:"url,omitempty"`
	Content   string   `json:"content,omitempty"`
	Plan      *Plan    `json:"plan,omitempty"`
}

// Service answers requests. It asks for the clients only when a request needs them.
type Service struct {
	bucket  string
	table   string
	clients func() (*Clients, error)
	now     func() time.Time
}

// NewService takes the names of its bucket and table from SHARE_BUCKET and SHARE_TABLE.
func NewService(
	getenv func(string) string, clients func() (*Clients, error),
) (*Service, error) {
	s := &Service{
		bucket: getenv("SHARE_BUCKET"), table: getenv("SHARE_TABLE"), clients: clients, now: time.Now,
	}
	if s.bucket == "" || s.table == "" {
		return nil, errors.New("set SHARE_BUCKET and SHARE_TABLE")
	}
	return s, nil
}

// Handle is the Lambda handler. What the sender of the request did wrong is in the response; what
// fails in AWS is an error.
func (s *Service) Handle(ctx context.Context, request Request) (*Response, error) {
	if problems := request.problems(); len(problems) > 0 {
		return &Response{Status: "rejected", Errors: problems}, nil
	}
	if request.Action == "health" {
		return &Response{Status: "ok", Bucket: s.bucket, Table: s.table}, nil
	}
	clients, err := s.clients()
	if err != nil {
		return nil, err
	}
	var response *Response
	switch request.Action {
	case "store":
		response, err = s.store(ctx, clients, request)
	case "share":
		response, err = s.share(ctx, clients, request)
	case "open":
		response, err = s.open(ctx, clients, request)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", request.Action, err)
	}
	return response, nil
}
