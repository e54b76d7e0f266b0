package servicerequest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

type wireMessage map[string]any

// note is a message in a list, with more members if given.
func note(second int, content string, more ...any) wireMessage {
	m := wireMessage{
		"type": 0, "replier_type": 0, "replier": "u", "content": content,
		"create_time": fmt.Sprintf("2026-01-01T%02d:%02d:%02dZ", second/3600, second/60%60, second%60),
	}
	return m.with(more...)
}

func (m wireMessage) with(more ...any) wireMessage {
	m = maps.Clone(m)
	for i := 0; i < len(more); i += 2 {
		m[more[i].(string)] = more[i+1]
	}
	return m
}

// notes are n messages, a second apart.
func notes(n int) []wireMessage {
	list := make([]wireMessage, n)
	for i := range list {
		list[i] = note(i, fmt.Sprint("m", i))
	}
	return list
}

// identified gives messages the IDs of a detail, id0 and so on, and removes the fields
// that only a list has.
func identified(messages []wireMessage) []wireMessage {
	list := make([]wireMessage, len(messages))
	for i, m := range messages {
		list[i] = m.with("message_id", fmt.Sprint("id", i))
		delete(list[i], "replier_type")
	}
	return list
}

func reversed(messages []wireMessage) []wireMessage {
	list := slices.Clone(messages)
	slices.Reverse(list)
	return list
}

// ticket is a service that has a ticket with messages. The test sets its fields to
// change the answers. With nil functions the answers are correct.
type ticket struct {
	list   func(list int) []wireMessage // list counts the list calls, from 1
	count  func(list int) any
	page   func(offset int) (from, to int)
	detail []wireMessage
}

func (k ticket) serve(t *testing.T) *scripted {
	lists := 0
	return newScripted(t, func(r *http.Request, _ int) string {
		if !strings.HasSuffix(r.URL.Path, "/messages") {
			return encode(map[string]any{"incident_detail_info": map[string]any{"message_list": k.detail}})
		}
		lists++ // calls come one after the other
		all := k.list(lists)
		from := intQuery(r, "offset")
		to := from + intQuery(r, "limit")
		if k.page != nil {
			from, to = k.page(from)
		}
		answer := map[string]any{"count": len(all), "message_list": all[min(from, len(all)):min(to, len(all))]}
		if k.count != nil {
			answer["count"] = k.count(lists)
		}
		return encode(answer)
	})
}

func always(messages []wireMessage) func(int) []wireMessage {
	return func(int) []wireMessage { return messages }
}

// shown are the IDs and contents of messages.
func shown(messages []Message) []string {
	var texts []string
	for _, m := range messages {
		texts = append(texts, m.ID+" "+m.Content)
	}
	return texts
}

func wanted(messages []wireMessage) []string {
	var texts []string
	for _, m := range messages {
		id, _ := m["message_id"].(string)
		texts = append(texts, id+" "+m["content"].(string))
	}
	return texts
}

