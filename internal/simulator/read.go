package simulator

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// wireCase is what a detail and a search show of a ticket.
type wireCase struct {
	Case
	CreateTime string `json:"create_time"`
}

func showCase(c *caseState) wireCase { return wireCase{c.Case, showTime(c.CreateTime)} }

type wireDetail struct {
	wireCase
	SeverityName string        `json:"severity_name"`
	SourceName   string        `json:"source_name"`
	ResolveTime  int64         `json:"resolve_time,omitempty"` // milliseconds; a number in the vendor's SDK
	Judgement    string        `json:"judgement"`
	MessageList  []WireMessage `json:"message_list"`
	ExtInfo      struct{}      `json:"ext_info"`
	Satisfaction []struct{}    `json:"incident_satisfaction"`
}

type wireIncident struct {
	wireCase
	LabelList []struct{} `json:"label_list"`
}

// page is the offset and limit of a request: 0 to 65535 and 0 to 100, by
// default 0 and 10.
func (ex *exchange) page() (offset, limit int) {
	return ex.number("offset", 0, 65535), ex.number("limit", 10, 100)
}

func (ex *exchange) number(name string, byDefault, most int) int {
	text, sent := ex.query[name]
	if !sent {
		return byDefault
	}
	n, err := strconv.Atoi(text[0])
	ex.require(err == nil && strconv.Itoa(n) == text[0], malformed("Invalid "+name))
	ex.require(n >= 0 && n <= most, outOfLimits(name+" out of limits"))
	return n
}

func (ex *exchange) list(object) func() *answer {
	trim := "true"
	if v, sent := ex.query["trim_osm_rich_text_label"]; sent {
		trim = v[0]
	}
	ex.require(trim == "true" || trim == "false", malformed("Invalid trim_osm_rich_text_label"))
	offset, limit := ex.page()
	return ex.onTicket(ex.query.Get("group_id"), func(c *caseState) *answer {
		items, shown := slices.Clone(c.messages), []WireMessage{}
		if ex.opts.NewestFirst {
			slices.Reverse(items)
		}
		for _, m := range items[min(offset, len(items)):min(offset+limit, len(items))] {
			shown = append(shown, ex.show(c, m, trim == "true"))
		}
		return &answer{status: 200, body: map[string]any{"count": len(items), "message_list": shown}}
	})
}

// detail reads a ticket and all its messages. The content has its markup: this
// operation has no parameter to strip it.
func (ex *exchange) detail(object) func() *answer {
	return ex.onTicket(ex.query.Get("group_id"), func(c *caseState) *answer {
		d := wireDetail{wireCase: showCase(c), SeverityName: c.Severity, SourceName: c.Source,
			MessageList: []WireMessage{}, Satisfaction: []struct{}{}}
		if !c.ResolveTime.IsZero() {
			d.ResolveTime = c.ResolveTime.UnixMilli()
		}
		for _, m := range c.messages {
			d.MessageList = append(d.MessageList, ex.show(c, m, false))
		}
		return &answer{status: 200, body: map[string]wireDetail{"incident_detail_info": d}}
	})
}

func (ex *exchange) status(object) func() *answer {
	return ex.onTicket("", func(c *caseState) *answer {
		return &answer{status: 200, body: map[string]int{"status": c.Status}}
	})
}

// time reads an optional query parameter; zero is none.
func (ex *exchange) time(name string) (t time.Time) {
	if v := ex.query.Get(name); v != "" {
		var err error
		t, err = time.Parse(time.RFC3339, v)
		ex.require(err == nil, malformed("Invalid "+name))
	}
	return t
}

// searchCases finds tickets, oldest first. All conditions must hold. Each word of
// search_key must be in the ID or the description. Simulated tickets have no labels.
func (ex *exchange) searchCases(object) func() *answer {
	offset, limit := ex.page()
	ex.require(len(ex.query["label_id_list"]) <= 5, outOfLimits("Too many labels"))
	status := ex.number("status", -1, 17)
	_, known := statuses[status]
	ex.require(known || status < 0, outOfLimits("status out of limits"))
	start, end := ex.time("query_start_time"), ex.time("query_end_time")
	words := strings.Fields(strings.ToLower(strings.Join(ex.query["search_key"], " ")))
	matches := func(c *caseState) bool {
		text := strings.ToLower(c.ID + " " + c.Description)
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) &&
			(c.GroupID == "" || c.GroupID == ex.query.Get("group_id")) &&
			len(ex.query["label_id_list"]) == 0 &&
			(status < 0 || c.Status == status) &&
			(start.IsZero() || !c.CreateTime.Before(start)) &&
			(end.IsZero() || !c.CreateTime.After(end))
	}
	return func() *answer {
		found := []wireIncident{}
		for _, c := range ex.caseOrder {
			if matches(c) {
				found = append(found, wireIncident{showCase(c), []struct{}{}})
			}
		}
		shown := found[min(offset, len(found)):min(offset+limit, len(found))]
		return &answer{status: 200, body: map[string]any{"total_count": len(found), "incident_info_list": shown}}
	}
}
