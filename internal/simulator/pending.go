package simulator

import "slices"

// pendingMessage is a late message. It appears on its ticket at its CreateTime.
type pendingMessage struct {
	*message
	record *Request // of the submit
}

// postpone has the message put on the ticket at its CreateTime. It needs s.mu.
func (c *caseState) postpone(m *message, record *Request) {
	c.pending = append(c.pending, pendingMessage{m, record})
	slices.SortStableFunc(c.pending, func(a, b pendingMessage) int { return a.CreateTime.Compare(b.CreateTime) })
}

// settle puts the messages that are due on the ticket. Every function that reads or
// extends a ticket's messages calls it first, so no timer is needed. It needs s.mu.
func (s *Simulator) settle(c *caseState) {
	if len(c.pending) == 0 {
		return
	}
	now := s.nowLocked()
	due := slices.IndexFunc(c.pending, func(p pendingMessage) bool { return p.CreateTime.After(now) })
	if due < 0 {
		due = len(c.pending)
	}
	s.commitFirst(c, due)
}

// commitFirst puts the first n pending messages on the ticket. It needs s.mu.
func (s *Simulator) commitFirst(c *caseState, n int) {
	for _, p := range c.pending[:n] {
		s.appendMessage(c, p.message)
		p.record.Committed = true
	}
	c.pending = slices.Delete(c.pending, 0, n)
}

// CommitPending puts every late message on its ticket at once. Afterwards, Messages
// returns what the ticket has in the end.
func (s *Simulator) CommitPending() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.caseOrder {
		s.commitFirst(c, len(c.pending))
	}
}
