package simulator

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Case is a ticket, as it is seeded.
type Case struct {
	ID          string
	Status      int    // the number of one of Statuses
	Description string // simple_description
	GroupID     string // the IAM group_id that requests must name; "" asks for none

	CustomerID    string    // customer_id; also the replier of submitted messages
	XCustomerID   string    // xcustomer_id, of the IAM user
	XCustomerName string    // xcustomer_name; also the replier's name
	BusinessType  string    // business_type_name
	IncidentType  string    // incident_type_name
	Severity      string    // severity_name
	Source        string    // source_name
	Region        string    // dc_name
	CreateTime    time.Time // zero is now
	ResolveTime   time.Time // zero is not yet
}

// Message is a message on a ticket.
type Message struct {
	ID           string // only a ticket's detail tells it; "" is given one
	Type         int    // 0 customer, 1 Huawei engineer
	ReplierType  int    // 0 customer, 1 Huawei engineer, 2 third party
	Replier      string // ID
	ReplierName  string
	Content      string
	AccessoryIDs []string
	GroupID      string    // as submitted
	CreateTime   time.Time // zero is now; the wire shows whole seconds

	submitted bool // not seeded
}

type caseState struct {
	Case
	messages []Message // oldest first
}

// AddCase puts a ticket into the service. A ticket of the same ID is replaced,
// and its messages stay.
func (s *Simulator) AddCase(c Case) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.CreateTime.IsZero() {
		c.CreateTime = s.now()
	}
	if old, ok := s.cases[c.ID]; ok {
		old.Case = c
		return
	}
	state := &caseState{Case: c}
	s.cases[c.ID] = state
	s.caseOrder = append(s.caseOrder, state)
}

// AddMessage puts a message on a ticket, for instance an engineer's answer. It
// panics when there is no such ticket.
func (s *Simulator) AddMessage(caseID string, m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.cases[caseID]
	if !ok {
		panic("simulator: no case " + caseID)
	}
	s.addMessage(c, m)
}

// addMessage needs s.mu.
func (s *Simulator) addMessage(c *caseState, m Message) {
	if m.CreateTime.IsZero() {
		m.CreateTime = s.now()
	}
	s.messages++
	m.ID = cmp.Or(m.ID, fmt.Sprintf("message-%08d", s.messages))
	m.AccessoryIDs = slices.Clone(m.AccessoryIDs)
	c.messages = append(c.messages, m)
}

// Messages returns what is on a ticket, in the order it came. It is nil when
// there is no such ticket.
func (s *Simulator) Messages(caseID string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.cases[caseID]
	if !ok {
		return nil
	}
	out := append([]Message{}, c.messages...)
	for i := range out {
		out[i].AccessoryIDs = slices.Clone(out[i].AccessoryIDs)
	}
	return out
}

// findCase returns a ticket that a request with this group_id may see. It
// needs s.mu.
func (s *Simulator) findCase(id, groupID string) (*caseState, *answer) {
	c, ok := s.cases[id]
	switch {
	case !ok:
		return nil, refuse(200, "OSM.01010015", "The case does not exist")
	case c.GroupID != "" && c.GroupID != groupID:
		return nil, refuse(200, "OSM.01010002", "No permission for the operation")
	}
	return c, nil
}
