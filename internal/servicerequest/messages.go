package servicerequest

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Types of a message's author.
const (
	AuthorCustomer   = 0
	AuthorEngineer   = 1
	AuthorThirdParty = 2
)

// Message is a message as the ticket shows it.
type Message struct {
	// ID is given by the detail call only, and empty in a list.
	ID string
	// Type is [AuthorCustomer] or [AuthorEngineer] (of Huawei).
	Type int
	// ReplierType is [AuthorCustomer], [AuthorEngineer] or [AuthorThirdParty];
	// the same as Type where the service does not tell it.
	ReplierType int
	Replier     string // an ID
	ReplierName string
	// Content may be cut: one page of the API reference documents 400 characters on reading.
	Content string
	// CreateTime is as the service writes it; RFC 3339 or near it, in no documented zone.
	CreateTime string
	// Created is CreateTime; zero when that cannot be read.
	Created time.Time
	// IsFirst is 1 for the ticket's first message.
	IsFirst int
	// Position is where a message of [Client.Messages] is in the service's list, from 1.
	Position    int
	Accessories []Accessory // at most 5 are shown
}

// Accessory is an attachment of a message.
type Accessory struct {
	ID   Text `json:"accessory_id"`
	Name Text `json:"file_actual_name"`
}

// UnmarshalJSON reads a message as the service writes it.
func (m *Message) UnmarshalJSON(data []byte) error {
	var w struct {
		ID          Text        `json:"message_id"`
		Type        Number      `json:"type"`
		ReplierType Number      `json:"replier_type"`
		Replier     Text        `json:"replier"`
		ReplierName Text        `json:"replier_name"`
		Content     Text        `json:"content"`
		CreateTime  Text        `json:"create_time"`
		IsFirst     Number      `json:"is_first_message"`
		Accessories []Accessory `json:"accessory_list"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*m = Message{
		ID: string(w.ID), Type: w.Type.or(AuthorCustomer),
		Replier: string(w.Replier), ReplierName: string(w.ReplierName),
		Content: string(w.Content), CreateTime: string(w.CreateTime),
		IsFirst: w.IsFirst.or(0), Accessories: w.Accessories,
	}
	m.ReplierType = w.ReplierType.or(m.Type)
	return nil
}

// page is one answer of the list call.
type page struct {
	Count    int
	Messages []Message
}

func (p *page) UnmarshalJSON(data []byte) error {
	var w struct {
		Count    Number      `json:"count"`
		Messages messageList `json:"message_list"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if w.Messages == nil && w.Count.or(1) != 0 {
		return errors.New("no list of messages") // which is not an empty list
	}
	*p = page{Count: w.Count.or(0), Messages: w.Messages}
	return nil
}

// messageList is a JSON array of messages.
type messageList []Message

// UnmarshalJSON refuses an absurd number of messages before it makes any: an
// empty one takes two bytes in the answer and a hundred times that in memory.
func (l *messageList) UnmarshalJSON(data []byte) error {
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil || items == nil {
		return err
	}
	if len(items) > maxOffset+pageSize {
		return errTooManyMessages
	}
	*l = make(messageList, len(items))
	for i, item := range items {
		if err := json.Unmarshal(item, &(*l)[i]); err != nil {
			return err
		}
	}
	return nil
}

// fields are all that a list says about a message.
type fields struct {
	kind, replierType, first                            int
	replier, replierName, content, created, accessories string
}

func (m *Message) fields() fields {
	return fields{m.Type, m.ReplierType, m.IsFirst, m.Replier, m.ReplierName, m.Content, m.CreateTime, m.accessoryIDs()}
}

// sharedFields are those that a ticket's detail has as well.
func (m *Message) sharedFields() fields {
	return fields{kind: m.Type, replier: m.Replier, content: m.Content, created: m.CreateTime, accessories: m.accessoryIDs()}
}

func (m *Message) accessoryIDs() string {
	var ids strings.Builder
	for _, a := range m.Accessories {
		ids.WriteString(string(a.ID) + "\x00")
	}
	return ids.String()
}

func (m *Message) size() int {
	n := messageOverhead + len(m.Content) + len(m.Replier) + len(m.ReplierName) + len(m.CreateTime)
	for _, a := range m.Accessories {
		n += len(a.ID) + len(a.Name)
	}
	return n
}
