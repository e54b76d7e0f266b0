package simulator

import (
	"math/rand/v2"
	"slices"
)

// items returns the messages of a list or a detail, oldest first: those of the
// ticket, changed by the conditions of the request in the order of faultKinds. The
// result may be the ticket's own slice, so it must not be changed. It needs s.mu.
func (ex *exchange) items(c *caseState) []*message {
	items := c.messages
	for _, k := range ex.inOrder {
		if k.items != nil {
			items = k.items(ex, k.fault, items)
		}
	}
	return items
}

// count is the number of items that a list claims to have.
func (ex *exchange) count(n int) int {
	for _, k := range ex.inOrder {
		if k.count != nil {
			n = k.count(n)
		}
	}
	return n
}

// onPage is the part of the items that a list shows.
func (ex *exchange) onPage(items []*message, offset, limit int) []*message {
	if _, ok := ex.struck[kindOffsetIgnored]; ok {
		offset = 0
	}
	offset = min(offset, len(items))
	page := slices.Clip(items[offset:min(offset+limit, len(items))])
	if _, ok := ex.struck[kindRepeated]; ok && len(page) > 0 {
		page = append(page, page[len(page)-1])
	}
	return page
}

func reversed(items []*message) []*message {
	items = slices.Clone(items)
	slices.Reverse(items)
	return items
}

// leaveOutLate omits messages that a late list does not show yet.
func leaveOutLate(ex *exchange, f Fault, items []*message) []*message {
	return slices.DeleteFunc(slices.Clone(items), func(m *message) bool { return ex.younger(m, f.Delay) })
}

// leaveOutNewest omits the newest submitted message.
func leaveOutNewest(_ *exchange, _ Fault, items []*message) []*message {
	for i, m := range slices.Backward(items) {
		if m.submitted {
			return slices.Delete(slices.Clone(items), i, i+1)
		}
	}
	return items
}

// insertExtras adds a message of the service itself after each message that
// was submitted.
func insertExtras(_ *exchange, _ Fault, items []*message) []*message {
	var out []*message
	for _, m := range items {
		out = append(out, m)
		if m.submitted {
			out = append(out, &message{Message: Message{
				ID:          m.ID + "-status",
				Replier:     "system",
				ReplierName: "System",
				Content:     "Status changed",
				CreateTime:  m.CreateTime,
			}})
		}
	}
	return out
}

func shuffle(ex *exchange, _ Fault, items []*message) []*message {
	items = slices.Clone(items)
	random := rand.New(rand.NewPCG(ex.draw, 0)) //nolint:gosec // drawn from a seed on purpose
	random.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	return items
}

func leaveOutAll(*exchange, Fault, []*message) []*message { return nil }
