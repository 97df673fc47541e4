package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"coldbench/functions/internal/lambdatest"
)

func TestMain(m *testing.M) {
	lambdatest.Main(m, main)
}

const sharedEvents = "../../fixtures/events"

type contractEntry struct {
	Name  string            `json:"name"`
	Env   map[string]string `json:"env"`
	Steps []struct {
		Event  json.RawMessage `json:"event"`
		Expect response        `json:"expect"`
	} `json:"steps"`
}

type response struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       any               `json:"body"`
}

func TestKeepsTheContractSharedWithThePythonFunction(t *testing.T) {
	var contract []contractEntry
	readJSON(t, filepath.Join(sharedEvents, "api_contract.json"), &contract)
	if len(contract) == 0 {
		t.Fatal("the contract is empty")
	}
	for _, entry := range contract {
		t.Run(entry.Name, func(t *testing.T) {
			h := newHandler(entry.Env["ALLOWED_ORIGIN"])
			for i, step := range entry.Steps {
				got := invoke(t, h, step.Event)
				if !reflect.DeepEqual(got, step.Expect) {
					t.Errorf("step %d:\n got %+v\nwant %+v", i+1, got, step.Expect)
				}
			}
		})
	}
}

func TestSharedGatewayEventsAreAnswered(t *testing.T) {
	for name, status := range map[string]int{
		"list_items": 200, "read_item": 200, "create_item": 201, "update_item": 200,
		"delete_item": 204, "preflight": 204, "bad_body": 400, "unknown_item": 404,
		"wrong_method": 405,
	} {
		var answers []response
		for _, format := range []string{"apigw_rest_v1_", "apigw_http_v2_"} {
			var event json.RawMessage
			readJSON(t, filepath.Join(sharedEvents, format+name+".json"), &event)
			answers = append(answers, invoke(t, newHandler(""), event))
		}
		if answers[0].StatusCode != status || !reflect.DeepEqual(answers[0], answers[1]) {
			t.Errorf("%s: REST %+v, HTTP %+v; want both %d", name, answers[0], answers[1], status)
		}
	}
}

func TestAnswersItsEvents(t *testing.T) {
	for path, status := range map[string]float64{
		"events/http_v2_list.json": 200, "events/rest_v1_create.json": 201,
	} {
		got := lambdatest.InvokeFile(t, nil, path).(map[string]any)
		if got["statusCode"] != status {
			t.Errorf("%s: %v; want %v", path, got, status)
		}
	}
}

func TestItemsLastAsLongAsTheEnvironment(t *testing.T) {
	var created json.RawMessage
	readJSON(t, filepath.Join(sharedEvents, "apigw_http_v2_create_item.json"), &created)
	life := lambdatest.Invoke(t, nil, created, created)
	if life.Exit != nil {
		t.Fatalf("%+v", life)
	}
	second := life.Responses[1].(map[string]any)["headers"].(map[string]any)
	if second["Location"] != "/items/5" {
		t.Errorf("second item: %v", second)
	}
}

func invoke(t *testing.T, h *handler, event json.RawMessage) response {
	t.Helper()
	result, err := h.handle(context.Background(), event)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	var got response
	if err := json.Unmarshal(encoded, &got); err != nil {
		t.Fatal(err)
	}
	body, _ := got.Body.(string)
	got.Body = nil
	if body != "" {
		if err := json.Unmarshal([]byte(body), &got.Body); err != nil {
			t.Fatalf("body %q: %v", body, err)
		}
	}
	return got
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
