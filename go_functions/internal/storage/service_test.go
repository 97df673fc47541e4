package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

var march = time.Date(2026, time.March, 14, 9, 26, 53, 0, time.UTC)

// cloud is an endpoint that keeps objects and items as S3 and DynamoDB do, as far as needed here.
type cloud struct {
	objects  map[string]string
	types    map[string]string
	items    map[string]json.RawMessage
	requests []string
	fail     bool
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	target := r.Header.Get("X-Amz-Target")
	c.requests = append(c.requests, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+target))
	switch {
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDTEST/"):
		http.Error(w, "not signed", http.StatusForbidden)
	case c.fail:
		answerItem(w, `{"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",`+
			`"message": "no such table"}`)
	case strings.HasSuffix(target, ".PutItem"):
		answerItem(w, c.putItem(body))
	case strings.HasSuffix(target, ".GetItem"):
		answerItem(w, c.getItem(body))
	case r.Method == http.MethodPut:
		c.objects[r.URL.Path] = string(body)
		c.types[r.URL.Path] = r.Header.Get("Content-Type")
		w.Header().Set("ETag", `"5d41402a"`)
	case r.Method == http.MethodGet:
		content, found := c.objects[r.URL.Path]
		if !found {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, "<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>")
			return
		}
		fmt.Fprint(w, content)
	}
}

func answerItem(w http.ResponseWriter, body string) {
	w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE([]byte(body))))
	if strings.Contains(body, "__type") {
		w.WriteHeader(http.StatusBadRequest)
	}
	fmt.Fprint(w, body)
}

func (c *cloud) putItem(body []byte) string {
	var input struct {
		ConditionExpression string
		Item                json.RawMessage
	}
	json.Unmarshal(body, &input)
	var key struct {
		ID struct{ S string } `json:"share_id"`
	}
	json.Unmarshal(input.Item, &key)
	_, exists := c.items[key.ID.S]
	if exists && input.ConditionExpression == "attribute_not_exists(share_id)" {
		return `{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}`
	}
	c.items[key.ID.S] = input.Item
	return "{}"
}

func (c *cloud) getItem(body []byte) string {
	var input struct {
		Key struct {
			ID struct{ S string } `json:"share_id"`
		}
	}
	json.Unmarshal(body, &input)
	if item, found := c.items[input.Key.ID.S]; found {
		return fmt.Sprintf(`{"Item": %s}`, item)
	}
	return "{}"
}

// lambdaEnvironment is what Lambda sets, and nothing of the machine that runs the test.
func lambdaEnvironment(t *testing.T, endpoint string) {
	t.Helper()
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_PROFILE", "")
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
}

func names(name string) string {
	return map[string]string{"SHARE_BUCKET": "team-files", "SHARE_TABLE": "shares"}[name]
}

func newTestService(t *testing.T, endpoint string) *Service {
	t.Helper()
	lambdaEnvironment(t, endpoint)
	service, err := NewService(names, func() (*Clients, error) { return NewClients(t.Context()) })
	if err != nil {
		t.Fatal(err)
	}
	service.now = func() time.Time { return march }
	return service
}

func newCloud(t *testing.T) (*cloud, *Service) {
	t.Helper()
	c := &cloud{
		objects: map[string]string{}, types: map[string]string{}, items: map[string]json.RawMessage{},
	}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return c, newTestService(t, server.URL)
}

func handle(t *testing.T, s *Service, request Request) *Response {
	t.Helper()
	response, err := s.Handle(t.Context(), request)
	if err != nil {
		t.Fatalf("%+v: %v", request, err)
	}
	return response
}

