// Package lambdatest runs a function's real main in a process of its own against a Runtime API, so
// that a test sees package initialisation, the environment and the wire format as Lambda does.
//
// The process is the test binary once more: the function's TestMain hands its main to [Main].
package lambdatest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	asFunction = "LAMBDATEST_FUNCTION"
	timeout    = 30 * time.Second
)

// Main runs the tests, or main in a process that [Invoke] started.
func Main(m *testing.M, main func()) {
	if os.Getenv(asFunction) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// Life is what one execution environment did.
type Life struct {
	// Responses has the decoded answer to each event. An error answer is a map with errorType.
	Responses []any
	// Output is what the function wrote to stdout and stderr.
	Output string
	// Exit is set if the process ended before it had answered all events.
	Exit error
}

// Invoke starts the function with these variables on top of Lambda's own, and sends the events one
// after the other.
func Invoke(t *testing.T, variables map[string]string, events ...[]byte) Life {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	api := &runtimeAPI{events: events, done: make(chan struct{})}
	server := httptest.NewServer(api)
	defer server.Close()
	defer server.CloseClientConnections()

	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	command := exec.CommandContext(ctx, executable)
	command.Stdout, command.Stderr = &output, &output
	command.Env = environment(strings.TrimPrefix(server.URL, "http://"), variables)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- command.Wait() }()
	var life Life
	select {
	case <-api.done:
		cancel()
		<-exited
	case err := <-exited:
		life.Exit = fmt.Errorf("the function ended early: %w", orExitZero(err))
	}
	life.Responses, life.Output = api.answers, output.String()
	return life
}

// InvokeFile sends one event file and gives its answer; anything but an answer fails the test.
func InvokeFile(t *testing.T, variables map[string]string, path string) any {
	t.Helper()
	event, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	life := Invoke(t, variables, event)
	if life.Exit != nil {
		t.Fatalf("%v\n%s", life.Exit, life.Output)
	}
	return life.Responses[0]
}

func orExitZero(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

func environment(api string, variables map[string]string) []string {
	result := []string{
		asFunction + "=1",
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=test",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1769",
		"AWS_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=AKIDTEST",
		"AWS_SECRET_ACCESS_KEY=not-a-secret",
		"AWS_SESSION_TOKEN=not-a-token",
	}
	for name, value := range variables {
		result = append(result, name+"="+value)
	}
	return result
}

// runtimeAPI is the part of Lambda's Runtime API that a function without faults meets.
type runtimeAPI struct {
	events  [][]byte
	answers []any
	sent    int
	done    chan struct{}
}

func (r *runtimeAPI) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	const prefix = "/2018-06-01/runtime/invocation/"
	path, known := strings.CutPrefix(request.URL.Path, prefix)
	id := fmt.Sprintf("request-%d", r.sent)
	switch {
	case known && path == "next" && r.sent < len(r.events):
		r.sent++
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprintf("request-%d", r.sent))
		w.Header().Set("Lambda-Runtime-Deadline-Ms",
			fmt.Sprint(time.Now().Add(timeout).UnixMilli()))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn",
			"arn:aws:lambda:eu-west-1:123456789012:function:test")
		w.Write(r.events[r.sent-1])
	case known && path == "next":
		<-request.Context().Done()
	case known && (path == id+"/response" || path == id+"/error"):
		var answer any
		if err := json.NewDecoder(request.Body).Decode(&answer); err != nil {
			answer = fmt.Sprintf("not JSON: %v", err)
		}
		r.answers = append(r.answers, answer)
		w.WriteHeader(http.StatusAccepted)
		if len(r.answers) == len(r.events) {
			close(r.done)
		}
	default:
		http.NotFound(w, request)
	}
}
