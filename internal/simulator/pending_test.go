package simulator

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func contentsOf(messages []Message) (out []string) {
	for _, m := range messages {
		out = append(out, m.Content)
	}
	return out
}

// A message of a late kind is nowhere until it is due, and then everywhere.
func TestLateKinds(t *testing.T) {
	const list, detail = "cases/case-123/messages", "cases/case-123"
	for _, kind := range []string{"cut-late", "504-late", "503-late"} {
		for text, delay := range map[string]time.Duration{kind: 10 * time.Second, kind + "?delay=1m": time.Minute} {
			f, err := ParseFault(text)
			if err != nil {
				t.Fatal(err)
			}
			for name, look := range map[string]func(s *Simulator) int{
				"list":     func(s *Simulator) int { return int(read(t, s, list)["count"].(float64)) },
				"detail":   func(s *Simulator) int { return len(detailOf(t, s)) },
				"Messages": func(s *Simulator) int { return len(s.Messages("case-123")) },
			} {
				now := epoch
				s := service(Options{Clock: func() time.Time { return now }, Faults: []Fault{f}})
				cutting(t, s, "POST", submitPath, post)
				now = epoch.Add(delay - 1)
				if n := look(s); n != 0 || s.Requests()[0].Committed {
					t.Errorf("%s, %s: %d messages before it is due", text, name, n)
				}
				now = epoch.Add(delay)
				if n := look(s); n != 1 || !s.Requests()[0].Committed {
					t.Errorf("%s, %s: %d messages once it is due", text, name, n)
				}
				now = now.Add(time.Hour)
				if m := s.Messages("case-123"); len(m) != 1 || !m[0].CreateTime.Equal(epoch.Add(delay)) {
					t.Errorf("%s, %s: in the end %+v", text, name, m)
				}
			}
		}
	}
}

func TestPendingOrder(t *testing.T) {
	now := epoch
	s := service(Options{Clock: func() time.Time { return now }, Faults: []Fault{{Kind: "504-late", Ordinals: []int{1}, Delay: time.Minute}}})
	for _, text := range []string{"minute", "now"} {
		ask(t, s, "POST", submitPath, `{"message":{"content":"`+text+`"}}`)
	}
	s.SetFaults(Fault{Kind: "504-late", Delay: 5 * time.Second, Ordinals: []int{1}})
	ask(t, s, "POST", submitPath, `{"message":{"content":"five seconds"}}`)
	now = epoch.Add(2 * time.Minute)
	ask(t, s, "POST", submitPath, `{"message":{"content":"later"}}`)
	s.SetFaults(Fault{Kind: "504-late", Delay: time.Hour})
	ask(t, s, "POST", submitPath, `{"message":{"content":"hour"}}`)
	s.AddMessage("case-123", Message{Content: "seeded"})
	want := []string{"now", "five seconds", "minute", "later", "seeded"}
	if got := contentsOf(s.Messages("case-123")); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	s.CommitPending()
	s.CommitPending()
	m := s.Messages("case-123")
	if got := contentsOf(m); !slices.Equal(got, append(want, "hour")) || !m[5].CreateTime.Equal(now.Add(time.Hour)) || !s.Requests()[4].Committed {
		t.Errorf("in the end: %v", m)
	}

	ask(t, s, "POST", submitPath, post)
	s.Reset()
	s.CommitPending()
	if got := contentsOf(s.Messages("case-123")); !slices.Equal(got, []string{"seeded"}) {
		t.Errorf("after Reset: %v", got)
	}
}

// AddMessage settles first: what was due before it stands before it.
func TestAddMessageSettles(t *testing.T) {
	now := epoch
	s := service(Options{Clock: func() time.Time { return now }, Faults: []Fault{{Kind: "504-late"}}})
	ask(t, s, "POST", submitPath, post)
	now = epoch.Add(time.Minute)
	s.AddMessage("case-123", Message{Content: "answer"})
	if got := contentsOf(s.Messages("case-123")); !slices.Equal(got, []string{"x", "answer"}) {
		t.Errorf("got %v", got)
	}
}

// A late kind that strikes anything but a submit is like the plain kind.
func TestLateElsewhere(t *testing.T) {
	s := service(Options{Faults: []Fault{{Kind: "504-late", Operation: OpUpload}}})
	const path = "/v2/servicerequest/accessorys/json-format-content"
	upload := `{"accessory_name":"a.txt","accessory_from":"message","accessory_data":"eA=="}`
	if got := verdict(t, ask(t, s, "POST", path, upload)); got != "504 APIGW.0201" {
		t.Errorf("got %s", got)
	}
	s.SetFaults()
	if got, want := bodyOf(ask(t, s, "POST", path, upload)), fmt.Sprintf(`{"accessory_id":"accessory-%08d"}`, 1); got != want {
		t.Errorf("the struck upload was carried out: got %s, want %s", got, want)
	}
}

// An accessory is in use once the late message that names it has come.
func TestLateAccessory(t *testing.T) {
	now := epoch
	s := service(Options{Clock: func() time.Time { return now }, Faults: []Fault{{Kind: "504-late"}}})
	ask(t, s, "POST", "/v2/servicerequest/accessorys/json-format-content", `{"accessory_name":"a.txt","accessory_from":"message","accessory_data":"eA=="}`)
	ask(t, s, "POST", submitPath, `{"message":{"content":"x","accessory_ids":["accessory-00000001"]}}`)
	now = epoch.Add(time.Minute)
	if got := verdict(t, ask(t, s, "DELETE", "/v2/servicerequest/accessorys/accessory-00000001", "")); got != forbidden {
		t.Errorf("got %s", got)
	}
}