func TestStoresSharesAndOpensAFile(t *testing.T) {
	c, service := newCloud(t)
	stored := handle(t, service, Request{
		Action: "store", Key: "reports/march.csv", Content: "a,b\n1,2\n", ContentType: "text/csv",
	})
	if !reflect.DeepEqual(stored,
		&Response{Status: "ok", Key: "reports/march.csv", ETag: `"5d41402a"`}) {
		t.Errorf("stored: %+v", stored)
	}
	if got := c.types["/team-files/reports/march.csv"]; got != "text/csv" {
		t.Errorf("content type %q", got)
	}
	shared := handle(t, service, Request{
		Action: "share", Key: "reports/march.csv", Recipient: "ada@example.com",
	})
	link, err := url.Parse(shared.URL)
	if err != nil || link.Path != "/team-files/reports/march.csv" ||
		link.Query().Get("X-Amz-Expires") != "900" || link.Query().Get("X-Amz-Signature") == "" {
		t.Errorf("link %q, %v", shared.URL, err)
	}
	opened := handle(t, service, Request{Action: "open", ShareID: shared.ShareID})
	if !reflect.DeepEqual(opened, &Response{
		Status: "ok", ShareID: shared.ShareID, Key: "reports/march.csv", Content: "a,b\n1,2\n",
	}) {
		t.Errorf("opened: %+v", opened)
	}
	want := []string{
		"PUT /team-files/reports/march.csv", "POST / DynamoDB_20120810.PutItem",
		"POST / DynamoDB_20120810.GetItem", "GET /team-files/reports/march.csv",
	}
	if !reflect.DeepEqual(c.requests, want) {
		t.Errorf("requests %q; want %q", c.requests, want)
	}
}

func TestARepeatedShareIsRecordedOnce(t *testing.T) {
	c, service := newCloud(t)
	request := Request{Action: "share", Key: "a.txt", Recipient: "ada@example.com"}
	first := handle(t, service, request)
	second := handle(t, service, request)
	if first.ShareID != second.ShareID || len(c.items) != 1 {
		t.Errorf("%s, %s: %d items", first.ShareID, second.ShareID, len(c.items))
	}
	request.Recipient = "grace@example.com"
	if third := handle(t, service, request); third.ShareID == first.ShareID || len(c.items) != 2 {
		t.Errorf("another recipient: %s, %d items", third.ShareID, len(c.items))
	}
}

func TestAnExpiredShareIsNotOpened(t *testing.T) {
	_, service := newCloud(t)
	handle(t, service, Request{Action: "store", Key: "a.txt", Content: "x"})
	shared := handle(t, service, Request{Action: "share", Key: "a.txt", Recipient: "a@example.com"})
	service.now = func() time.Time { return march.Add(defaultLifetime) }
	opened := handle(t, service, Request{Action: "open", ShareID: shared.ShareID})
	if opened.Status != "expired" || opened.Content != "" {
		t.Errorf("%+v", opened)
	}
}

func TestAnUnknownShareIsNotFound(t *testing.T) {
	_, service := newCloud(t)
	id := strings.Repeat("0a", 16)
	if got := handle(t, service, Request{Action: "open", ShareID: id}); got.Status != "not_found" {
		t.Errorf("%+v", got)
	}
}

func TestWhatFailsInAWSIsAnError(t *testing.T) {
	c, service := newCloud(t)
	shared := handle(t, service, Request{Action: "share", Key: "a.txt", Recipient: "a@example.com"})
	_, err := service.Handle(t.Context(), Request{Action: "open", ShareID: shared.ShareID})
	if err == nil || !strings.Contains(err.Error(), "NoSuchKey") {
		t.Errorf("an object that is gone: %v", err)
	}
	c.fail = true
	_, err = service.Handle(t.Context(), Request{Action: "open", ShareID: shared.ShareID})
	if err == nil || !strings.Contains(err.Error(), "no such table") {
		t.Errorf("a table that is missing: %v", err)
	}
}

func TestADryRunPlansTheSameShareAndSendsNothing(t *testing.T) {
	c, service := newCloud(t)
	request := Request{Action: "share", Key: "a b.txt", Recipient: "ada@example.com", DryRun: true}
	planned := handle(t, service, request)
	if len(c.requests) != 0 || planned.URL != "" {
		t.Errorf("requests %q, link %q", c.requests, planned.URL)
	}
	request.DryRun = false
	shared := handle(t, service, request)
	if planned.ShareID != shared.ShareID || planned.ExpiresAt != shared.ExpiresAt {
		t.Errorf("planned %+v; shared %+v", planned, shared)
	}
	var item map[string]any
	if err := json.Unmarshal(c.items[shared.ShareID], &item); err != nil {
		t.Fatal(err)
	}
	if got := planned.Plan.Record.Input["Item"]; !reflect.DeepEqual(got, any(item)) {
		t.Errorf("planned item %v; sent %v", got, item)
	}
}

