package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// Code is a known error code: errno names, HTTP and gRPC status, signals, exit status, SQLSTATE.
type Code struct {
	Family string `json:"family"`
	Code   string `json:"code"`
	Text   string `json:"text"`
	// Retry says that the same action can succeed later.
	Retry bool `json:"retry,omitempty"`
}

type codeKey struct {
	family, code string
}

//go:embed codes.json
var codesJSON []byte

var codes = mustParseCodes(codesJSON)

func mustParseCodes(data []byte) map[codeKey]Code {
	var list []Code
	if err := json.Unmarshal(data, &list); err != nil {
		panic(fmt.Sprintf("codes.json: %v", err))
	}
	table := make(map[codeKey]Code, len(list))
	for _, code := range list {
		key := codeKey{code.Family, code.Code}
		if _, repeated := table[key]; repeated {
			panic(fmt.Sprintf("codes.json: %s %s is there twice", code.Family, code.Code))
		}
		table[key] = code
	}
	return table
}
