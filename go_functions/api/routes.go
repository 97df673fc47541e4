package main

import (
	"fmt"
	"net/http"
	"strings"
)

const (
	itemsMethods = "GET, OPTIONS, POST"
	itemMethods  = "DELETE, GET, OPTIONS, PUT"
)

type api struct {
	items *store
}

func (a *api) serve(r request) *answer {
	parts := strings.Split(r.path, "/")[1:]
	switch {
	case parts[0] != "items" || len(parts) > 2:
		return notFound("no resource at " + r.path)
	case len(parts) == 1:
		return a.serveItems(r)
	}
	if r.id == "" {
		r.id = parts[1]
	}
	return a.serveItem(r)
}

func (a *api) serveItems(r request) *answer {
	switch r.method {
	case http.MethodGet:
		return a.list(r)
	case http.MethodPost:
		return a.create(r)
	case http.MethodOptions:
		return preflight(itemsMethods)
	}
	return notAllowed(r.method, r.path, itemsMethods)
}

func (a *api) serveItem(r request) *answer {
	switch r.method {
	case http.MethodOptions:
		return preflight(itemMethods)
	case http.MethodGet, http.MethodPut, http.MethodDelete:
	default:
		return notAllowed(r.method, r.path, itemMethods)
	}
	id, ok := parseID(r.id)
	if !ok {
		return invalid(fieldError{"id", "id must be " + idRange})
	}
	current, found := a.items.get(id)
	if !found {
		return notFound(fmt.Sprintf("no item with id %d", id))
	}
	switch r.method {
	case http.MethodPut:
		return a.replace(id, r)
	case http.MethodDelete:
		a.items.remove(id)
		return &answer{status: http.StatusNoContent}
	}
	return &answer{status: http.StatusOK, body: current}
}

type page struct {
	Items     []item  `json:"items"`
	NextAfter *string `json:"next_after"`
}

func (a *api) list(r request) *answer {
	query, problems := parseListQuery(r)
	if len(problems) > 0 {
		return invalid(problems...)
	}
	items, more := a.items.list(query)
	result := page{Items: items}
	if more {
		result.NextAfter = &items[len(items)-1].ID
	}
	return &answer{status: http.StatusOK, body: result}
}

func (a *api) create(r request) *answer {
	content, refusal := parseContent(r)
	if refusal != nil {
		return refusal
	}
	created := a.items.add(content)
	result := &answer{status: http.StatusCreated, body: created}
	result.header("Location", "/items/"+created.ID)
	return result
}

func (a *api) replace(id int, r request) *answer {
	content, refusal := parseContent(r)
	if refusal != nil {
		return refusal
	}
	return &answer{status: http.StatusOK, body: a.items.replace(id, content)}
}
