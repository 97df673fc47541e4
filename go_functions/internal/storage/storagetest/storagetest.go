// Package storagetest has the checks that both storage functions pass in their own processes.
package storagetest

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"coldbench/functions/internal/lambdatest"
)

const (
	health = `{"status": "ok", "bucket": "team-files", "table": "shares"}`
	dryRun = `{
		"status": "ok",
		"key": "reports/2026/march.pdf",
		"share_id": "f60f07732dff8689a9c53a850cea8875",
		"expires_at": "2026-03-14T10:26:53Z",
		"plan": {
			"link": {
				"host": "team-files.s3.eu-west-1.amazonaws.com",
				"path": "/reports/2026/march.pdf",
				"expires_in_seconds": 3600
			},
			"record": {
				"host": "dynamodb.eu-west-1.amazonaws.com",
				"operation": "PutItem",
				"input": {
					"TableName": "shares",
					"ConditionExpression": "attribute_not_exists(share_id)",
					"Item": {
						"share_id": {"S": "f60f07732dff8689a9c53a850cea8875"},
						"key": {"S": "reports/2026/march.pdf"},
						"recipient": {"S": "ada@example.com"},
						"created_at": {"N": "1773480413"},
						"expires_at": {"N": "1773484013"}
					}
				}
			}
		}
	}`
)

// Variables are those that the function.toml of both functions sets.
func Variables() map[string]string {
	return map[string]string{"SHARE_BUCKET": "team-files", "SHARE_TABLE": "shares"}
}

// AnswersItsEvents checks the answers to the events that both functions ship.
func AnswersItsEvents(t *testing.T) {
	t.Helper()
	for path, want := range map[string]string{
		"events/health.json": health, "events/share_dry_run.json": dryRun,
	} {
		got := lambdatest.InvokeFile(t, Variables(), path)
		if !reflect.DeepEqual(got, decoded(t, want)) {
			t.Errorf("%s: %v; want %s", path, got, want)
		}
	}
}

// AnswersRepeatedRequests checks that a warm environment answers as a cold one does.
func AnswersRepeatedRequests(t *testing.T) {
	t.Helper()
	event := []byte(`{"action": "share", "key": "a.txt", "recipient": "ada@example.com",
		"requested_at": "2026-03-14T09:26:53Z", "dry_run": true}`)
	life := lambdatest.Invoke(t, Variables(), event, event, event)
	if life.Exit != nil || len(life.Responses) != 3 {
		t.Fatalf("%+v", life)
	}
	for i, response := range life.Responses {
		if status := response.(map[string]any)["status"]; status != "ok" {
			t.Errorf("answer %d: %v", i+1, response)
		}
		if !reflect.DeepEqual(response, life.Responses[0]) {
			t.Errorf("answer %d is %v; the first was %v", i+1, response, life.Responses[0])
		}
	}
}

// DoesNotStartWithoutABucket checks that a missing setting is found at start.
func DoesNotStartWithoutABucket(t *testing.T) {
	t.Helper()
	EndsWith(t, lambdatest.Invoke(t, nil, []byte(`{"action": "health"}`)),
		"set SHARE_BUCKET and SHARE_TABLE")
}

// EndsWith checks that the function ended before it answered, with these last words.
func EndsWith(t *testing.T, life lambdatest.Life, words string) {
	t.Helper()
	if life.Exit == nil || !strings.HasSuffix(strings.TrimSpace(life.Output), words) {
		t.Errorf("exit %v, output %q; want %q", life.Exit, life.Output, words)
	}
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
