package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
)

// answer is a response before it takes the form of an event format. A nil body is an empty one.
type answer struct {
	status  int
	headers map[string]string
	body    any
}

type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code    string       `json:"code"`
	Message string       `json:"message"`
	Details []fieldError `json:"details,omitempty"`
}

type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

func (a *answer) header(name, value string) {
	if a.headers == nil {
		a.headers = map[string]string{}
	}
	a.headers[name] = value
}

func (a *answer) render(f format) (any, error) {
	var body []byte
	if a.body != nil {
		var err error
		if body, err = json.Marshal(a.body); err != nil {
			return nil, fmt.Errorf("encoding the response: %w", err)
		}
		a.header("Content-Type", "application/json")
	}
	if f == formatHTTP {
		return events.APIGatewayV2HTTPResponse{
			StatusCode: a.status, Headers: a.headers, Body: string(body),
		}, nil
	}
	return events.APIGatewayProxyResponse{
		StatusCode: a.status, Headers: a.headers, Body: string(body),
	}, nil
}

func failure(status int, code, message string, details ...fieldError) *answer {
	return &answer{status: status, body: errorBody{errorDetail{code, message, details}}}
}

func invalid(details ...fieldError) *answer {
	return failure(http.StatusBadRequest, "validation_failed", "the request is not valid",
		details...)
}

func notFound(message string) *answer {
	return failure(http.StatusNotFound, "not_found", message)
}

func notAllowed(method, path, allowed string) *answer {
	message := fmt.Sprintf("%s is not allowed on %s", method, path)
	a := failure(http.StatusMethodNotAllowed, "method_not_allowed", message)
	a.header("Allow", allowed)
	return a
}

func preflight(allowed string) *answer {
	a := &answer{status: http.StatusNoContent}
	a.header("Access-Control-Allow-Methods", allowed)
	a.header("Access-Control-Allow-Headers", "Authorization, Content-Type")
	a.header("Access-Control-Max-Age", "600")
	return a
}

func unsupportedEvent() *answer {
	return failure(http.StatusBadRequest, "unsupported_event",
		"the event is neither an API Gateway REST (1.0) nor HTTP API (2.0) request")
}
