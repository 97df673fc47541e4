// Command heavy_init sorts log lines: it takes secrets out, says what each line is about, how bad it
// is, and what the error codes in it mean. Its rules and its code table are made while it starts.
package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

const (
	info       = "info"
	warning    = "warning"
	errorLevel = "error"
	critical   = "critical"

	maxLines      = 200
	maxLineLength = 4096
)

// Request is a batch of lines of one log.
type Request struct {
	Source string   `json:"source"`
	Lines  []string `json:"lines"`
}

// Response lists what was found. Lines that no rule knows are counted and not listed.
type Response struct {
	Source     string         `json:"source"`
	Lines      int            `json:"lines"`
	Unknown    int            `json:"unknown"`
	Severities map[string]int `json:"severities"`
	Redactions map[string]int `json:"redactions"`
	Findings   []Finding      `json:"findings"`
}

// Finding is a line that is at least a warning, without its secrets. Line counts from 1.
type Finding struct {
	Line     int    `json:"line"`
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Text     string `json:"text"`
	Code     *Code  `json:"code,omitempty"`
}

// InvalidBatch is the errorType of a request that is refused.
type InvalidBatch struct {
	Reason string
}

func (e *InvalidBatch) Error() string {
	return e.Reason
}

func triage(_ context.Context, request Request) (*Response, error) {
	if err := check(request); err != nil {
		return nil, err
	}
	response := &Response{
		Source:     request.Source,
		Lines:      len(request.Lines),
		Severities: map[string]int{},
		Redactions: map[string]int{},
		Findings:   []Finding{},
	}
	for i, line := range request.Lines {
		text := redact(line, response.Redactions)
		matched, code := classify(text)
		if matched == nil {
			response.Unknown++
			continue
		}
		response.Severities[matched.severity]++
		if matched.severity != info {
			response.Findings = append(response.Findings,
				Finding{i + 1, matched.id, matched.severity, text, code})
		}
	}
	return response, nil
}

func check(request Request) error {
	if strings.TrimSpace(request.Source) == "" {
		return &InvalidBatch{"source is required"}
	}
	if count := len(request.Lines); count == 0 || count > maxLines {
		return &InvalidBatch{fmt.Sprintf("a batch has 1 to %d lines, this one %d", maxLines, count)}
	}
	for i, line := range request.Lines {
		if len(line) > maxLineLength {
			return &InvalidBatch{fmt.Sprintf("line %d has %d bytes, at most %d are allowed",
				i+1, len(line), maxLineLength)}
		}
	}
	return nil
}

// classify gives the first rule that matches, and the known code that its named group caught.
func classify(line string) (*rule, *Code) {
	for i := range rules {
		r := &rules[i]
		groups := r.pattern.FindStringSubmatch(line)
		if groups == nil {
			continue
		}
		for j, family := range r.pattern.SubexpNames() {
			if code, known := codes[codeKey{family, groups[j]}]; known {
				return r, &code
			}
		}
		return r, nil
	}
	return nil, nil
}

func main() {
	lambda.Start(triage)
}
