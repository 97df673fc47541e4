// Command hello greets a person in one of a few languages.
package main

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/lambda"
)

const maxNameLength = 64

var greetings = map[string]string{
	"de": "Guten Tag, %s!",
	"en": "Hello, %s!",
	"es": "¡Hola, %s!",
	"fr": "Bonjour, %s !",
	"it": "Ciao, %s!",
	"nl": "Hallo, %s!",
	"pt": "Olá, %s!",
	"sv": "Hej, %s!",
}

// Request asks for a greeting. Language is an ISO 639-1 code and may be empty: English.
type Request struct {
	Name     string `json:"name"`
	Language string `json:"language"`
}

// Response carries the greeting and what it was made from.
type Response struct {
	Message  string `json:"message"`
	Name     string `json:"name"`
	Language string `json:"language"`
}

// ValidationError says which field of a request is wrong. Its name is the errorType that the
// caller of the function sees.
type ValidationError struct {
	Field  string
	Reason string
}

func (e *ValidationError) Error() string {
	return e.Field + " " + e.Reason
}

func greet(_ context.Context, request Request) (*Response, error) {
	name := strings.TrimSpace(request.Name)
	if err := checkName(name); err != nil {
		return nil, err
	}
	language := strings.ToLower(request.Language)
	if language == "" {
		language = "en"
	}
	format, known := greetings[language]
	if !known {
		reason := fmt.Sprintf("%q is not spoken here, only %s", request.Language, languages())
		return nil, &ValidationError{Field: "language", Reason: reason}
	}
	return &Response{Message: fmt.Sprintf(format, name), Name: name, Language: language}, nil
}

func checkName(name string) error {
	length := utf8.RuneCountInString(name)
	switch {
	case length == 0:
		return &ValidationError{Field: "name", Reason: "is required"}
	case length > maxNameLength:
		reason := fmt.Sprintf("has %d characters, at most %d are allowed", length, maxNameLength)
		return &ValidationError{Field: "name", Reason: reason}
	case strings.ContainsFunc(name, unicode.IsControl):
		return &ValidationError{Field: "name", Reason: "contains control characters"}
	}
	return nil
}

func languages() string {
	codes := make([]string, 0, len(greetings))
	for code := range greetings {
		codes = append(codes, code)
	}
	sort.Strings(codes)
	return strings.Join(codes, ", ")
}

func main() {
	lambda.Start(greet)
}
