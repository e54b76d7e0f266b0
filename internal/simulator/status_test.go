package simulator

import (
	"fmt"
	"testing"
)

// A message on a closed ticket is refused. The ticket and its messages can be read all
// the same.
func TestClosedTickets(t *testing.T) {
	for number := range 20 { // some of which are no status
		want, messages := accepted, 1
		if number == 3 || number == 4 || number == 12 {
			want, messages = forbidden, 0
		}
		s := service(Options{})
		s.AddCase(Case{ID: "case-123", Status: number})
		if got := submitting(t, s); got != want || len(s.Messages("case-123")) != messages {
			t.Errorf("status %d: got %s and %d messages", number, got, len(s.Messages("case-123")))
		}
		for _, path := range []string{"cases/case-123", "cases/case-123/messages", "cases/case-123/status"} {
			check(t, fmt.Sprintf("status %d: %s", number, path), verdict(t, ask(t, s, "GET", "/v2/servicerequest/"+path, "")), accepted)
		}
	}
}

// What a refusal on a closed ticket stands behind, and what it stands before.
func TestClosedTicketOrder(t *testing.T) {
	s := service(Options{StrictAccessories: true})
	s.AddCase(Case{ID: "case-123", Status: 3, GroupID: "g"})
	s.AddMessage("case-123", Message{Type: 1, Content: "answer"}) // an engineer may
	for _, c := range []struct{ name, body, want string }{
		{"another group", post, `{"error_code":"OSM.01010002","error_msg":"No permission for the operation"}`},
		{"closed", `{"group_id":"g","message":{"content":"x"}}`, `{"error_code":"OSM.01010002","error_msg":"The ticket is closed"}`},
		{"no such accessory", `{"group_id":"g","message":{"content":"x","accessory_ids":["a"]}}`,
			`{"error_code":"OSM.01010002","error_msg":"The ticket is closed"}`},
		{"wrong", `{}`, `{"error_code":"OSM.0001","error_msg":"Invalid message"}`},
	} {
		check(t, c.name, bodyOf(ask(t, s, "POST", submitPath, c.body)), c.want)
	}
	if got := s.Messages("case-123"); len(got) != 1 {
		t.Errorf("messages %v", got)
	}
}
