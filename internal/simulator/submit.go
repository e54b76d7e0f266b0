package simulator

import "slices"

// maxContent is the limit of a text in characters, from the service's API
// reference. A text may be empty.
const maxContent = 10000

// submit posts a message.
func (ex *exchange) submit(body object) (do func() *answer, refusal *answer) {
	var r reader
	r.only(body, "group_id", "message")
	groupID := optional[string](&r, body, "group_id")
	msg := mandatory[object](&r, body, "message")
	r.only(msg, "content", "accessory_ids")
	content := mandatory[string](&r, msg, "content")
	var ids []string
	for _, v := range optional[[]any](&r, msg, "accessory_ids") {
		id, ok := v.(string)
		if !ok {
			r.fail("Invalid accessory_ids")
		}
		ids = append(ids, id)
	}
	switch {
	case r.refusal != nil:
		return nil, r.refusal
	case !between(groupID, 0, 64):
		return nil, outOfLimits("group_id out of limits")
	case !between(content, 0, maxContent):
		return nil, outOfLimits("content out of limits")
	case len(ids) > 10:
		return nil, outOfLimits("Too many accessory_ids")
	case slices.ContainsFunc(ids, func(id string) bool { return !between(id, 1, 64) }):
		return nil, outOfLimits("accessory_id out of limits")
	}
	return func() *answer { return ex.commit(groupID, content, ids) }, nil
}

// commit puts the message on the ticket. It needs s.mu.
func (ex *exchange) commit(groupID, content string, accessoryIDs []string) *answer {
	s := ex.s
	c, refusal := s.findCase(ex.param, groupID)
	if refusal != nil {
		return refusal
	}
	if c.closed() {
		return refuse(200, "OSM.01010002", "The ticket is closed")
	}
	if s.opts.StrictAccessories {
		for _, id := range accessoryIDs {
			if _, ok := s.accessories[id]; !ok {
				return outOfLimits("No such accessory")
			}
		}
	}
	s.addMessage(c, Message{
		submitted:    true,
		Replier:      c.CustomerID,
		ReplierName:  c.XCustomerName,
		Content:      content,
		AccessoryIDs: accessoryIDs,
		GroupID:      groupID,
	})
	ex.record.Committed = true
	return &answer{status: 200}
}
