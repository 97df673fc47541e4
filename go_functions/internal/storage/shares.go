package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const shareIDLength = 32

// record is one share in the table. ExpiresAt is the table's time-to-live attribute.
type record struct {
	ID        string `dynamodbav:"share_id"`
	Key       string `dynamodbav:"key"`
	Recipient string `dynamodbav:"recipient"`
	CreatedAt int64  `dynamodbav:"created_at"`
	ExpiresAt int64  `dynamodbav:"expires_at"`
}

// Plan is what a dry run would have sent.
type Plan struct {
	Link   PlannedLink   `json:"link"`
	Record PlannedRecord `json:"record"`
}

// PlannedLink is a download link without its signature.
type PlannedLink struct {
	Host             string `json:"host"`
	Path             string `json:"path"`
	ExpiresInSeconds int    `json:"expires_in_seconds"`
}

// PlannedRecord is a signed request to DynamoDB without its signature.
type PlannedRecord struct {
	Host      string         `json:"host"`
	Operation string         `json:"operation"`
	Input     map[string]any `json:"input"`
}

func (s *Service) share(ctx context.Context, c *Clients, request Request) (*Response, error) {
	entry := s.newRecord(request)
	lifetime := request.lifetime()
	link, err := s.link(ctx, c, request.Key, lifetime)
	if err != nil {
		return nil, fmt.Errorf("signing the link: %w", err)
	}
	response := &Response{
		Status:    "ok",
		Key:       entry.Key,
		ShareID:   entry.ID,
		ExpiresAt: time.Unix(entry.ExpiresAt, 0).UTC().Format(time.RFC3339),
	}
	if request.DryRun {
		response.Plan, err = s.plan(ctx, c, entry, link, lifetime)
		return response, err
	}
	if err := s.record(ctx, c, entry); err != nil {
		return nil, fmt.Errorf("recording the share: %w", err)
	}
	response.URL = link
	return response, nil
}

// newRecord gives equal requests equal ids, so that a repeated one is recorded once.
func (s *Service) newRecord(request Request) record {
	created := s.now()
	if request.RequestedAt != nil {
		created = *request.RequestedAt
	}
	digest := sha256.Sum256(fmt.Appendf(nil, "%q %q %d", request.Key, request.Recipient,
		created.Unix()))
	return record{
		ID:        hex.EncodeToString(digest[:])[:shareIDLength],
		Key:       request.Key,
		Recipient: request.Recipient,
		CreatedAt: created.Unix(),
		ExpiresAt: created.Add(request.lifetime()).Unix(),
	}
}

func (s *Service) record(
	ctx context.Context, c *Clients, entry record, options ...func(*dynamodb.Options),
) error {
	item, err := attributevalue.MarshalMap(entry)
	if err != nil {
		return err
	}
	_, err = c.table.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:           &s.table,
		Item:                item,
		ConditionExpression: aws.String("attribute_not_exists(share_id)"),
	}, options...)
	var repeated *types.ConditionalCheckFailedException
	if errors.As(err, &repeated) {
		return nil
	}
	return err
}

func (s *Service) plan(
	ctx context.Context, c *Clients, entry record, link string, lifetime time.Duration,
) (*Plan, error) {
	target, err := url.Parse(link)
	if err != nil {
		return nil, err
	}
	sent := &recorder{}
	err = s.record(ctx, c, entry, func(o *dynamodb.Options) { o.HTTPClient = sent })
	if err != nil {
		return nil, fmt.Errorf("planning the record: %w", err)
	}
	_, operation, _ := strings.Cut(sent.request.Header.Get("X-Amz-Target"), ".")
	plan := &Plan{
		Link: PlannedLink{
			Host: target.Host, Path: target.Path, ExpiresInSeconds: int(lifetime.Seconds()),
		},
		Record: PlannedRecord{Host: sent.request.URL.Host, Operation: operation},
	}
	return plan, json.Unmarshal(sent.body, &plan.Record.Input)
}

func (s *Service) open(ctx context.Context, c *Clients, request Request) (*Response, error) {
	output, err := c.table.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.table,
		Key: map[string]types.AttributeValue{
			"share_id": &types.AttributeValueMemberS{Value: request.ShareID},
		},
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	if len(output.Item) == 0 {
		return &Response{Status: "not_found", ShareID: request.ShareID}, nil
	}
	var entry record
	if err := attributevalue.UnmarshalMap(output.Item, &entry); err != nil {
		return nil, fmt.Errorf("share %s: %w", request.ShareID, err)
	}
	response := &Response{Status: "ok", ShareID: entry.ID, Key: entry.Key}
	// DynamoDB removes expired items up to days late, so a found one can have expired.
	if s.now().Unix() >= entry.ExpiresAt {
		response.Status = "expired"
		return response, nil
	}
	response.Content, err = s.read(ctx, c, entry.Key)
	return response, err
}
