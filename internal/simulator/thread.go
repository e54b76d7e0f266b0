package simulator

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Case is a ticket, as it is seeded. What has a JSON name is shown under it by a detail
// and by a search.
type Case struct {
	ID          string `json:"incident_id"`
	Status      int    `json:"status"` // one of statuses
	Description string `json:"simple_description"`
	GroupID     string `json:"-"` // the IAM group_id that requests must name; "" asks for none

	CustomerID    string    `json:"customer_id"`    // also the replier of submitted messages
	XCustomerID   string    `json:"xcustomer_id"`   // of the IAM user
	XCustomerName string    `json:"xcustomer_name"` // also the replier's name
	BusinessType  string    `json:"business_type_name"`
	IncidentType  string    `json:"incident_type_name"`
	Severity      string    `json:"-"` // severity_name, in a detail
	Source        string    `json:"-"` // source_name, in a detail
	Region        string    `json:"dc_name"`
	CreateTime    time.Time `json:"-"` // zero is now
	ResolveTime   time.Time `json:"-"` // zero is not yet
}

// Message is a message on a ticket. What has a JSON name is shown under it.
type Message struct {
	ID           string    `json:"message_id,omitempty"` // only a ticket's detail tells it; "" is given one
	Type         int       `json:"type"`                 // 0 customer, 1 Huawei engineer
	ReplierType  int       `json:"replier_type"`         // 0 customer, 1 Huawei engineer, 2 third party
	Replier      string    `json:"replier"`              // ID
	ReplierName  string    `json:"replier_name"`
	Content      string    `json:"content"`
	AccessoryIDs []string  `json:"-"`
	GroupID      string    `json:"-"` // as submitted
	CreateTime   time.Time `json:"-"` // zero is now; the wire shows whole seconds

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

// Messages returns what is on a ticket, in the order it came.
func (s *Simulator) Messages(caseID string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.cases[caseID]
	if !ok {
		return nil
	}
	return slices.Clone(c.messages)
}

// onTicket carries out do with the ticket in the path, if a request with this group_id
// may see it.
func (ex *exchange) onTicket(groupID string, do func(c *caseState) *answer) func() *answer {
	return func() *answer {
		c, ok := ex.cases[ex.param]
		switch {
		case !ok:
			return refuse(200, "OSM.01010015", "The case does not exist")
		case c.GroupID != "" && c.GroupID != groupID && ex.route.op != OpStatus: // which takes no group_id, so it asks for none
			return refuse(200, "OSM.01010002", "No permission for the operation")
		}
		return do(c)
	}
}
