package main

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"

	"coldbench/functions/internal/lambdatest"
)

const requestID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

func TestMain(m *testing.M) {
	lambdatest.Main(m, main)
}

// samples has one line for every rule, and the code that it is about.
var samples = map[string]struct{ line, code string }{
	"lambda.report":     {"REPORT RequestId: " + requestID + "\tDuration: 3.12 ms", ""},
	"lambda.boundary":   {"END RequestId: " + requestID, ""},
	"lambda.timeout":    {requestID + " Task timed out after 3.00 seconds", ""},
	"lambda.exit":       {"RequestId: " + requestID + " Error: Runtime exited with error: exit status 137", "137"},
	"kernel.oom":        {"Out of memory: Killed process 4242 (node) total-vm:2097152kB", ""},
	"java.oom":          {"Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space", ""},
	"node.oom":          {"FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", ""},
	"redis.oom":         {"(error) OOM command not allowed when used memory > 'maxmemory'.", ""},
	"process.segfault":  {"app[977]: segfault at 0 ip 00007f1c2b sp 00007ffd3a error 4 in libc.so.6", ""},
	"process.signal":    {"worker 3 killed by signal: SIGKILL", "SIGKILL"},
	"process.exit":      {"container exited with code 127", "127"},
	"disk.full":         {"write /var/lib/data: no space left on device", ""},
	"disk.read-only":    {"EXT4-fs (sda1): Remounting filesystem read-only", ""},
	"disk.failure":      {"blk_update_request: I/O error, dev sdb1, sector 123456", ""},
	"files.exhausted":   {"Error: EMFILE: too many open files, open '/tmp/x'", "EMFILE"},
	"tls.certificate":   {"x509: certificate signed by unknown authority", ""},
	"tls.handshake":     {"http: TLS handshake error from 10.0.0.1:4711: EOF", ""},
	"dns.failure":       {"dial tcp: lookup db.internal: no such host", ""},
	"network.refused":   {"Error: connect ECONNREFUSED 127.0.0.1:6379", "ECONNREFUSED"},
	"network.reset":     {"read tcp 10.0.0.1:443: connection reset by peer", ""},
	"http.access.5xx":   {`10.0.0.1 - ada [14/Mar/2026:09:26:53 +0000] "GET / HTTP/2" 502 12 "-"`, "502"},
	"http.access.4xx":   {`10.0.0.1 - - [14/Mar/2026:09:26:53 +0000] "GET /x HTTP/1.1" 404 12 "-"`, "404"},
	"http.access":       {`10.0.0.1 - - [14/Mar/2026:09:26:53 +0000] "GET /x HTTP/1.1" 301 12 "-"`, "301"},
	"nginx.upstream":    {"upstream prematurely closed connection while reading response header from upstream", ""},
	"haproxy.down":      {"Server web/web-3 is DOWN, reason: Layer4 timeout, check duration: 2001ms", ""},
	"network.timeout":   {"Get \"https://api.example.com\": context deadline exceeded", ""},
	"postgres.deadlock": {"ERROR:  40P01: deadlock detected", "40P01"},
	"postgres.slow":     {"LOG:  duration: 5312.118 ms  statement: SELECT 1", ""},
	"mysql.error":       {"ERROR 1146 (42S02) at line 3: Table 'shop.cart' doesn't exist", "42S02"},
	"sql.state":         {"insert failed: SQLSTATE[23505]: Unique violation", "23505"},
	"postgres.fatal":    {"FATAL:  53300: sorry, too many clients already", "53300"},
	"redis.failover":    {"-READONLY You can't write against a read only replica.", ""},
	"mongo.duplicate":   {"E11000 duplicate key error collection: shop.users index: email_1", ""},
	"aws.throttled":     {"ThrottlingException: Rate exceeded", ""},
	"aws.denied":        {"User: arn:aws:sts::123456789012:role/x is not authorized to perform: s3:GetObject", ""},
	"aws.token":         {"An error occurred (ExpiredToken) when calling the ListBuckets operation", ""},
	"aws.missing":       {"api error NoSuchKey: The specified key does not exist.", ""},
	"grpc.error":        {"rpc error: code = PermissionDenied desc = no", "PermissionDenied"},
	"go.panic":          {"panic: runtime error: index out of range [3] with length 3", ""},
	"python.traceback":  {"Traceback (most recent call last):", ""},
	"python.exception":  {"[ERROR] json.decoder.JSONDecodeError: Expecting value", ""},
	"java.exception":    {"Caused by: com.example.shop.CartNotFoundException: 17", ""},
	"node.unhandled":    {"(node:7) UnhandledPromiseRejectionWarning: TypeError", ""},
	"ssh.failed":        {"sshd[812]: Failed password for invalid user admin from 198.51.100.7 port 52344 ssh2", ""},
	"sudo.denied":       {"sudo: bob : user NOT in sudoers ; TTY=pts/0", ""},
	"kubernetes.pod":    {"pod checkout-7d9 is in CrashLoopBackOff", ""},
	"generic.error":     {"level=error msg=failed", ""},
	"generic.warning":   {"[WARN] slow consumer", ""},
}

func TestEveryRuleRecognisesItsLine(t *testing.T) {
	for _, r := range rules {
		sample, given := samples[r.id]
		if !given {
			t.Errorf("%s has no sample", r.id)
			continue
		}
		matched, code := classify(sample.line)
		if matched == nil || matched.id != r.id {
			t.Errorf("%s: %q was taken for %+v", r.id, sample.line, matched)
		}
		found := ""
		if code != nil {
			found = code.Code
		}
		if found != sample.code {
			t.Errorf("%s: code %q; want %q", r.id, found, sample.code)
		}
	}
	if len(samples) != len(rules) {
		t.Errorf("%d samples for %d rules", len(samples), len(rules))
	}
}

