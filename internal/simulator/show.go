package simulator

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
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
		w.AccessoryList = append(w.AccessoryList, WireAccessory{id, ex.fileName(id)})
	}
	if ex.opts.Show != nil {
		ex.opts.Show(ex.route.op, &w)
	}
	return w
}

// fileName returns the name of an accessory, or its ID if it was not uploaded. It needs
// s.mu.
func (s *Simulator) fileName(id string) string { return cmp.Or(s.accessories[id], id) }

// thread returns a ticket and its messages as a text for people. It needs s.mu.
func (s *Simulator) thread(c *caseState) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)", c.ID, cmp.Or(statuses[c.Status].name, fmt.Sprint("status ", c.Status)))
	if c.Description != "" {
		b.WriteString(": " + c.Description)
	}
	b.WriteString("\n")
	for i, m := range c.messages {
		author := []string{"customer", "engineer"}[min(max(m.Type, 0), 1)]
		if m.ReplierName != "" {
			author = m.ReplierName + " (" + author + ")"
		}
		fmt.Fprintf(&b, "\n#%d  %s  %s\n", i+1, author, showTime(m.CreateTime))
		for _, id := range m.AccessoryIDs {
			b.WriteString("    [attached: " + s.fileName(id) + "]\n")
		}
		for line := range strings.SplitSeq(strings.TrimRight(m.Content, "\n"), "\n") {
			b.WriteString(strings.TrimRight("    "+line, " \r") + "\n")
		}
	}
	return b.String()
}

// showTime returns the wire form of a time. It has whole seconds, like the Date
// header, so that the two can be compared.
func showTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
