package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Clients are the AWS clients that sharing files needs.
type Clients struct {
	objects *s3.Client
	links   *s3.PresignClient
	table   *dynamodb.Client
}

// NewClients configures the clients from the environment that Lambda gives to a function: AWS_REGION,
// the AWS_ACCESS_KEY_ID family, and AWS_ENDPOINT_URL where it is set. It sends nothing.
func NewClients(ctx context.Context) (*Clients, error) {
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("loading the AWS configuration: %w", err)
	}
	if settings.Region == "" {
		return nil, errors.New("no AWS region: set AWS_REGION")
	}
	objects := s3.NewFromConfig(settings, func(o *s3.Options) {
		// Local endpoints have no DNS name per bucket.
		o.UsePathStyle = o.BaseEndpoint != nil
		// Objects stored without a checksum are no news; each would be a log line.
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	return &Clients{
		objects: objects,
		links:   s3.NewPresignClient(objects),
		table:   dynamodb.NewFromConfig(settings),
	}, nil
}

// recorder is an HTTP client that keeps the signed request and sends nothing. Its empty success is
// one that DynamoDB's client accepts as the answer to a PutItem.
type recorder struct {
	request *http.Request
	body    []byte
}

func (r *recorder) Do(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	r.request, r.body = request, body
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: request,
	}, nil
}