func TestSixtyPatternsAreCompiledAtStart(t *testing.T) {
	if got := len(rules) + len(redactions); got != 60 {
		t.Errorf("%d patterns", got)
	}
}

func TestCodesAreKnown(t *testing.T) {
	for _, want := range []Code{
		{"errno", "ECONNREFUSED", "Connection refused", true},
		{"errno", "EACCES", "Permission denied", false},
		{"http", "503", "Service Unavailable", true},
		{"sqlstate", "23505", "unique violation", false},
		{"signal", "SIGKILL", "Killed", false},
		{"exit", "137", "ended by SIGKILL, often out of memory", false},
	} {
		if got := codes[codeKey{want.Family, want.Code}]; got != want {
			t.Errorf("%+v; want %+v", got, want)
		}
	}
}

func TestADamagedCodeTableIsFoundAtStart(t *testing.T) {
	for _, data := range []string{
		`{`, `[{"family": "exit", "code": "1"}, {"family": "exit", "code": "1"}]`,
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was accepted", data)
				}
			}()
			mustParseCodes([]byte(data))
		}()
	}
}

func TestSecretsAreTakenOut(t *testing.T) {
	token := strings.Repeat("aB3", 20)
	for _, c := range []struct{ id, line, want string }{
		{"private-key", "-----BEGIN EC PRIVATE KEY----- MHcC", "[private-key]"},
		{"json-web-token", "got eyJhbGciOiJI.eyJzdWIiOiIx." + token, "got [json-web-token]"},
		{"aws-access-key", "key AKIA" + "IOSFODNN7EXAMPLE used", "key [aws-access-key] used"},
		{"github-token", "ghp_" + token + " pushed", "[github-token] pushed"},
		{"slack-token", "to xoxb-" + token, "to [slack-token]"},
		{"stripe-key", "sk_test_" + token + ".", "[stripe-key]."},
		{"authorization", "Authorization: Bearer " + token, "Authorization: [authorization]"},
		{"url-password", "postgres://app:hunter2@db/shop", "[url-password]db/shop"},
		{"password", `{"password": "hunter22"}`, `{"[password]"}`},
		{"iban", "to GB82 WEST 1234 5698 7654 32 today", "to [iban] today"},
		{"payment-card", "card 4242-4242-4242-4242!", "card [payment-card]!"},
		{"email", "mail to ada.l@mail.example.com.", "mail to [email]."},
	} {
		counts := map[string]int{}
		got := redact(c.line, counts)
		if got != c.want || !maps.Equal(counts, map[string]int{c.id: 1}) {
			t.Errorf("%q became %q, %v; want %q", c.line, got, counts, c.want)
		}
	}
}

func TestWhatOnlyLooksLikeASecretStays(t *testing.T) {
	for _, line := range []string{
		"card 4242 4242 4242 4241", "to GB83 WEST 1234 5698 7654 32", "order 1234567890123456",
		"AKIA is a prefix", "see https://example.com/a:b@c", "the token is missing",
	} {
		counts := map[string]int{}
		if got := redact(line, counts); got != line || len(counts) != 0 {
			t.Errorf("%q became %q, %v", line, got, counts)
		}
	}
}

func TestRefusesInvalidBatches(t *testing.T) {
	for _, c := range []struct {
		request Request
		reason  string
	}{
		{Request{Lines: []string{"x"}}, "source is required"},
		{Request{Source: "web"}, "a batch has 1 to 200 lines, this one 0"},
		{Request{Source: "web", Lines: make([]string, 201)},
			"a batch has 1 to 200 lines, this one 201"},
		{Request{Source: "web", Lines: []string{"", strings.Repeat("x", 4097)}},
			"line 2 has 4097 bytes, at most 4096 are allowed"},
	} {
		_, err := triage(context.Background(), c.request)
		var refused *InvalidBatch
		if !errors.As(err, &refused) || refused.Reason != c.reason {
			t.Errorf("%v; want %s", err, c.reason)
		}
	}
}

func TestAnswersItsEvent(t *testing.T) {
	got := lambdatest.InvokeFile(t, nil, "events/batch.json").(map[string]any)
	findings := got["findings"].([]any)
	delete(got, "findings")
	want := map[string]any{
		"source": "checkout", "lines": 12.0, "unknown": 3.0,
		"severities": map[string]any{"info": 3.0, "warning": 1.0, "error": 4.0, "critical": 1.0},
		"redactions": map[string]any{"email": 1.0, "password": 1.0, "payment-card": 1.0},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
	var rulesFound []string
	for _, finding := range findings {
		rulesFound = append(rulesFound, finding.(map[string]any)["rule"].(string))
	}
	wantRules := []string{"http.access.5xx", "network.refused", "postgres.deadlock", "grpc.error",
		"generic.warning", "lambda.timeout"}
	if !reflect.DeepEqual(rulesFound, wantRules) {
		t.Errorf("rules %v; want %v", rulesFound, wantRules)
	}
	code := map[string]any{
		"family": "http", "code": "503", "text": "Service Unavailable", "retry": true,
	}
	if got := findings[0].(map[string]any)["code"]; !reflect.DeepEqual(got, code) {
		t.Errorf("code %v; want %v", got, code)
	}
}
