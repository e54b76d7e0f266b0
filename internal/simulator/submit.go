package simulator

// maxContent is the limit of a text in characters, from the service's API
// reference. A text may be empty.
const maxContent = 10000

// submit posts a message.
func (ex *exchange) submit(body object) (do func() *answer, refusal *answer) {
	if !body.only("group_id", "message") {
		return nil, malformed("Unknown member")
	}
	groupID, ok := member[string](body, "group_id", false)
	if !ok {
		return nil, malformed("Invalid group_id")
	}
	msg, ok := member[object](body, "message", true)
	if !ok {
		return nil, malformed("Invalid message")
	}
	if !msg.only("content", "accessory_ids") {
		return nil, malformed("Unknown member of message")
	}
	content, ok := member[string](msg, "content", true)
	if !ok {
		return nil, malformed("Invalid content")
	}
	list, ok := member[[]any](msg, "accessory_ids", false)
	if !ok {
		return nil, malformed("Invalid accessory_ids")
	}
	ids := make([]string, len(list))
	for i := range list {
		if ids[i], ok = list[i].(string); !ok {
			return nil, malformed("Invalid accessory_ids")
		}
	}

	if !between(ex.param, 1, 64) {
		return nil, outOfLimits("case_id out of limits")
	}
	if !between(groupID, 0, 64) {
		return nil, outOfLimits("group_id out of limits")
	}
	if !between(content, 0, maxContent) {
		return nil, outOfLimits("content out of limits")
	}
	if len(ids) > 10 {
		return nil, outOfLimits("Too many accessory_ids")
	}
	for _, id := range ids {
		if !between(id, 1, 64) {
			return nil, outOfLimits("accessory_id out of limits")
		}
	}
	return func() *answer { return ex.commit(groupID, content, ids) }, nil
}

// commit puts the message on the ticket.
func (ex *exchange) commit(groupID, content string, accessoryIDs []string) *answer {
	s := ex.s
	s.mu.Lock()
	defer s.mu.Unlock()
	c, refusal := s.findCase(ex.param, groupID)
	if refusal != nil {
		return refusal
	}
	if c.closed() && !s.opts.AcceptOnClosed {
		return refuse(200, "OSM.01010002", "The ticket is closed")
	}
	if s.opts.StrictAccessories {
		for _, id := range accessoryIDs {
			if _, ok := s.accessories[id]; !ok {
				return outOfLimits("No such accessory")
			}
		}
	}
	m := &message{submitted: true, Message: Message{
		Replier:      c.CustomerID,
		ReplierName:  c.XCustomerName,
		Content:      content,
		AccessoryIDs: accessoryIDs,
		GroupID:      groupID,
		CreateTime:   s.nowLocked(),
	}}
	s.appendMessage(c, m)
	ex.record.Committed = true
	return &answer{status: 200}
}
