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

func TestWithoutARegionItDoesNotStart(t *testing.T) {
	variables := storagetest.Variables()
	variables["AWS_REGION"] = ""
	life := lambdatest.Invoke(t, variables, []byte(`{"action": "health"}`))
	storagetest.EndsWith(t, life, "no AWS region: set AWS_REGION")
}

func TestWithoutABucketItDoesNotStart(t *testing.T) {
	storagetest.DoesNotStartWithoutABucket(t)
}
