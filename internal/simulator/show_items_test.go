package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// page is a list's answer in short: its count and its texts.
func page(t *testing.T, s *Simulator, query string) string {
	t.Helper()
	v := read(t, s, "cases/case-123/messages"+query)
	return strings.Join(append([]string{fmt.Sprint(v["count"])}, contents(v["message_list"])...), " ")
}

// The ticket has a and d, which are seeded, and b and c, which were submitted.
func itemService(t *testing.T, opts Options) *Simulator {
	t.Helper()
	s := service(opts)
	s.AddMessage("case-123", Message{Content: "a"})
	submit(t, s, "b")
	submit(t, s, "c")
	s.AddMessage("case-123", Message{Content: "d"})
	return s
}

func TestItemConditions(t *testing.T) {
	const extra = " Status changed"
	for _, c := range []struct {
		faults string
		newest bool
		query  string
		want   string
	}{
		{"", false, "", "4 a b c d"},
		{"extra-items", false, "", "6 a b" + extra + " c" + extra + " d"},
		{"extra-items", true, "", "6 d" + extra + " c" + extra + " b a"},
		{"extra-items", false, "?offset=2&limit=2", "6" + extra + " c"},
		{"missing-items", false, "", "3 a b d"},
		{"missing-items", true, "", "3 d b a"},
		{"missing-items extra-items", false, "", "4 a b" + extra + " d"},
		{"extra-items missing-items", false, "", "4 a b" + extra + " d"},
		{"repeated-items", false, "?limit=2", "4 a b b"},
		{"repeated-items", false, "?offset=2&limit=2", "4 c d d"},
		{"repeated-items", true, "?limit=3", "4 d c b b"},
		{"repeated-items", false, "?offset=4", "4"},
		{"repeated-items", false, "?limit=0", "4"},
		{"count-high", false, "", "9 a b c d"},
		{"count-low", false, "", "3 a b c d"},
		{"count-zero", false, "", "0 a b c d"},
		{"count-low count-high", false, "", "8 a b c d"},
		{"count-zero count-high", false, "", "0 a b c d"},
		{"offset-ignored", false, "?offset=2&limit=2", "4 a b"},
		{"offset-ignored", false, "?offset=9", "4 a b c d"},
		{"offset-ignored", true, "?offset=2&limit=2", "4 d c"},
		{"offset-ignored repeated-items count-high", false, "?offset=2&limit=2", "9 a b b"},
		{"empty-list", false, "", "0"},
		{"empty-list count-low", false, "", "0"},
		{"empty-list extra-items repeated-items", false, "", "0"},
		{"late-list", false, "", "0"},
	} {
		s := itemService(t, Options{Faults: faults(t, strings.Fields(c.faults)...), NewestFirst: c.newest})
		for range 2 { // one request changes nothing for the next
			if got := page(t, s, c.query); got != c.want {
				t.Errorf("%s, newest first %v, %q: got %s, want %s", c.faults, c.newest, c.query, got, c.want)
			}
		}
		if got := strings.Join(contentsOf(s.Messages("case-123")), " "); got != "a b c d" {
			t.Errorf("%s changed the ticket: %s", c.faults, got)
		}
		if got := len(detailOf(t, s)); got != 4 && c.faults != "late-list" {
			t.Errorf("%s: %d messages in the detail", c.faults, got)
		}
	}
}

func TestExtraItem(t *testing.T) {
	s := service(Options{Faults: faults(t, "extra-items", "extra-items?op=detail")})
	submit(t, s, "a")
	m := listOf(t, s)[1].(map[string]any)
	if m["type"] != 0.0 || m["replier_type"] != 0.0 || m["create_time"] != "2026-01-02T03:04:05Z" || m["is_first_message"] != 0.0 {
		t.Errorf("in the list: %v", m)
	}
	d := detailOf(t, s)
	if first, extra := d[0].(map[string]any), d[1].(map[string]any); extra["content"] != "Status changed" || extra["message_id"] == first["message_id"] {
		t.Errorf("in the detail: %v", d)
	}
}

// Without a submitted message, missing-items leaves out nothing.
func TestNothingMissing(t *testing.T) {
	s := service(Options{Faults: faults(t, "missing-items")})
	s.AddMessage("case-123", Message{Content: "a"})
	if got := page(t, s, ""); got != "1 a" {
		t.Errorf("got %s", got)
	}
}

