package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	defaultLimit  = 20
	maxLimit      = 100
	maxNameLength = 100
	maxPrice      = 100_000_000
	maxTags       = 10

	idRange   = "a whole number from 1 to 999999999"
	tagShape  = "1 to 32 of a-z, 0-9 and -"
	nameRule  = "name must be a string of 1 to 100 characters"
	priceRule = "price_cents must be an integer from 0 to 100000000"
	tagsRule  = "tags must be a list of at most 10 different tags, each " + tagShape
)

var (
	idPattern  = regexp.MustCompile(`^[1-9][0-9]{0,8}$`)
	tagPattern = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
)

// content is the part of an item that its owner decides.
type content struct {
	Name       string   `json:"name"`
	PriceCents int64    `json:"price_cents"`
	Tags       []string `json:"tags"`
}

type listQuery struct {
	limit int
	after int
	tags  []string
}

func parseID(text string) (int, bool) {
	if !idPattern.MatchString(text) {
		return 0, false
	}
	id, err := strconv.Atoi(text)
	return id, err == nil
}

func parseListQuery(r request) (listQuery, []fieldError) {
	query := listQuery{limit: defaultLimit, tags: r.tags}
	var problems []fieldError
	if text, given := r.query["limit"]; given {
		limit, ok := parseID(text)
		if !ok || limit > maxLimit {
			problems = append(problems,
				fieldError{"limit", "limit must be a whole number from 1 to 100"})
		}
		query.limit = limit
	}
	if text, given := r.query["after"]; given {
		after, ok := parseID(text)
		if !ok {
			problems = append(problems, fieldError{"after", "after must be " + idRange})
		}
		query.after = after
	}
	if !slices.ContainsFunc(r.tags, isNoTag) {
		return query, problems
	}
	return query, append(problems, fieldError{"tag", "tag must be " + tagShape})
}

func isNoTag(tag string) bool {
	return !tagPattern.MatchString(tag)
}

// parseContent gives the content of the request body, or the answer that refuses it.
func parseContent(r request) (content, *answer) {
	if r.body == "" {
		return content{}, failure(http.StatusBadRequest, "missing_body",
			"a request body is required")
	}
	body := []byte(r.body)
	if r.base64 {
		var err error
		if body, err = base64.StdEncoding.DecodeString(r.body); err != nil {
			return content{}, failure(http.StatusBadRequest, "invalid_encoding",
				"the request body is not valid base64")
		}
	}
	if !json.Valid(body) || !utf8.Valid(body) {
		return content{}, failure(http.StatusBadRequest, "invalid_json",
			"the request body is not valid JSON")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return content{}, failure(http.StatusBadRequest, "invalid_body",
			"the request body must be a JSON object")
	}
	result, problems := parseFields(fields)
	if len(problems) > 0 {
		return content{}, invalid(problems...)
	}
	return result, nil
}

func parseFields(fields map[string]json.RawMessage) (content, []fieldError) {
	result := content{Tags: []string{}}
	var problems []fieldError
	check := func(field, rule string, required bool, parse func(json.RawMessage) bool) {
		raw, given := fields[field]
		delete(fields, field)
		switch {
		case !given && required:
			problems = append(problems, fieldError{field, field + " is required"})
		case given && !parse(raw):
			problems = append(problems, fieldError{field, rule})
		}
	}
	check("name", nameRule, true, result.parseName)
	check("price_cents", priceRule, true, result.parsePrice)
	check("tags", tagsRule, false, result.parseTags)
	unknown := make([]string, 0, len(fields))
	for field := range fields {
		unknown = append(unknown, field)
	}
	slices.Sort(unknown)
	for _, field := range unknown {
		problems = append(problems, fieldError{field, "unknown field"})
	}
	return result, problems
}

func (c *content) parseName(raw json.RawMessage) bool {
	if json.Unmarshal(raw, &c.Name) != nil {
		return false
	}
	c.Name = strings.TrimSpace(c.Name)
	return c.Name != "" && utf8.RuneCountInString(c.Name) <= maxNameLength
}

func (c *content) parsePrice(raw json.RawMessage) bool {
	var price *int64
	if json.Unmarshal(raw, &price) != nil || price == nil {
		return false
	}
	c.PriceCents = *price
	return 0 <= *price && *price <= maxPrice
}

func (c *content) parseTags(raw json.RawMessage) bool {
	if json.Unmarshal(raw, &c.Tags) != nil || c.Tags == nil || len(c.Tags) > maxTags {
		return false
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(c.Tags)))
	return len(distinct) == len(c.Tags) && !slices.ContainsFunc(c.Tags, isNoTag)
}