func TestADryRunNeedsNoEndpoint(t *testing.T) {
	service := newTestService(t, "")
	lifetime := 3600
	got := handle(t, service, Request{
		Action: "share", Key: "reports/march.pdf", Recipient: "ada@example.com", DryRun: true,
		ExpiresInSeconds: &lifetime,
	})
	want := &Response{
		Status:    "ok",
		Key:       "reports/march.pdf",
		ShareID:   got.ShareID,
		ExpiresAt: "2026-03-14T10:26:53Z",
		Plan: &Plan{
			Link: PlannedLink{"team-files.s3.eu-west-1.amazonaws.com", "/reports/march.pdf", 3600},
			Record: PlannedRecord{"dynamodb.eu-west-1.amazonaws.com", "PutItem", map[string]any{
				"TableName":           "shares",
				"ConditionExpression": "attribute_not_exists(share_id)",
				"Item": map[string]any{
					"share_id":   map[string]any{"S": got.ShareID},
					"key":        map[string]any{"S": "reports/march.pdf"},
					"recipient":  map[string]any{"S": "ada@example.com"},
					"created_at": map[string]any{"N": "1773480413"},
					"expires_at": map[string]any{"N": "1773484013"},
				},
			}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, plan %+v; want plan %+v", got, got.Plan, want.Plan)
	}
}

func TestRejectsInvalidRequestsWithoutClients(t *testing.T) {
	week := 7*24*3600 + 1
	service, err := NewService(names, func() (*Clients, error) {
		return nil, errors.New("the clients were asked for")
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		request Request
		errors  []string
	}{
		{Request{}, []string{`action is "", not one of health, open, share, store`}},
		{Request{Action: "health", DryRun: true}, []string{"dry_run is only for share"}},
		{Request{Action: "store"}, []string{"key is required", "content is required"}},
		{Request{Action: "store", Key: "a", Content: strings.Repeat("x", maxContentLength+1)},
			[]string{"content has 262145 bytes, at most 262144 are allowed"}},
		{Request{Action: "share", Key: "/a", Recipient: "Ada <ada@example.com>",
			ExpiresInSeconds: &week}, []string{
			"key begins with a slash",
			`recipient is "Ada <ada@example.com>", not an e-mail address`,
			"expires_in_seconds must be from 60 to 604800",
		}},
		{Request{Action: "share", Key: "a/../b", Recipient: "ada@example.com"},
			[]string{`key has the part ".."`}},
		{Request{Action: "share", Key: "a//b", Recipient: "ada@example.com"},
			[]string{`key has the part ""`}},
		{Request{Action: "share", Key: "a\n", Recipient: "ada@example.com"},
			[]string{"key contains control characters"}},
		{Request{Action: "share", Key: strings.Repeat("k", 513), Recipient: "ada@example.com"},
			[]string{"key has 513 bytes, at most 512 are allowed"}},
		{Request{Action: "open", ShareID: "x"},
			[]string{`share_id is "x", not 32 hexadecimal digits`}},
	} {
		got := handle(t, service, c.request)
		if !reflect.DeepEqual(got, &Response{Status: "rejected", Errors: c.errors}) {
			t.Errorf("%+v: %+v; want %q", c.request, got, c.errors)
		}
	}
}

func TestHealthNeedsNoClients(t *testing.T) {
	service, err := NewService(names, func() (*Clients, error) {
		return nil, errors.New("the clients were asked for")
	})
	if err != nil {
		t.Fatal(err)
	}
	got := handle(t, service, Request{Action: "health"})
	if !reflect.DeepEqual(got, &Response{Status: "ok", Bucket: "team-files", Table: "shares"}) {
		t.Errorf("%+v", got)
	}
	_, err = service.Handle(t.Context(), Request{Action: "share", Key: "a", Recipient: "a@b.example"})
	if err == nil || err.Error() != "the clients were asked for" {
		t.Errorf("share: %v", err)
	}
}

func TestMissingConfigurationIsAnError(t *testing.T) {
	if _, err := NewService(func(string) string { return "" }, nil); err == nil {
		t.Error("a service without a bucket and a table")
	}
	lambdaEnvironment(t, "")
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	if _, err := NewClients(context.Background()); err == nil ||
		err.Error() != "no AWS region: set AWS_REGION" {
		t.Errorf("clients without a region: %v", err)
	}
}
