package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"coldbench/functions/internal/lambdatest"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

func TestMain(m *testing.M) {
	lambdatest.Main(m, main)
}

var request = lambdacontext.NewContext(context.Background(),
	&lambdacontext.LambdaContext{AwsRequestID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd"})

func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func lines(t *testing.T, out *bytes.Buffer) []map[string]any {
	t.Helper()
	var records []map[string]any
	for text := range strings.Lines(out.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(text), &record); err != nil {
			t.Fatalf("not a JSON line: %q", text)
		}
		if _, err := time.Parse(time.RFC3339Nano, record["timestamp"].(string)); err != nil {
			t.Errorf("timestamp: %v", err)
		}
		delete(record, "timestamp")
		records = append(records, record)
	}
	return records
}

func shipped(t *testing.T) Order {
	t.Helper()
	data, err := os.ReadFile("events/order.json")
	if err != nil {
		t.Fatal(err)
	}
	var order Order
	if err := json.Unmarshal(data, &order); err != nil {
		t.Fatal(err)
	}
	return order
}

func TestLogsWhatTheResultSays(t *testing.T) {
	var out bytes.Buffer
	service := newOrders(&out, environment(nil))
	result, err := service.receive(request, shipped(t))
	if err != nil {
		t.Fatal(err)
	}
	want := &Result{OrderID: "A-10017", Accepted: true, TotalCents: 67670, ColdStart: true,
		Level: "INFO", Logged: map[string]int{"WARN": 1, "INFO": 1}}
	if !reflect.DeepEqual(result, want) {
		t.Errorf("result %+v; want %+v", result, want)
	}
	wantLines := []map[string]any{
		{"level": "WARN", "message": "unusual quantity", "coldStart": true, "orderId": "A-10017",
			"requestId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd", "line": 3.0,
			"article": map[string]any{"sku": "PEN-BLUE", "quantity": 250.0}},
		{"level": "INFO", "message": "order accepted", "coldStart": true, "orderId": "A-10017",
			"requestId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd", "lines": 3.0, "totalCents": 67670.0},
	}
	if got := lines(t, &out); !reflect.DeepEqual(got, wantLines) {
		t.Errorf("lines %v; want %v", got, wantLines)
	}
}

func TestAnswersItsEvent(t *testing.T) {
	event, err := os.ReadFile("events/order.json")
	if err != nil {
		t.Fatal(err)
	}
	life := lambdatest.Invoke(t, map[string]string{"LOG_LEVEL": "WARN"}, event, event)
	if life.Exit != nil {
		t.Fatalf("%+v", life)
	}
	for i, response := range life.Responses {
		want := map[string]any{"order_id": "A-10017", "accepted": true, "total_cents": 67670.0,
			"cold_start": i == 0, "level": "WARN", "logged": map[string]any{"WARN": 1.0}}
		if !reflect.DeepEqual(response, want) {
			t.Errorf("answer %d: %v; want %v", i+1, response, want)
		}
	}
	var ids []any
	for _, line := range lines(t, bytes.NewBufferString(life.Output)) {
		ids = append(ids, line["requestId"])
	}
	if !reflect.DeepEqual(ids, []any{"request-1", "request-2"}) {
		t.Errorf("request ids %v in %q", ids, life.Output)
	}
}

func TestOnlyTheFirstInvocationIsCold(t *testing.T) {
	var out bytes.Buffer
	service := newOrders(&out, environment(nil))
	for i, cold := range []bool{true, false, false} {
		result, err := service.receive(request, shipped(t))
		if err != nil || result.ColdStart != cold {
			t.Errorf("invocation %d: %+v, %v", i, result, err)
		}
	}
	last := lines(t, &out)
	if last[len(last)-1]["coldStart"] != false {
		t.Errorf("last line %v; want coldStart false", last[len(last)-1])
	}
}

func TestLevelComesFromTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		variables map[string]string
		level     string
		logged    map[string]int
	}{
		{nil, "INFO", map[string]int{"INFO": 1, "WARN": 1}},
		{map[string]string{"LOG_LEVEL": "debug"}, "DEBUG",
			map[string]int{"DEBUG": 1, "INFO": 1, "WARN": 1}},
		{map[string]string{"AWS_LAMBDA_LOG_LEVEL": "WARN"}, "WARN", map[string]int{"WARN": 1}},
		{map[string]string{"LOG_LEVEL": "ERROR", "AWS_LAMBDA_LOG_LEVEL": "TRACE"}, "ERROR",
			map[string]int{}},
		{map[string]string{"AWS_LAMBDA_LOG_LEVEL": "FATAL"}, "FATAL", map[string]int{}},
		{map[string]string{"LOG_LEVEL": "loud"}, "INFO", map[string]int{"INFO": 1, "WARN": 2}},
	} {
		var out bytes.Buffer
		result, err := newOrders(&out, environment(c.variables)).receive(request, shipped(t))
		if err != nil || result.Level != c.level || !maps.Equal(result.Logged, c.logged) {
			t.Errorf("%v: %+v, %v; want %s %v", c.variables, result, err, c.level, c.logged)
		}
		written := map[string]int{}
		for _, line := range lines(t, &out) {
			written[line["level"].(string)]++
		}
		if !maps.Equal(written, c.logged) {
			t.Errorf("%v: wrote %v; the result says %v", c.variables, written, c.logged)
		}
	}
}

func TestRefusedOrdersAreLoggedAsErrors(t *testing.T) {
	for _, c := range []struct {
		order  Order
		reason string
	}{
		{Order{ID: "A-1"}, "an order has 1 to 50 lines"},
		{Order{ID: "A-1", Lines: make([]Line, 51)}, "an order has 1 to 50 lines"},
		{Order{ID: "A-1", Lines: []Line{{Quantity: 1}}}, "sku is required"},
		{Order{ID: "A-1", Lines: []Line{{SKU: "X"}}}, "quantity must be from 1 to 10000"},
		{Order{ID: "A-1", Lines: []Line{{SKU: "X", Quantity: 1, PriceCents: -1}}},
			"price_cents must be from 0 to 100000000"},
	} {
		var out bytes.Buffer
		result, err := newOrders(&out, environment(nil)).receive(request, c.order)
		if err != nil || result.Accepted || result.Logged["ERROR"] != 1 {
			t.Errorf("%+v: %+v, %v", c.order, result, err)
		}
		if got := lines(t, &out); len(got) != 1 || got[0]["reason"] != c.reason {
			t.Errorf("%+v logged %v; want %s", c.order, got, c.reason)
		}
	}
}

func TestAnOrderWithoutIDIsAnError(t *testing.T) {
	var out bytes.Buffer
	_, err := newOrders(&out, environment(nil)).receive(request, Order{})
	if err == nil || err.Error() != "order_id is required" || out.Len() != 0 {
		t.Errorf("error %v, output %q", err, out.String())
	}
}
