package main

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

type format int

const (
	formatUnknown format = iota
	formatREST
	formatHTTP
)

// request is what both event formats have in common.
type request struct {
	method string
	// path has no stage name and no trailing slash.
	path   string
	id     string
	query  map[string]string
	tags   []string
	body   string
	base64 bool
}

// parseEvent tells the two event formats apart by what only they have.
func parseEvent(event json.RawMessage) (request, format) {
	var probe struct {
		Version string `json:"version"`
	}
	if json.Unmarshal(event, &probe) != nil {
		return request{}, formatUnknown
	}
	if probe.Version == "2.0" {
		return parseHTTP(event)
	}
	return parseREST(event)
}

func parseREST(event json.RawMessage) (request, format) {
	var e events.APIGatewayProxyRequest
	if json.Unmarshal(event, &e) != nil || e.HTTPMethod == "" || e.Path == "" {
		return request{}, formatUnknown
	}
	tags, repeated := e.MultiValueQueryStringParameters["tag"]
	if !repeated {
		tags = present(e.QueryStringParameters, "tag")
	}
	return request{
		method: e.HTTPMethod,
		path:   withoutTrailingSlash(e.Path),
		id:     e.PathParameters["id"],
		query:  e.QueryStringParameters,
		tags:   splitCommas(tags),
		body:   e.Body,
		base64: e.IsBase64Encoded,
	}, formatREST
}

func parseHTTP(event json.RawMessage) (request, format) {
	var e events.APIGatewayV2HTTPRequest
	if json.Unmarshal(event, &e) != nil || e.RequestContext.HTTP.Method == "" || e.RawPath == "" {
		return request{}, formatUnknown
	}
	return request{
		method: e.RequestContext.HTTP.Method,
		path:   withoutTrailingSlash(withoutStage(e.RawPath, e.RequestContext.Stage)),
		id:     e.PathParameters["id"],
		query:  e.QueryStringParameters,
		tags:   splitCommas(present(e.QueryStringParameters, "tag")),
		body:   e.Body,
		base64: e.IsBase64Encoded,
	}, formatHTTP
}

// withoutStage undoes what HTTP APIs do for every stage but $default: rawPath begins with its name.
func withoutStage(path, stage string) string {
	if stage == "" || stage == "$default" {
		return path
	}
	rest, found := strings.CutPrefix(path, "/"+stage)
	if found && (rest == "" || rest[0] == '/') {
		return rest
	}
	return path
}

func withoutTrailingSlash(path string) string {
	if path = strings.TrimSuffix(path, "/"); path == "" {
		return "/"
	}
	return path
}

func present(query map[string]string, key string) []string {
	if value, ok := query[key]; ok {
		return []string{value}
	}
	return nil
}

// splitCommas makes the formats equal: HTTP APIs join repeated parameters with commas.
func splitCommas(values []string) []string {
	var parts []string
	for _, value := range values {
		parts = append(parts, strings.Split(value, ",")...)
	}
	return parts
}
