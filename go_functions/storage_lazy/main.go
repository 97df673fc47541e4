// Command storage_lazy shares files by link; it makes its AWS clients when the first request needs
// them, so only such requests pay for them, with the CPU that the memory size grants.
//
// Built without the tag lambda.norpc it is some 2 MB larger than storage_eager: OnceValues carries the
// type of the clients, and a linker that must expect method look-ups by name then keeps all methods.
package main

import (
	"context"
	"log"
	"os"
	"sync"

	"coldbench/functions/internal/storage"

	"github.com/aws/aws-lambda-go/lambda"
)

var clients = sync.OnceValues(func() (*storage.Clients, error) {
	return storage.NewClients(context.Background())
})

func newService() (*storage.Service, error) {
	return storage.NewService(os.Getenv, clients)
}

func main() {
	service, err := newService()
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(service.Handle)
}
