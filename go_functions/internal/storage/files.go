package storage

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func (s *Service) store(ctx context.Context, c *Clients, request Request) (*Response, error) {
	contentType := request.ContentType
	if contentType == "" {
		contentType = "text/plain; charset=utf-8"
	}
	output, err := c.objects.PutObject(ctx, &s3.PutObjectInput{
		Bucket:      &s.bucket,
		Key:         &request.Key,
		Body:        strings.NewReader(request.Content),
		ContentType: &contentType,
	})
	if err != nil {
		return nil, err
	}
	return &Response{Status: "ok", Key: request.Key, ETag: aws.ToString(output.ETag)}, nil
}

func (s *Service) read(ctx context.Context, c *Clients, key string) (string, error) {
	output, err := c.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return "", err
	}
	defer output.Body.Close()
	content, err := io.ReadAll(io.LimitReader(output.Body, maxContentLength+1))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", key, err)
	}
	if len(content) > maxContentLength {
		return "", fmt.Errorf("%s has more than %d bytes", key, maxContentLength)
	}
	return string(content), nil
}

// link signs a download link. It needs credentials and no network.
func (s *Service) link(
	ctx context.Context, c *Clients, key string, lifetime time.Duration,
) (string, error) {
	signed, err := c.links.PresignGetObject(ctx,
		&s3.GetObjectInput{Bucket: &s.bucket, Key: &key}, s3.WithPresignExpires(lifetime))
	if err != nil {
		return "", err
	}
	return signed.URL, nil
}
