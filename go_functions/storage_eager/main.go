// Command storage_eager shares files by link; it makes its AWS clients while it starts, so every
// cold start pays for them, in the phase that has the whole CPU.
package main

import (
	"context"
	"log"
	"os"

	"coldbench/functions/internal/storage"

	"github.com/aws/aws-lambda-go/lambda"
)

var clients, errClients = storage.NewClients(context.Background())

func newService() (*storage.Service, error) {
	return storage.NewService(os.Getenv, func() (*storage.Clients, error) {
		return clients, errClients
	})
}

func main() {
	if errClients != nil {
		log.Fatal(errClients)
	}
	service, err := newService()
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(service.Handle)
}