func TestMessagesOfManyPages(t *testing.T) {
	t.Parallel()
	all := notes(250)
	ids := identified(all)
	// Twins are equal messages of one second: once side by side, once across the end of a
	// page.
	twins := notes(250)
	twins[10], twins[100] = twins[9], twins[99]
	twinIDs := identified(twins)

	// If list and detail differ, a message has no ID.
	cut, whole, partly := slices.Clone(all), identified(all), identified(all)
	cut[3], whole[3], partly[3] = all[3].with("content", "lon"), whole[3].with("content", "long"), all[3].with("content", "lon")
	cut[4], whole[4], partly[4] = all[4].with("content", "<b>bold</b>"), whole[4].with("content", "bold"), all[4].with("content", "<b>bold</b>")

	shuffled := slices.Clone(all)
	shuffled[1], shuffled[120], shuffled[248] = all[120], all[248], all[1]
	both := []wireMessage{note(1, "ok"), note(1, "ok", "type", 1, "replier_type", 1)}
	engineers := []wireMessage{both[1].with("message_id", "e")}

	vague := slices.Clone(all)
	for i := range vague {
		vague[i] = vague[i].with("create_time", "just now")
	}
	shift := func(list []wireMessage) func(int) []wireMessage {
		// Newest first, with one more message at each page.
		return func(n int) []wireMessage { return reversed(list[:len(list)-3+n]) }
	}

	// Messages of one second keep the order of the service, beginning with its first message.
	second := []wireMessage{note(5, "a", "is_first_message", 1), note(5, "b"), note(5, "c")}
	secondIDs := identified(second)
	undated := []wireMessage{note(5, "a"), note(6, "b", "create_time", "just now"), note(7, "c")}
	samePage := func(int) (int, int) { return 0, 100 }
	tooHigh := func(int) any { return 1 << 30 }

	for _, test := range []struct {
		name       string
		ticket     ticket
		want       []wireMessage
		asks       int
		incomplete bool
	}{
		{"oldest first", ticket{list: always(all), detail: ids}, ids, 4, false},
		{"newest first", ticket{list: always(reversed(all)), detail: ids}, ids, 4, false},
		{"out of order", ticket{list: always(shuffled), detail: ids}, ids, 4, false},
		{"out of order without IDs", ticket{list: always(shuffled)}, all, 4, false},
		{"no messages", ticket{list: always(nil)}, nil, 2, false},
		{"IDs of engineers", ticket{list: always(both), detail: engineers}, []wireMessage{both[0], engineers[0]}, 2, false},
		{"IDs of some", ticket{list: always(all), detail: ids[:20]}, append(slices.Clone(ids[:20]), all[20:]...), 4, false},
		{"IDs that repeat", ticket{list: always(all), detail: append(slices.Clone(ids), ids...)}, ids, 4, false},
		{"texts that differ", ticket{list: always(cut), detail: whole}, partly, 4, false},
		{"times that cannot be read", ticket{list: always(vague), detail: identified(vague)}, identified(vague), 4, false},
		{"one time that cannot be read", ticket{list: always(undated)}, undated, 2, false},
		{"times that differ", ticket{list: always(all), detail: identified(vague)}, all, 4, false},

		{"twins", ticket{list: always(twins), detail: twinIDs}, twinIDs, 4, false},
		{"twins and a count too high", ticket{list: always(twins), count: tooHigh, detail: twinIDs}, twinIDs, 5, false},
		{"twins without IDs", ticket{list: always(twins)}, twins, 4, false},
		{"overlap", ticket{list: shift(all), detail: ids}, ids[:248], 4, false}, // what came meanwhile was not listed

		{"count too low", ticket{list: always(all), count: func(int) any { return 0 }, detail: ids}, ids, 4, false},
		{"count negative", ticket{list: always(all), count: func(int) any { return -7 }, detail: ids}, ids, 4, false},
		{"count too high", ticket{list: always(all), count: tooHigh, detail: ids}, ids, 5, false},
		{"count as text", ticket{list: always(all), count: func(int) any { return "250" }, detail: ids}, ids, 4, false},
		{"no count", ticket{list: always(all), count: func(int) any { return nil }, detail: ids}, ids, 4, false},
		{"small pages", ticket{list: always(all), page: func(offset int) (int, int) { return offset, offset + 60 }, detail: ids}, ids, 6, false},
		{"all on one page", ticket{list: always(all), page: func(offset int) (int, int) { return offset, 1000 }, detail: ids}, ids, 3, false},
		{"offset ignored", ticket{list: always(all[:100]), page: samePage, detail: ids[:100]}, ids[:100], 3, false},

		{"one second", ticket{list: always(second), detail: secondIDs}, secondIDs, 2, false},
		{"one second, newest first", ticket{list: always(reversed(second)), detail: secondIDs}, secondIDs, 2, false},

		// If pages repeat before the count is reached, there may be more messages. If the count
		// falls from page to page, a message may be missing.
		{"the same page again", ticket{list: always(all[:100]), count: tooHigh, page: samePage}, all[:100], 3, true},
		{"the same page again, with IDs", ticket{list: always(all[:100]), count: tooHigh, page: samePage, detail: ids[:100]}, ids[:100], 3, true},
		{"a count that falls", ticket{list: always(all[:100]), count: func(n int) any { return 1000 - n }}, all[:100], 2*listReadings + 1, true},
	} {
		s := test.ticket.serve(t)
		got, err := s.Messages(t.Context(), "c", "")
		var incomplete *IncompleteError
		if errors.As(err, &incomplete) != test.incomplete || err != nil && (!test.incomplete || incomplete.Have != len(test.want)) {
			t.Errorf("%s: %v", test.name, err)
		}
		if got, want := shown(got), wanted(test.want); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %d %q\nwant %d %q", test.name, len(got), got, len(want), want)
		}
		if len(s.asks) != test.asks {
			t.Errorf("%s: %d requests, want %d", test.name, len(s.asks), test.asks)
		}
	}
}

