// The real aws-lambda-go in each of its ways to answer, to fail and to end. MODE says how it starts,
// the event what its handler does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-lambda-go/lambdaurl"
)

type event struct {
	Do string `json:"do"`
}

type seen struct {
	RequestID   string            `json:"request_id"`
	Arn         string            `json:"arn"`
	Deadline    bool              `json:"deadline"`
	Trace       any               `json:"trace"`
	Application string            `json:"application"`
	Custom      map[string]string `json:"custom"`
	Identity    string            `json:"identity"`
	Pool        string            `json:"pool"`
	Name        string            `json:"name"`
	MemoryMB    int               `json:"memory_mb"`
}

func handle(ctx context.Context, e event) (any, error) {
	switch e.Do {
	case "error":
		return nil, errors.New("no stock")
	case "panic":
		panic("shelf fell down")
	case "exit":
		os.Exit(7)
	case "text":
		return strings.NewReader("plain text"), nil
	case "bytes":
		return strings.NewReader("\x00\xff\xfe"), nil
	case "broken":
		return io.MultiReader(strings.NewReader("piece 0\n"), broken{}), nil
	case "context":
		return contextOf(ctx), nil
	}
	return e, nil
}

// broken is the reader of a source that fails.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the source ran dry") }

func contextOf(ctx context.Context) seen {
	lc, _ := lambdacontext.FromContext(ctx)
	_, has := ctx.Deadline()
	return seen{
		RequestID:   lc.AwsRequestID,
		Arn:         lc.InvokedFunctionArn,
		Deadline:    has,
		Trace:       ctx.Value("x-amzn-trace-id"),
		Application: lc.ClientContext.Client.AppTitle,
		Custom:      lc.ClientContext.Custom,
		Identity:    lc.Identity.CognitoIdentityID,
		Pool:        lc.Identity.CognitoIdentityPoolID,
		Name:        lambdacontext.FunctionName,
		MemoryMB:    lambdacontext.MemoryLimitInMB,
	}
}

// stream answers in pieces, each of which is sent when it is written.
func stream(w http.ResponseWriter, _ *http.Request) {
	for i := range 3 {
		fmt.Fprintf(w, "piece %d\n", i)
	}
}

func main() {
	switch os.Getenv("MODE") {
	case "exit":
		fmt.Println("no database")
		os.Exit(3)
	case "panic":
		panic("no database")
	case "sigterm":
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() { fmt.Println("goodbye") }))
	case "url":
		lambdaurl.Start(http.HandlerFunc(stream))
	default:
		lambda.Start(handle)
	}
}
