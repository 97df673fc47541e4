// Command logging checks a customer's order and writes structured JSON log lines about it.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	service := newOrders(os.Stdout, os.Getenv)
	lambda.Start(func(ctx context.Context, order Order) (*Result, error) {
		return service.receive(ctx, order)
	})
}
