package simulator

import (
	"regexp"
	"time"
)

// WireMessage is a message as lists and details show it.
type WireMessage struct {
	Message
	CreateTime     string          `json:"create_time"`
	IsFirstMessage int             `json:"is_first_message"`
	IAMUserType    int             `json:"iam_user_type"`
	AccessoryList  []WireAccessory `json:"accessory_list"`
}

// WireAccessory is an attachment of a WireMessage.
type WireAccessory struct {
	ID   string `json:"accessory_id"`
	Name string `json:"file_actual_name"`
}

// markup is a rich-text label. A lone < is text.
var markup = regexp.MustCompile(`</?[A-Za-z][^<>]*>`)

// show returns the wire form of a message. It needs s.mu.
func (ex *exchange) show(c *caseState, m Message, trim bool) WireMessage {
	w := WireMessage{Message: m, CreateTime: showTime(m.CreateTime), AccessoryList: []WireAccessory{}}
	if ex.route.op != OpDetail {
		w.ID = ""
	}
	if trim {
		w.Content = markup.ReplaceAllString(w.Content, "")
	}
	if m.ID == c.messages[0].ID {
		w.IsFirstMessage = 1
	}
	for _, id := range m.AccessoryIDs[:min(5, len(m.AccessoryIDs))] {
		name, ok := ex.accessories[id]
		if !ok {
			name = id
		}
		w.AccessoryList = append(w.AccessoryList, WireAccessory{id, name})
	}
	if ex.opts.Show != nil {
		ex.opts.Show(ex.route.op, &w)
	}
	return w
}

// showTime returns the wire form of a time. It has whole seconds, like the Date
// header, so that the two can be compared.
func showTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
