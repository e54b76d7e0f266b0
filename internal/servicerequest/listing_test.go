package servicerequest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	t.Parallel()
	all := notes(150)
	twins := slices.Clone(all)
	twins[99], twins[100] = twins[98], twins[98]
	grows := func(newestFirst bool) func(int) []wireMessage {
		return func(n int) []wireMessage {
			if newestFirst {
				return reversed(all[:len(all)-3+min(n, 3)])
			}
			return all[:len(all)-3+min(n, 3)]
		}
	}
	moves := func(n int) []wireMessage { // the messages of a page differ at each call
		list := slices.Clone(all)
		for range n {
			list = append(list[60:], list[:60]...)
		}
		return list
	}
	for name, test := range map[string]struct {
		ticket   ticket
		messages int
		surplus  int
		partial  bool
		asks     int
	}{
		"whole":                {ticket{list: always(all)}, 150, 0, false, 2},
		"empty":                {ticket{list: always(nil)}, 0, 0, false, 1},
		"grows at its end":     {ticket{list: grows(false)}, 149, 0, false, 2},
		"grows at its start":   {ticket{list: grows(true)}, 148, -1, false, 2},
		"equal messages":       {ticket{list: always(twins)}, 150, 0, false, 4},
		"moves":                {ticket{list: moves}, 150, 0, true, 6},
		"counts too few":       {ticket{list: always(all), count: func(int) any { return 149 }}, 150, 1, false, 2},
		"counts none":          {ticket{list: always(all), count: func(int) any { return 0 }}, 150, 0, false, 2},
		"counts too many":      {ticket{list: always(all), count: func(int) any { return 200 }}, 150, -50, false, 3},
		"the same page":        {ticket{list: always(all), page: func(int) (int, int) { return 0, 100 }}, 100, -50, true, 2},
		"no messages, a count": {ticket{list: always([]wireMessage{}), count: func(int) any { return 5 }}, 0, -5, true, 1},
		"falls once": {ticket{list: func(n int) []wireMessage {
			if n == 1 {
				return all
			}
			return all[:149]
		}}, 149, 0, false, 4},
	} {
		s := test.ticket.serve(t)
		l, err := s.List(t.Context(), "c", "g")
		if err != nil || len(l.Messages) != test.messages || l.Surplus != test.surplus || (l.Partial != nil) != test.partial || l.Began.IsZero() {
			t.Errorf("%s: %d messages, surplus %d, partial %v, %v", name, len(l.Messages), l.Surplus, l.Partial, err)
		}
		for _, m := range l.Messages {
			if m.Created.IsZero() || m.ID != "" {
				t.Fatalf("%s: %+v", name, m)
			}
		}
		s.wantAsks(t, test.asks)
		if !strings.Contains(s.asks[0], "/cases/c/messages?group_id=g&limit=100&offset=0&trim_osm_rich_text_label=false") {
			t.Error(s.asks[0])
		}
	}
}

// A list that falls at each reading has no beginning and end.
func TestListThatContradictsItself(t *testing.T) {
	t.Parallel()
	s := ticket{list: always(notes(100)), count: func(n int) any { return 1000 - n }}.serve(t)
	if l, err := s.List(t.Context(), "c", ""); err == nil || l.Messages != nil {
		t.Errorf("%d messages", len(l.Messages))
	}
	s.wantAsks(t, 2*listReadings)
}

// A JSON answer that is not from the service does not count as an empty ticket.
func TestForeignListIsNoEmptyTicket(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"count":3}`, `{"count":3,"message_list":null}`, `{"status":"ok"}`, `{"error_msg":"down"}`, `[]`, `null`, ``,
		`{"message_list":null}`, `{"count":0,"message_list":[{"content":[]}]}`, `<html>`} {
		s := newScripted(t, func(*http.Request, int) string { return body })
		if l, err := s.List(t.Context(), "c", ""); err == nil {
			t.Errorf("%s: %d messages", body, len(l.Messages))
		}
		s.wantAsks(t, 4)
	}
}

// A page may be longer than any other answer.
func TestLongPagesAreRead(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("文", MaxContent)
	list := make([]wireMessage, 40) // over 1 MiB
	for i := range list {
		list[i] = note(i, fmt.Sprint(text, i))
	}
	s := ticket{list: always(list)}.serve(t)
	if l, err := s.List(t.Context(), "c", ""); err != nil || len(l.Messages) != 40 || l.Messages[39].Content != text+"39" {
		t.Errorf("%d messages, %v", len(l.Messages), err)
	}
}

// Paging ends, however small the pages are and whatever the count is.
func TestPagingEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		items, count int
		pages        int
		err          error
	}{
		{0, 1 << 30, 1, nil},
		{1, 1 << 30, maxPages, errOffset},
		{pageSize, 0, 656, errOffset}, // a count that is too low ends nothing
		{pageSize, 1 << 30, 656, errOffset},
		{7, 7, 1, nil},
		{7, -1, 1, nil},
	} {
		pages := 0
		err := paginate(func(int) (int, int, error) {
			pages++
			return test.items, test.count, nil
		})
		if pages != test.pages || !errors.Is(err, test.err) {
			t.Errorf("%d items of %d: %d pages, %v; want %d, %v", test.items, test.count, pages, err, test.pages, test.err)
		}
	}
}

// An absurd number of messages is refused before memory is allocated for them.
func TestAbsurdNumberOfMessages(t *testing.T) {
	t.Parallel()
	body := `{"count":1,"message_list":[` + strings.Repeat("{},", maxOffset+pageSize) + `{}]}`
	var p page
	if err := json.Unmarshal([]byte(body), &p); !errors.Is(err, errTooManyMessages) {
		t.Errorf("%d messages, %v", len(p.Messages), err)
	}
}
