package main

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// The levels that Lambda has beyond those of slog.
const (
	levelTrace = slog.LevelDebug - 4
	levelFatal = slog.LevelError + 4
)

var levels = map[string]slog.Level{
	"TRACE": levelTrace,
	"DEBUG": slog.LevelDebug,
	"INFO":  slog.LevelInfo,
	"WARN":  slog.LevelWarn,
	"ERROR": slog.LevelError,
	"FATAL": levelFatal,
}

// levelFrom reads the level from LOG_LEVEL, else from AWS_LAMBDA_LOG_LEVEL (set by Lambda's own log
// configuration). A name that is no level means INFO, and comes back to be complained about.
func levelFrom(getenv func(string) string) (level slog.Level, unknown string) {
	for _, variable := range []string{"LOG_LEVEL", "AWS_LAMBDA_LOG_LEVEL"} {
		name := getenv(variable)
		if name == "" {
			continue
		}
		if level, known := levels[strings.ToUpper(name)]; known {
			return level, ""
		}
		return slog.LevelInfo, variable + "=" + name
	}
	return slog.LevelInfo, ""
}

// counter counts, per level, the records that its inner handler writes.
type counter struct {
	slog.Handler
	counts map[string]int
}

func (c counter) Handle(ctx context.Context, record slog.Record) error {
	c.counts[levelName(record.Level)]++
	return c.Handler.Handle(ctx, record)
}

func (c counter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return counter{c.Handler.WithAttrs(attrs), c.counts}
}

func (c counter) WithGroup(name string) slog.Handler {
	return counter{c.Handler.WithGroup(name), c.counts}
}

func newHandler(out io.Writer, level slog.Level) slog.Handler {
	return slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level, ReplaceAttr: renameForLambda})
}

// renameForLambda gives the keys and level names that Lambda's JSON log format has.
func renameForLambda(groups []string, attr slog.Attr) slog.Attr {
	if level, ok := attr.Value.Any().(slog.Level); ok && len(groups) == 0 {
		return slog.String(attr.Key, levelName(level))
	}
	return lambdacontext.ReplaceAttr(groups, attr)
}

func levelName(level slog.Level) string {
	for name, known := range levels {
		if known == level {
			return name
		}
	}
	return level.String()
}
