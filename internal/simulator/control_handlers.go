package simulator

import (
	"fmt"
	"maps"
	"net/http"
)

func (s *Simulator) readCounts([]byte) (any, *controlError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts), nil
}

type controlCase struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	GroupID     string `json:"group_id"`
	Status      int    `json:"status"`
}

// addCaseOnce adds a ticket. Unlike AddCase it refuses an ID that is in use: a
// ticket is never replaced by mistake.
func (s *Simulator) addCaseOnce(v controlCase) *controlError {
	c := Case{ID: v.ID, Description: v.Description, GroupID: v.GroupID, Status: v.Status}
	if err := c.Validate(); err != nil {
		return invalid(err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.cases[c.ID]; ok {
		return &controlError{http.StatusConflict, fmt.Sprintf("ticket %q already exists", c.ID)}
	}
	s.addCase(c)
	return nil
}

type controlStatus struct {
	ID     string `json:"id"`
	Status *int   `json:"status"` // nil is missing; 0 is a status
}

func (s *Simulator) changeStatus(v controlStatus) *controlError {
	if v.Status == nil {
		return invalid("status is required")
	}
	if _, known := findStatus(*v.Status); !known {
		return invalid(fmt.Sprintf("unknown status %d", *v.Status))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.cases[v.ID]
	if !ok {
		return noCase(v.ID)
	}
	s.setStatus(c, *v.Status)
	return nil
}

type controlReply struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Content string `json:"content"`
}

// reply adds an engineer's answer, to a closed ticket too. An empty text is
// refused: it is more likely to be a mistake than an answer.
func (s *Simulator) reply(v controlReply) *controlError {
	if !between(v.Content, 1, maxContent) {
		return invalid(fmt.Sprintf("the text must have 1 to %d characters", maxContent))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.cases[v.ID]
	if !ok {
		return noCase(v.ID)
	}
	s.addMessage(c, false, Message{Type: 1, ReplierType: 1, ReplierName: v.Name, Content: v.Content})
	return nil
}

type controlFaults struct {
	Faults []string `json:"faults"` // nil is missing; an empty list clears the faults
}

// replaceFaults changes nothing when one of the faults is wrong.
func (s *Simulator) replaceFaults(v controlFaults) *controlError {
	if v.Faults == nil {
		return invalid("faults is required")
	}
	faults := make([]Fault, len(v.Faults))
	for i, text := range v.Faults {
		var err error
		if faults[i], err = ParseFault(text); err != nil {
			return invalid(err.Error())
		}
	}
	s.SetFaults(faults...)
	return nil
}
