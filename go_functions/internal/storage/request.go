package storage

import (
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
)

const (
	maxKeyLength     = 512
	maxContentLength = 256 * 1024
	defaultLifetime  = 15 * time.Minute
	minLifetime      = time.Minute
	// Signed links of S3 live for at most seven days.
	maxLifetime = 7 * 24 * time.Hour
)

// Request asks for one action: health, store, share or open.
type Request struct {
	Action string `json:"action"`
	// Key names a file in the bucket (store, share).
	Key         string `json:"key"`
	Content     string `json:"content"`
	ContentType string `json:"content_type"`
	// Recipient is the e-mail address that a share is for.
	Recipient        string `json:"recipient"`
	ExpiresInSeconds *int   `json:"expires_in_seconds"`
	// RequestedAt is when the share was asked for; now, where it is missing.
	RequestedAt *time.Time `json:"requested_at"`
	// DryRun makes a share say what it would do, and send nothing.
	DryRun bool `json:"dry_run"`
	// ShareID is the share to open.
	ShareID string `json:"share_id"`
}

// problems says everything that is wrong with a request, for its sender.
func (r *Request) problems() []string {
	var found []string
	check := func(problem string) {
		if problem != "" {
			found = append(found, problem)
		}
	}
	switch r.Action {
	case "health":
	case "store":
		check(keyProblem(r.Key))
		check(contentProblem(r.Content))
	case "share":
		check(keyProblem(r.Key))
		check(recipientProblem(r.Recipient))
		check(lifetimeProblem(r.lifetime()))
	case "open":
		check(shareIDProblem(r.ShareID))
	default:
		check(fmt.Sprintf("action is %q, not one of health, open, share, store", r.Action))
	}
	if r.DryRun && r.Action != "share" {
		check("dry_run is only for share")
	}
	return found
}

func (r *Request) lifetime() time.Duration {
	if r.ExpiresInSeconds == nil {
		return defaultLifetime
	}
	return time.Duration(*r.ExpiresInSeconds) * time.Second
}

func keyProblem(key string) string {
	switch {
	case key == "":
		return "key is required"
	case len(key) > maxKeyLength:
		return fmt.Sprintf("key has %d bytes, at most %d are allowed", len(key), maxKeyLength)
	case strings.HasPrefix(key, "/"):
		return "key begins with a slash"
	case strings.ContainsFunc(key, unicode.IsControl):
		return "key contains control characters"
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Sprintf("key has the part %q", part)
		}
	}
	return ""
}

func contentProblem(content string) string {
	switch {
	case content == "":
		return "content is required"
	case len(content) > maxContentLength:
		return fmt.Sprintf("content has %d bytes, at most %d are allowed", len(content),
			maxContentLength)
	}
	return ""
}

func recipientProblem(recipient string) string {
	address, err := mail.ParseAddress(recipient)
	if err != nil || address.Address != recipient {
		return fmt.Sprintf("recipient is %q, not an e-mail address", recipient)
	}
	return ""
}

func lifetimeProblem(lifetime time.Duration) string {
	if lifetime < minLifetime || lifetime > maxLifetime {
		return fmt.Sprintf("expires_in_seconds must be from %d to %d",
			int(minLifetime.Seconds()), int(maxLifetime.Seconds()))
	}
	return ""
}

func shareIDProblem(id string) string {
	if len(id) != shareIDLength || strings.Trim(id, "0123456789abcdef") != "" {
		return fmt.Sprintf("share_id is %q, not %d hexadecimal digits", id, shareIDLength)
	}
	return ""
}
