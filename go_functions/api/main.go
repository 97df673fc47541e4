// Command api creates, lists, reads, replaces and deletes items behind Amazon API Gateway.
//
// It answers REST API (payload 1.0) and HTTP API (payload 2.0) events alike. Items live in the
// memory of one execution environment, so they last as long as it does; every environment starts
// with the same three. fixtures/events/api_contract.md in this repository describes the behaviour.
package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

// handler answers raw gateway events, in the response format of the event.
type handler struct {
	api   *api
	allow string
}

func newHandler(allowedOrigin string) *handler {
	if allowedOrigin == "" {
		allowedOrigin = "*"
	}
	return &handler{api: &api{items: newStore()}, allow: allowedOrigin}
}

func (h *handler) handle(_ context.Context, event json.RawMessage) (any, error) {
	request, format := parseEvent(event)
	answer := unsupportedEvent()
	if format != formatUnknown {
		answer = h.api.serve(request)
	}
	answer.header("Access-Control-Allow-Origin", h.allow)
	if h.allow != "*" {
		answer.header("Vary", "Origin")
	}
	return answer.render(format)
}

func main() {
	lambda.Start(newHandler(os.Getenv("ALLOWED_ORIGIN")).handle)
}
