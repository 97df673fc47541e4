package main

import (
	"slices"
	"strconv"
)

// item is content with its identity. Version counts replacements, starting at 1.
type item struct {
	ID string `json:"id"`
	content
	Version int `json:"version"`
}

// store keeps items in the order of their ids. Ids are not used twice. One execution environment
// handles one request at a time, so there is no lock.
type store struct {
	items  []numbered
	lastID int
}

type numbered struct {
	id   int
	item item
}

func newStore() *store {
	s := &store{}
	s.add(content{"Espresso cup", 1250, []string{"kitchen", "ceramic"}})
	s.add(content{"Desk lamp", 4900, []string{"office", "lighting"}})
	s.add(content{"Notebook, dotted", 890, []string{"office", "paper"}})
	return s
}

func (s *store) add(c content) item {
	s.lastID++
	created := item{ID: strconv.Itoa(s.lastID), content: c, Version: 1}
	s.items = append(s.items, numbered{s.lastID, created})
	return created
}

// position gives where an id is, or would be, and whether it is there.
func (s *store) position(id int) (int, bool) {
	return slices.BinarySearchFunc(s.items, id, func(n numbered, id int) int { return n.id - id })
}

func (s *store) get(id int) (item, bool) {
	at, found := s.position(id)
	if !found {
		return item{}, false
	}
	return s.items[at].item, true
}

// replace expects an id that is there.
func (s *store) replace(id int, c content) item {
	at, _ := s.position(id)
	current := &s.items[at].item
	current.content = c
	current.Version++
	return *current
}

func (s *store) remove(id int) {
	if at, found := s.position(id); found {
		s.items = slices.Delete(s.items, at, at+1)
	}
}

// list gives the items after an id that have all tags, and whether there are more than the limit.
func (s *store) list(query listQuery) ([]item, bool) {
	matches := []item{}
	at, _ := s.position(query.after + 1)
	for _, n := range s.items[at:] {
		if !hasAll(n.item.Tags, query.tags) {
			continue
		}
		if len(matches) == query.limit {
			return matches, true
		}
		matches = append(matches, n.item)
	}
	return matches, false
}

func hasAll(tags, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(tag string) bool { return !slices.Contains(tags, tag) })
}
