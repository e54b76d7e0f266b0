package simulator

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// wireCase is what a detail and a search show of a ticket.
type wireCase struct {
	IncidentID        string `json:"incident_id"`
	Status            int    `json:"status"`
	SimpleDescription string `json:"simple_description"`
	BusinessTypeName  string `json:"business_type_name"`
	IncidentTypeName  string `json:"incident_type_name"`
	DCName            string `json:"dc_name"`
	CustomerID        string `json:"customer_id"`
	XCustomerID       string `json:"xcustomer_id"`
	XCustomerName     string `json:"xcustomer_name"`
	CreateTime        string `json:"create_time"`
}

func showCase(c *caseState) wireCase {
	return wireCase{c.ID, c.Status, c.Description, c.BusinessType, c.IncidentType, c.Region,
		c.CustomerID, c.XCustomerID, c.XCustomerName, showTime(c.CreateTime)}
}

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
func (ex *exchange) page() (offset, limit int, refusal *answer) {
	if offset, refusal = ex.number("offset", 0, 65535); refusal != nil {
		return 0, 0, refusal
	}
	limit, refusal = ex.number("limit", 10, 100)
	return offset, limit, refusal
}

func (ex *exchange) number(name string, byDefault, most int) (int, *answer) {
	text, sent := ex.query[name]
	if !sent {
		return byDefault, nil
	}
	n, err := strconv.Atoi(text[0])
	switch {
	case err != nil || strconv.Itoa(n) != text[0]:
		return 0, malformed("Invalid " + name)
	case n < 0 || n > most:
		return 0, outOfLimits(name + " out of limits")
	}
	return n, nil
}

func (ex *exchange) list(object) (do func() *answer, refusal *answer) {
	trim := true
	switch v, sent := ex.query["trim_osm_rich_text_label"]; {
	case !sent:
	case v[0] == "true", v[0] == "false":
		trim = v[0] == "true"
	default:
		return nil, malformed("Invalid trim_osm_rich_text_label")
	}
	offset, limit, refusal := ex.page()
	if refusal != nil {
		return nil, refusal
	}
	return func() *answer {
		s := ex.s
		c, refusal := s.findCase(ex.param, ex.value("group_id"))
		if refusal != nil {
			return refusal
		}
		items := slices.Clone(c.messages)
		count, shown := len(items), []WireMessage{}
		if s.opts.NewestFirst {
			slices.Reverse(items)
		}
		for _, m := range items[min(offset, len(items)):min(offset+limit, len(items))] {
			shown = append(shown, ex.show(c, m, trim))
		}
		return &answer{status: 200, body: map[string]any{"count": count, "message_list": shown}}
	}, nil
}

// detail reads a ticket and all its messages. The content has its markup: this
// operation has no parameter to strip it.
func (ex *exchange) detail(object) (do func() *answer, refusal *answer) {
	return func() *answer {
		s := ex.s
		c, refusal := s.findCase(ex.param, ex.value("group_id"))
		if refusal != nil {
			return refusal
		}
		d := wireDetail{wireCase: showCase(c), SeverityName: c.Severity, SourceName: c.Source,
			MessageList: []WireMessage{}, Satisfaction: []struct{}{}}
		if !c.ResolveTime.IsZero() {
			d.ResolveTime = c.ResolveTime.UnixMilli()
		}
		for _, m := range c.messages {
			d.MessageList = append(d.MessageList, ex.show(c, m, false))
		}
		return &answer{status: 200, body: map[string]wireDetail{"incident_detail_info": d}}
	}, nil
}

// status reads a ticket's status. It takes no group_id, so it asks for none.
func (ex *exchange) status(object) (do func() *answer, refusal *answer) {
	return func() *answer {
		s := ex.s
		c, ok := s.cases[ex.param]
		if !ok {
			return refuse(200, "OSM.01010015", "The case does not exist")
		}
		return &answer{status: 200, body: map[string]int{"status": c.Status}}
	}, nil
}

// searchCases finds tickets, oldest first. All conditions must hold. Each word of
// search_key must be in the ID or the description. Simulated tickets have no labels.
func (ex *exchange) searchCases(object) (do func() *answer, refusal *answer) {
	offset, limit, refusal := ex.page()
	if refusal != nil {
		return nil, refusal
	}
	if len(ex.query["label_id_list"]) > 5 {
		return nil, outOfLimits("Too many labels")
	}
	status, refusal := ex.number("status", -1, 17)
	if refusal != nil {
		return nil, refusal
	}
	if _, known := findStatus(status); !known && status >= 0 {
		return nil, outOfLimits("status out of limits")
	}
	var start, end time.Time
	for name, t := range map[string]*time.Time{"query_start_time": &start, "query_end_time": &end} {
		if v := ex.value(name); v != "" {
			var err error
			if *t, err = time.Parse(time.RFC3339, v); err != nil {
				return nil, malformed("Invalid " + name)
			}
		}
	}
	words := strings.Fields(strings.ToLower(strings.Join(ex.query["search_key"], " ")))
	matches := func(c *caseState) bool {
		for _, w := range words {
			if !strings.Contains(strings.ToLower(c.ID+" "+c.Description), w) {
				return false
			}
		}
		return (c.GroupID == "" || c.GroupID == ex.value("group_id")) &&
			len(ex.query["label_id_list"]) == 0 &&
			(status < 0 || c.Status == status) &&
			(start.IsZero() || !c.CreateTime.Before(start)) &&
			(end.IsZero() || !c.CreateTime.After(end))
	}
	return func() *answer {
		s := ex.s
		total, found := 0, []wireIncident{}
		for _, c := range s.caseOrder {
			if !matches(c) {
				continue
			}
			if total >= offset && len(found) < limit {
				found = append(found, wireIncident{showCase(c), []struct{}{}})
			}
			total++
		}
		return &answer{status: 200, body: map[string]any{"total_count": total, "incident_info_list": found}}
	}, nil
}