func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 3_000)
	s := newScripted(t, func(r *http.Request, n int) string {
		if !strings.HasSuffix(r.URL.Path, "/messages") {
			return `{"incident_detail_info":{}}`
		}
		page := notes(100)
		for i := range page {
			page[i]["content"] = fmt.Sprint(n, " ", i, text)
		}
		return encode(map[string]any{"count": 1 << 30, "message_list": page})
	})
	s.maxTicket = 1 << 20
	got, err := s.Messages(t.Context(), "c", "")
	var incomplete *IncompleteError
	if !errors.As(err, &incomplete) || incomplete.Have != len(got) || len(got) != 300 {
		t.Errorf("%d messages, %v", len(got), err)
	}
	s.wantAsks(t, 5)
}

// The fields that only the list has stay when a message gets its ID.
func TestMessagesKeepWhatTheListTells(t *testing.T) {
	t.Parallel()
	attached := []map[string]any{{"accessory_id": "1", "file_actual_name": "a.log"}}
	s := ticket{
		list:   always([]wireMessage{note(1, "a", "type", 1, "replier_type", 2, "replier_name", "ada", "accessory_list", attached)}),
		detail: []wireMessage{note(1, "a", "type", "1", "message_id", 77, "replier_type", nil, "accessory_list", attached, "is_first_message", 1)},
	}.serve(t)
	got, err := s.Messages(t.Context(), "a b", "g")
	if err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	m := got[0]
	if m.ID != "77" || m.Type != 1 || m.ReplierType != 2 || m.Replier != "u" || m.ReplierName != "ada" ||
		m.Created.UTC().Format(time.RFC3339) != "2026-01-01T00:00:01Z" || !slices.Equal(m.Accessories, []Accessory{{ID: "1", Name: "a.log"}}) {
		t.Errorf("%+v", m)
	}
	want := []string{
		"/v2/servicerequest/cases/a%20b/messages?group_id=g&limit=100&offset=0&trim_osm_rich_text_label=false",
		"/v2/servicerequest/cases/a%20b?group_id=g",
	}
	if !slices.Equal(s.asks, want) {
		t.Errorf("asked %q", s.asks)
	}
}

func TestMessagesErrors(t *testing.T) {
	t.Parallel()
	for path, asks := range map[string]int{"messages": 1, "c": 2} {
		s := newScripted(t, func(r *http.Request, _ int) string {
			if strings.HasSuffix(r.URL.Path, "/"+path) {
				return `{"error_code":"OSM.01010015"}`
			}
			return `{"count":0,"message_list":[]}`
		})
		got, err := s.Messages(t.Context(), "c", "")
		var api *APIError
		if !errors.As(err, &api) || api.Code != "OSM.01010015" || got != nil {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
		s.wantAsks(t, asks)
	}
}
