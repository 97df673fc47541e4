package main

import (
	"testing"

	"coldbench/functions/internal/lambdatest"
	"coldbench/functions/internal/storage/storagetest"
)

func TestMain(m *testing.M) {
	lambdatest.Main(m, main)
}

func TestAnswersItsEvents(t *testing.T) {
	storagetest.AnswersItsEvents(t)
}

func TestAWarmEnvironmentAnswersAsAColdOne(t *testing.T) {
	storagetest.AnswersRepeatedRequests(t)
}

func TestWithoutARegionOnlyRequestsThatNeedAWSFail(t *testing.T) {
	variables := storagetest.Variables()
	variables["AWS_REGION"] = ""
	life := lambdatest.Invoke(t, variables, []byte(`{"action": "health"}`),
		[]byte(`{"action": "open", "share_id": "00000000000000000000000000000000"}`))
	if life.Exit != nil || len(life.Responses) != 2 {
		t.Fatalf("%+v", life)
	}
	if got := life.Responses[0].(map[string]any)["status"]; got != "ok" {
		t.Errorf("health: %v", life.Responses[0])
	}
	want := "no AWS region: set AWS_REGION"
	if got := life.Responses[1].(map[string]any)["errorMessage"]; got != want {
		t.Errorf("open: %v; want %s", life.Responses[1], want)
	}
}

func TestWithoutABucketItDoesNotStart(t *testing.T) {
	storagetest.DoesNotStartWithoutABucket(t)
}
