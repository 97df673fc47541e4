package main

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"coldbench/functions/internal/lambdatest"
)

func TestMain(m *testing.M) {
	lambdatest.Main(m, main)
}

func TestGreetsInTheLanguageAskedFor(t *testing.T) {
	for _, c := range []struct {
		request Request
		want    Response
	}{
		{Request{Name: "Ada"}, Response{"Hello, Ada!", "Ada", "en"}},
		{Request{Name: "  Ada\n"}, Response{"Hello, Ada!", "Ada", "en"}},
		{Request{Name: "Zoë", Language: "FR"}, Response{"Bonjour, Zoë !", "Zoë", "fr"}},
		{Request{Name: strings.Repeat("ß", 64), Language: "de"},
			Response{"Guten Tag, " + strings.Repeat("ß", 64) + "!", strings.Repeat("ß", 64), "de"}},
	} {
		got, err := greet(context.Background(), c.request)
		if err != nil || *got != c.want {
			t.Errorf("greet(%+v) = %+v, %v; want %+v", c.request, got, err, c.want)
		}
	}
}

func TestRefusesWhatItCannotGreet(t *testing.T) {
	for _, c := range []struct {
		request Request
		field   string
		message string
	}{
		{Request{}, "name", "name is required"},
		{Request{Name: " \t"}, "name", "name is required"},
		{Request{Name: strings.Repeat("ß", 65)}, "name",
			"name has 65 characters, at most 64 are allowed"},
		{Request{Name: "Ada\x00"}, "name", "name contains control characters"},
		{Request{Name: "Ada", Language: "tlh"}, "language",
			`language "tlh" is not spoken here, only de, en, es, fr, it, nl, pt, sv`},
	} {
		_, err := greet(context.Background(), c.request)
		var invalid *ValidationError
		if !errors.As(err, &invalid) || invalid.Field != c.field || err.Error() != c.message {
			t.Errorf("greet(%+v) error = %v; want %s", c.request, err, c.message)
		}
	}
}

func TestAnswersItsEvent(t *testing.T) {
	got := lambdatest.InvokeFile(t, nil, "events/greet.json")
	want := map[string]any{
		"message": "Hello, Ada Lovelace!", "name": "Ada Lovelace", "language": "en",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestAnErrorReachesTheCallerWithItsType(t *testing.T) {
	life := lambdatest.Invoke(t, nil, []byte(`{}`), []byte(`{"name": "Ada"}`))
	want := map[string]any{"errorMessage": "name is required", "errorType": "ValidationError"}
	if life.Exit != nil || !reflect.DeepEqual(life.Responses[0], want) {
		t.Errorf("%+v; want %v", life, want)
	}
	if got := life.Responses[1].(map[string]any)["message"]; got != "Hello, Ada!" {
		t.Errorf("after an error: %v", life.Responses[1])
	}
}