func TestRandomOrder(t *testing.T) {
	run := func(s *Simulator) (out []string) {
		for range 30 {
			got := contents(listOf(t, s))
			out = append(out, strings.Join(got, ""))
			if slices.Sort(got); strings.Join(got, "") != "abcd" {
				t.Fatalf("got %v", got)
			}
		}
		return out
	}
	one := itemService(t, Options{Seed: 1, Faults: faults(t, "random-order")})
	first := run(one)
	if got := strings.Join(contentsOf(one.Messages("case-123")), ""); got != "abcd" {
		t.Errorf("the ticket itself was shuffled: %s", got)
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(first))); len(distinct) < 12 {
		t.Errorf("only the orders %v", distinct)
	}
	if again := run(itemService(t, Options{Seed: 1, Faults: faults(t, "random-order")})); !slices.Equal(again, first) {
		t.Errorf("one seed, two sequences: %v and %v", first, again)
	}
	if other := run(itemService(t, Options{Seed: 2, Faults: faults(t, "random-order")})); slices.Equal(other, first) {
		t.Error("two seeds, one sequence")
	}
}

// With a rate, a late list is a replica that is stale at times.
func TestLateListAtRate(t *testing.T) {
	run := func(seed uint64) (out string) {
		now := epoch
		s := service(Options{Seed: seed, Clock: func() time.Time { return now }, Faults: faults(t, "late-list%0.5")})
		s.AddMessage("case-123", Message{Content: "old"})
		now = epoch.Add(time.Minute)
		submit(t, s, "new")
		for range 100 {
			switch got := page(t, s, ""); got {
			case "1 old":
				out += "-"
			case "2 old new":
				out += "+"
			default:
				t.Fatalf("got %s", got)
			}
		}
		now = now.Add(3 * time.Second)
		for range 20 {
			if got := page(t, s, ""); got != "2 old new" {
				t.Fatalf("after the delay: got %s", got)
			}
		}
		return out
	}
	one := run(1)
	if n := strings.Count(one, "-"); n < 30 || n > 70 || one != run(1) || one == run(2) {
		t.Errorf("stale %d times of 100, or not by the seed", n)
	}
}

// target is a request that a condition strikes by default.
func (k *faultKind) target() (method, path, body string) {
	if k.Operation == OpList {
		return "GET", "/v2/servicerequest/cases/case-123/messages", ""
	}
	return "POST", submitPath, post
}

// Each kind takes ordinals and rates.
func TestEveryKindIsSelective(t *testing.T) {
	for i := range faultKinds {
		k := &faultKinds[i]
		if k.Name == kindSkew || k.Name == "huge-committed" {
			continue // always; large
		}
		method, path, body := k.target()
		run := func(selector string) (struck string) {
			s := service(Options{Seed: 3, Faults: faults(t, k.Name+selector+"?delay=1ns")})
			for range 40 {
				cutting(t, s, method, path, body)
			}
			for _, r := range s.Requests() {
				struck += map[string]string{"": ".", k.Name: "x"}[r.Fault]
			}
			return struck
		}
		if got, want := run("@2,3"), ".xx"+strings.Repeat(".", 37); got != want {
			t.Errorf("%s@2,3: %s", k.Name, got)
		}
		if got := run("%0.5"); len(got) != 40 || strings.Count(got, "x") < 8 || strings.Count(got, "x") > 32 {
			t.Errorf("%s%%0.5: %s", k.Name, got)
		}
	}
}

// Each condition goes with each other, and with all others at once.
func TestConditionsCombine(t *testing.T) {
	var all []string
	for _, k := range faultKinds {
		if k.strike == nil && k.Operation == OpList {
			all = append(all, k.Name)
		}
	}
	check := func(kinds ...string) {
		s := itemService(t, Options{Seed: 4, Faults: faults(t, kinds...)})
		for _, path := range []string{"cases/case-123/messages", "cases/case-123"} {
			r := ask(t, s, "GET", "/v2/servicerequest/"+path, "")
			var v map[string]any
			if err := json.Unmarshal(r.Body.Bytes(), &v); err != nil || r.Code != 200 {
				t.Errorf("%v: %d, %v", kinds, r.Code, err)
			}
		}
		want := strings.Join(kinds, "+")
		if got := s.Requests()[2].Fault; got != want {
			t.Errorf("recorded %s, want %s", got, want)
		}
	}
	for i, a := range all {
		for _, b := range all[:i] {
			check(a, b)
		}
	}
	check(all...)
}
