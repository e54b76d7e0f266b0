package simulator

import (
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

// A late message is nowhere until it is due, and then everywhere.
func TestLate(t *testing.T) {
	for _, kind := range []string{"cut", "504"} {
		for name, look := range map[string]func(s *Simulator) int{
			"list":     func(s *Simulator) int { return int(read(t, s, "cases/case-123/messages")["count"].(float64)) },
			"detail":   func(s *Simulator) int { return len(detailOf(t, s)) },
			"Messages": func(s *Simulator) int { return len(s.Messages("case-123")) },
		} {
			now := epoch
			s := service(Options{Clock: func() time.Time { return now }, Faults: []Fault{{Kind: kind, Late: time.Minute}}})
			cutting(t, s, "POST", submitPath, post)
			now = epoch.Add(time.Minute - 1)
			if n := look(s); n != 0 || s.Requests()[0].Committed {
				t.Errorf("%s, %s: %d messages before it is due", kind, name, n)
			}
			now = epoch.Add(time.Minute)
			if n := look(s); n != 1 || !s.Requests()[0].Committed {
				t.Errorf("%s, %s: %d messages once it is due", kind, name, n)
			}
			now = now.Add(time.Hour)
			if m := s.Messages("case-123"); len(m) != 1 || !m[0].CreateTime.Equal(epoch.Add(time.Minute)) {
				t.Errorf("%s, %s: in the end %+v", kind, name, m)
			}
		}
	}
}

func TestPendingOrder(t *testing.T) {
	now := epoch
	s := service(Options{Clock: func() time.Time { return now }, Faults: []Fault{{Kind: "504", Ordinals: []int{1}, Late: time.Minute}}})
	for _, text := range []string{"minute", "now"} {
		ask(t, s, "POST", submitPath, `{"message":{"content":"`+text+`"}}`)
	}
	s.SetFaults(Fault{Kind: "504", Late: 5 * time.Second, Ordinals: []int{1}})
	ask(t, s, "POST", submitPath, `{"message":{"content":"five seconds"}}`)
	now = epoch.Add(2 * time.Minute)
	ask(t, s, "POST", submitPath, `{"message":{"content":"later"}}`)
	s.SetFaults(Fault{Kind: "504", Late: time.Hour})
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
	s := service(Options{Clock: func() time.Time { return now }, Faults: []Fault{{Kind: "504", Late: time.Second}}})
	ask(t, s, "POST", submitPath, post)
	now = epoch.Add(time.Minute)
	s.AddMessage("case-123", Message{Content: "answer"})
	if got := contentsOf(s.Messages("case-123")); !slices.Equal(got, []string{"x", "answer"}) {
		t.Errorf("got %v", got)
	}
}

// An accessory is in use once the late message that names it has come.
func TestLateAccessory(t *testing.T) {
	now := epoch
	s := service(Options{Clock: func() time.Time { return now }, Faults: []Fault{{Kind: "504", Late: time.Second}}})
	ask(t, s, "POST", "/v2/servicerequest/accessorys/json-format-content", `{"accessory_name":"a.txt","accessory_from":"message","accessory_data":"eA=="}`)
	ask(t, s, "POST", submitPath, `{"message":{"content":"x","accessory_ids":["accessory-00000001"]}}`)
	now = epoch.Add(time.Minute)
	if got := verdict(t, ask(t, s, "DELETE", "/v2/servicerequest/accessorys/accessory-00000001", "")); got != forbidden {
		t.Errorf("got %s", got)
	}
}
