package simulator

// maxContent is the limit of a text in characters, from the service's API
// reference. A text may be empty.
const maxContent = 10000

// submit posts a message.
func (ex *exchange) submit(body object) func() *answer {
	groupID := optional[string](ex, body, "group_id")
	msg := mandatory[object](ex, body, "message")
	content := mandatory[string](ex, msg, "content")
	ids := ex.texts("accessory_ids", optional[[]any](ex, msg, "accessory_ids"))
	ex.require(between(groupID, 0, 64), outOfLimits("group_id out of limits"))
	ex.require(between(content, 0, maxContent), outOfLimits("content out of limits"))
	ex.require(len(ids) <= 10, outOfLimits("Too many accessory_ids"))
	for _, id := range ids {
		ex.require(between(id, 1, 64), outOfLimits("accessory_id out of limits"))
	}
	return ex.onTicket(groupID, func(c *caseState) *answer {
		if statuses[c.Status].closed {
			return refuse(200, "OSM.01010002", "The ticket is closed")
		}
		for _, id := range ids {
			if _, known := ex.accessories[id]; !known && ex.opts.StrictAccessories {
				return outOfLimits("No such accessory")
			}
		}
		ex.addMessage(c, Message{
			submitted:    true,
			Replier:      c.CustomerID,
			ReplierName:  c.XCustomerName,
			Content:      content,
			AccessoryIDs: ids,
			GroupID:      groupID,
		})
		ex.record.Committed = true
		return &answer{status: 200}
	})
}
