package servicerequest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Limits of the list call.
const (
	pageSize  = 100   // the most that one call gives
	maxOffset = 65535 // the highest offset that the service takes
	// maxPages is far more than the longest list has, unless the service gives
	// next to nothing at a time.
	maxPages = 2000
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
	// Created is CreateTime as [Client.Case] and [Client.Messages] read it;
	// zero when it cannot be read.
	Created time.Time
	// IsFirst is 1 for the ticket's first message.
	IsFirst     int
	Accessories []Accessory // at most 5 are shown
}

// Accessory is an attachment of a message.
type Accessory struct {
	ID   string
	Name string
}

// UnmarshalJSON reads a message as the service writes it.
func (m *Message) UnmarshalJSON(data []byte) error {
	var w struct {
		ID          text   `json:"message_id"`
		Type        number `json:"type"`
		ReplierType number `json:"replier_type"`
		Replier     text   `json:"replier"`
		ReplierName text   `json:"replier_name"`
		Content     text   `json:"content"`
		CreateTime  text   `json:"create_time"`
		IsFirst     number `json:"is_first_message"`
		Accessories []struct {
			ID   text `json:"accessory_id"`
			Name text `json:"file_actual_name"`
		} `json:"accessory_list"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*m = Message{
		ID: string(w.ID), Type: w.Type.or(AuthorCustomer),
		Replier: string(w.Replier), ReplierName: string(w.ReplierName),
		Content: string(w.Content), CreateTime: string(w.CreateTime),
		IsFirst: w.IsFirst.or(0),
	}
	m.ReplierType = w.ReplierType.or(m.Type)
	for _, a := range w.Accessories {
		m.Accessories = append(m.Accessories, Accessory{string(a.ID), string(a.Name)})
	}
	return nil
}

// page is one answer of the list call.
type page struct {
	Count    int
	Messages []Message

	// moved is how many of the first messages may have been on the page before:
	// where the newest come first, new ones push the others on.
	moved int
}

func (p *page) UnmarshalJSON(data []byte) error {
	var w struct {
		Count    number    `json:"count"`
		Messages []Message `json:"message_list"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if w.Count.value == nil && w.Messages == nil {
		return errors.New("no list of messages") // which must not pass for an empty one
	}
	*p = page{Count: w.Count.or(0), Messages: w.Messages}
	return nil
}

// listing tells how far a list could be trusted.
type listing struct {
	// date is the service's clock at the last page, received the local one.
	date, received time.Time
	// stable: the count stayed the same over all pages. Otherwise a message
	// may have been seen twice, as new ones move the others.
	stable bool
	// shrunk: the count fell from page to page. Then a message may have slipped
	// past unseen.
	shrunk bool
	// count is the service's, of the last page; seen is how many it gave.
	count, seen int
}

var errTooManyMessages = errors.New("the ticket has more messages than the service lists (65,535), or than it gives in 2,000 pages")

// eachPage pages through a ticket's messages, in the service's order, with
// markup as it was sent, for as long as visit wants more. It holds one page in
// memory, and ends even where the service's count is a lie.
func (c *Client) eachPage(ctx context.Context, caseID, groupID string, visit func(page) (more bool)) (listing, error) {
	l := listing{stable: true}
	query := url.Values{"trim_osm_rich_text_label": {"false"}}
	if groupID != "" {
		query.Set("group_id", groupID)
	}
	err := paginate(func(offset int) (items, count int, more bool, err error) {
		query.Set("offset", strconv.Itoa(offset))
		query.Set("limit", strconv.Itoa(pageSize))
		var p page
		o, err := c.read(ctx, request{
			method: http.MethodGet, path: casePath(caseID, "messages"), query: query, maxBody: maxTicketBytes, private: true,
		}, &p)
		if err != nil {
			return 0, 0, false, err
		}
		l.date, _ = serviceDate(o.header)
		l.received = o.received
		if offset > 0 && p.Count != l.count {
			l.stable = false
			l.shrunk = l.shrunk || p.Count < l.count
			p.moved = max(p.Count-l.count, 0)
		}
		l.count = p.Count
		l.seen += len(p.Messages)
		return len(p.Messages), p.Count, visit(p), nil
	})
	if errors.Is(err, errOffset) {
		err = errTooManyMessages
	}
	return l, err
}

var errOffset = errors.New("the list is longer than the service gives, or than it gives in 2,000 pages")

// paginate gets one page of a list after the other. It ends even where the
// service's count is a lie, with an empty page, at the highest offset or the
// last of maxPages.
func paginate(get func(offset int) (items, count int, more bool, err error)) error {
	for offset, pages := 0, 0; offset <= maxOffset && pages < maxPages; pages++ {
		items, count, more, err := get(offset)
		if err != nil {
			return err
		}
		offset += items
		// A full page at the end asks for one more: the count may be too low.
		if !more || items == 0 || offset >= count && items < pageSize {
			return nil
		}
	}
	return errOffset
}
