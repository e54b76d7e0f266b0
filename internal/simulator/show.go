package simulator

type wireAccessory struct {
	ID   string `json:"accessory_id"`
	Name string `json:"file_actual_name"`
}

type wireMessage struct {
	MessageID      string          `json:"message_id,omitempty"` // only in a ticket's detail
	Type           int             `json:"type"`
	ReplierType    int             `json:"replier_type"`
	Replier        string          `json:"replier"`
	ReplierName    string          `json:"replier_name"`
	Content        string          `json:"content"`
	CreateTime     string          `json:"create_time"`
	IsFirstMessage int             `json:"is_first_message"`
	IAMUserType    int             `json:"iam_user_type"`
	AccessoryList  []wireAccessory `json:"accessory_list"`
}

// show returns the wire form of a message, changed by the faults of the request. It
// needs s.mu.
func (ex *exchange) show(m *message, first, trim bool) wireMessage {
	w := wireMessage{
		Type:          m.Type,
		ReplierType:   m.ReplierType,
		Replier:       m.Replier,
		ReplierName:   m.ReplierName,
		Content:       ex.showText(m, trim),
		CreateTime:    ex.showTime(m.CreateTime),
		AccessoryList: []wireAccessory{},
	}
	if first {
		w.IsFirstMessage = 1
	}
	for _, id := range m.AccessoryIDs[:min(5, len(m.AccessoryIDs))] {
		name, ok := ex.s.accessories[id]
		if !ok {
			name = id
		}
		w.AccessoryList = append(w.AccessoryList, wireAccessory{id, name})
	}
	if m.submitted {
		for _, k := range ex.inOrder {
			if k.message != nil {
				k.message(&w)
			}
		}
	}
	return w
}

// showAuthor changes the type of a message's author.
func showAuthor(kind int) func(*wireMessage) {
	return func(w *wireMessage) { w.Type, w.ReplierType = kind, kind }
}

func addAttachment(w *wireMessage) {
	w.AccessoryList = append(w.AccessoryList, wireAccessory{"accessory-added", "added.txt"})
}

func hideAttachmentIDs(w *wireMessage) {
	for i := range w.AccessoryList {
		w.AccessoryList[i].ID = ""
	}
}
