package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

const (
	maxLines = 50
	// Orders of more than this many of one article are accepted and looked at by a person.
	unusualQuantity = 100
)

// Order is what a shop sends when a customer has paid.
type Order struct {
	ID    string `json:"order_id"`
	Lines []Line `json:"lines"`
}

// Line is one article of an order.
type Line struct {
	SKU        string `json:"sku"`
	Quantity   int    `json:"quantity"`
	PriceCents int64  `json:"price_cents"`
}

// Result says what became of the order and what was logged about it.
type Result struct {
	OrderID    string         `json:"order_id"`
	Accepted   bool           `json:"accepted"`
	TotalCents int64          `json:"total_cents"`
	ColdStart  bool           `json:"cold_start"`
	Level      string         `json:"level"`
	Logged     map[string]int `json:"logged"`
}

// orders lives as long as an execution environment.
type orders struct {
	handler slog.Handler
	level   slog.Level
	// unknownLevel is complained about once, in the first invocation.
	unknownLevel string
	warm         bool
}

func newOrders(out io.Writer, getenv func(string) string) *orders {
	level, unknown := levelFrom(getenv)
	return &orders{handler: newHandler(out, level), level: level, unknownLevel: unknown}
}

func (o *orders) receive(ctx context.Context, order Order) (*Result, error) {
	if order.ID == "" {
		return nil, errors.New("order_id is required")
	}
	cold := !o.warm
	o.warm = true
	counts := map[string]int{}
	log := slog.New(counter{o.handler, counts}).With("requestId", requestID(ctx), "coldStart", cold)
	if cold && o.unknownLevel != "" {
		log.WarnContext(ctx, "unknown log level, using INFO", "setting", o.unknownLevel)
	}
	log = log.With("orderId", order.ID)
	total, accepted := assess(ctx, log, order)
	return &Result{
		OrderID:    order.ID,
		Accepted:   accepted,
		TotalCents: total,
		ColdStart:  cold,
		Level:      levelName(o.level),
		Logged:     counts,
	}, nil
}

func requestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}

func assess(ctx context.Context, log *slog.Logger, order Order) (total int64, accepted bool) {
	log.DebugContext(ctx, "order received", "lines", len(order.Lines))
	if count := len(order.Lines); count == 0 || count > maxLines {
		log.ErrorContext(ctx, "order refused", "reason",
			fmt.Sprintf("an order has 1 to %d lines", maxLines), "lines", count)
		return 0, false
	}
	for i, line := range order.Lines {
		if reason := line.problem(); reason != "" {
			log.ErrorContext(ctx, "order refused", "reason", reason, "line", i+1)
			return 0, false
		}
		if line.Quantity > unusualQuantity {
			log.WarnContext(ctx, "unusual quantity", "line", i+1,
				slog.Group("article", "sku", line.SKU, "quantity", line.Quantity))
		}
		total += int64(line.Quantity) * line.PriceCents
	}
	log.InfoContext(ctx, "order accepted", "lines", len(order.Lines), "totalCents", total)
	return total, true
}

func (l Line) problem() string {
	switch {
	case l.SKU == "":
		return "sku is required"
	case l.Quantity < 1 || l.Quantity > 10_000:
		return "quantity must be from 1 to 10000"
	case l.PriceCents < 0 || l.PriceCents > 100_000_000:
		return "price_cents must be from 0 to 100000000"
	}
	return ""
}
