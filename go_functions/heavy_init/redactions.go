package main

import (
	"regexp"
	"strings"
)

// redaction takes a secret or personal datum out of a line before anybody stores the line.
type redaction struct {
	id      string
	pattern *regexp.Regexp
	// confirm refuses what only looks like the datum; nil accepts every match.
	confirm func(match string) bool
}

var redactions = []redaction{
	{"private-key", regexp.MustCompile(`-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED )?PRIVATE KEY-----.*`), nil},
	{"json-web-token", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,900}\.eyJ[A-Za-z0-9_-]{8,900}\.[A-Za-z0-9_-]{16,900}`), nil},
	{"aws-access-key", regexp.MustCompile(`\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b`), nil},
	{"github-token", regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b`), nil},
	{"slack-token", regexp.MustCompile(`\bxox[abprs]-[A-Za-z0-9-]{10,200}`), nil},
	{"stripe-key", regexp.MustCompile(`\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,200}\b`), nil},
	{"authorization", regexp.MustCompile(`(?i)\b(?:bearer|basic) [a-z0-9._~+/-]{16,900}={0,2}`), nil},
	{"url-password", regexp.MustCompile(`\b[a-z][a-z0-9+.-]{1,20}://[^/\s:@]{1,64}:[^/\s@]{1,128}@`), nil},
	{"password", regexp.MustCompile(`(?i)\b(?:password|passwd|pwd|secret|api[_-]?key|token)["']?\s{0,3}[:=]\s{0,3}["']?[^\s"',;&]{4,200}`), nil},
	{"iban", regexp.MustCompile(`\b[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?\b`), validIBAN},
	{"payment-card", regexp.MustCompile(`\b[3-6][0-9]{3}(?:[ -]?[0-9]{4}){2}[ -]?[0-9]{1,7}\b`), validLuhn},
	{"email", regexp.MustCompile(`(?i)\b[a-z0-9._%+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b`), nil},
}

// redact replaces what must not be kept by its name in brackets, and counts it by that name.
func redact(line string, counts map[string]int) string {
	for _, r := range redactions {
		line = r.pattern.ReplaceAllStringFunc(line, func(match string) string {
			if r.confirm != nil && !r.confirm(match) {
				return match
			}
			counts[r.id]++
			return "[" + r.id + "]"
		})
	}
	return line
}

// validLuhn is the check digit of payment cards, ISO/IEC 7812-1 annex B.
func validLuhn(text string) bool {
	sum, digits := 0, 0
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		digit := int(text[i] - '0')
		if digits%2 == 1 {
			digit = digit*2/10 + digit*2%10
		}
		sum += digit
		digits++
	}
	return digits >= 13 && digits <= 19 && sum%10 == 0
}

// validIBAN is the check of ISO 13616: with the first four characters moved to the end and letters
// as 10 to 35, the number is 1 modulo 97.
func validIBAN(text string) bool {
	text = strings.ReplaceAll(text, " ", "")
	if len(text) < 15 || len(text) > 34 {
		return false
	}
	remainder := 0
	for _, c := range text[4:] + text[:4] {
		switch {
		case '0' <= c && c <= '9':
			remainder = (remainder*10 + int(c-'0')) % 97
		case 'A' <= c && c <= 'Z':
			remainder = (remainder*100 + int(c-'A') + 10) % 97
		}
	}
	return remainder == 1
}
