package simulator

import (
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

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

type wireMessages struct {
	Count       int           `json:"count"`
	MessageList []wireMessage `json:"message_list"`
}

type wireDetail struct {
	IncidentID        string        `json:"incident_id"`
	Status            int           `json:"status"`
	SimpleDescription string        `json:"simple_description"`
	BusinessTypeName  string        `json:"business_type_name"`
	IncidentTypeName  string        `json:"incident_type_name"`
	SeverityName      string        `json:"severity_name"`
	SourceName        string        `json:"source_name"`
	DCName            string        `json:"dc_name"`
	CustomerID        string        `json:"customer_id"`
	XCustomerID       string        `json:"xcustomer_id"`
	XCustomerName     string        `json:"xcustomer_name"`
	CreateTime        string        `json:"create_time"`
	ResolveTime       int64         `json:"resolve_time,omitempty"` // milliseconds; a number in the vendor's SDK
	Judgement         string        `json:"judgement"`
	MessageList       []wireMessage `json:"message_list"`
	ExtInfo           struct{}      `json:"ext_info"`
	Satisfaction      []struct{}    `json:"incident_satisfaction"`
}

type wireIncident struct {
	IncidentID        string     `json:"incident_id"`
	Status            int        `json:"status"`
	SimpleDescription string     `json:"simple_description"`
	BusinessTypeName  string     `json:"business_type_name"`
	IncidentTypeName  string     `json:"incident_type_name"`
	DCName            string     `json:"dc_name"`
	CustomerID        string     `json:"customer_id"`
	XCustomerID       string     `json:"xcustomer_id"`
	XCustomerName     string     `json:"xcustomer_name"`
	CreateTime        string     `json:"create_time"`
	LabelList         []struct{} `json:"label_list"`
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

// target refuses a case_id or group_id out of limits.
func (ex *exchange) target() *answer {
	switch {
	case !between(ex.param, 1, 64):
		return outOfLimits("case_id out of limits")
	case !between(ex.value("group_id"), 0, 64):
		return outOfLimits("group_id out of limits")
	}
	return nil
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
	if refusal := ex.target(); refusal != nil {
		return nil, refusal
	}
	offset, limit, refusal := ex.page()
	if refusal != nil {
		return nil, refusal
	}
	return func() *answer {
		s := ex.s
		s.mu.Lock()
		defer s.mu.Unlock()
		c, refusal := s.findCase(ex.param, ex.value("group_id"))
		if refusal != nil {
			return refusal
		}
		visible := ex.visible(c.messages)
		out := wireMessages{Count: len(visible), MessageList: []wireMessage{}}
		for i := offset; i < min(offset+limit, len(visible)); i++ {
			m := visible[i]
			if s.opts.NewestFirst {
				m = visible[len(visible)-1-i]
			}
			out.MessageList = append(out.MessageList, ex.show(m, m == c.messages[0], trim))
		}
		return &answer{status: 200, body: out}
	}, nil
}

// visible leaves out what a late list does not show yet.
func (ex *exchange) visible(messages []*message) []*message {
	late, ok := ex.struck[kindLateList]
	if !ok {
		return messages
	}
	now := ex.s.nowLocked()
	var out []*message
	for _, m := range messages {
		if !m.CreateTime.Add(late.Delay).After(now) {
			out = append(out, m)
		}
	}
	return out
}

// markup is a rich-text label. A lone < is text.
var markup = regexp.MustCompile(`</?[A-Za-z][^<>]*>`)

// show is a message on the wire, as the request and its faults want it. It
// needs s.mu.
func (ex *exchange) show(m *message, first, trim bool) wireMessage {
	w := wireMessage{
		Type:          m.Type,
		ReplierType:   m.ReplierType,
		Replier:       m.Replier,
		ReplierName:   m.ReplierName,
		Content:       m.Content,
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
	if _, strips := ex.struck[kindStrips]; strips || trim {
		w.Content = markup.ReplaceAllString(w.Content, "")
	}
	if _, escapes := ex.struck[kindEscapes]; escapes {
		w.Content = html.EscapeString(w.Content)
	}
	if _, truncates := ex.struck[kindTruncates]; truncates {
		if r := []rune(w.Content); len(r) > 400 {
			w.Content = string(r[:400])
		}
	}
	return w
}

// showTime is a time on the wire: whole seconds, like the Date header, so that
// the two can be compared.
func (ex *exchange) showTime(t time.Time) string {
	if _, ok := ex.struck[kindNoTimes]; ok {
		return "just now"
	}
	if _, ok := ex.struck[kindZoneless]; ok {
		return t.In(zone(ex.r.Header.Get("X-Time-Zone"))).Format("2006-01-02 15:04:05")
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

var gmt = regexp.MustCompile(`^(?:GMT|UTC)(?:([+-])(\d{1,2})(?::?(\d{2}))?)?$`)

// zone reads X-Time-Zone: GMT+8, GMT+05:30, or a name. What it cannot read is
// the default, GMT+8.
func zone(name string) *time.Location {
	if p := gmt.FindStringSubmatch(name); p != nil {
		h, _ := strconv.Atoi(p[2])
		m, _ := strconv.Atoi(p[3])
		seconds := h*3600 + m*60
		if p[1] == "-" {
			seconds = -seconds
		}
		return time.FixedZone(name, seconds)
	}
	if name != "" {
		if l, err := time.LoadLocation(name); err == nil {
			return l
		}
	}
	return time.FixedZone("GMT+8", 8*3600)
}

// detail reads a ticket and all its messages. Content comes as it was sent:
// there is no parameter here that would have it stripped.
func (ex *exchange) detail(object) (do func() *answer, refusal *answer) {
	if refusal := ex.target(); refusal != nil {
		return nil, refusal
	}
	return func() *answer {
		s := ex.s
		s.mu.Lock()
		defer s.mu.Unlock()
		c, refusal := s.findCase(ex.param, ex.value("group_id"))
		if refusal != nil {
			return refusal
		}
		d := wireDetail{
			IncidentID:        c.ID,
			Status:            c.Status,
			SimpleDescription: c.Description,
			BusinessTypeName:  c.BusinessType,
			IncidentTypeName:  c.IncidentType,
			SeverityName:      c.Severity,
			SourceName:        c.Source,
			DCName:            c.Region,
			CustomerID:        c.CustomerID,
			XCustomerID:       c.XCustomerID,
			XCustomerName:     c.XCustomerName,
			CreateTime:        ex.showTime(c.CreateTime),
			MessageList:       []wireMessage{},
			Satisfaction:      []struct{}{},
		}
		if !c.ResolveTime.IsZero() {
			d.ResolveTime = c.ResolveTime.UnixMilli()
		}
		for _, m := range ex.visible(c.messages) {
			w := ex.show(m, m == c.messages[0], false)
			w.MessageID = m.ID
			d.MessageList = append(d.MessageList, w)
		}
		return &answer{status: 200, body: map[string]wireDetail{"incident_detail_info": d}}
	}, nil
}

// status reads a ticket's status. It takes no group_id, so it asks for none.
func (ex *exchange) status(object) (do func() *answer, refusal *answer) {
	if refusal := ex.target(); refusal != nil {
		return nil, refusal
	}
	return func() *answer {
		s := ex.s
		s.mu.Lock()
		defer s.mu.Unlock()
		c, ok := s.cases[ex.param]
		if !ok {
			return refuse(200, "OSM.01010015", "The case does not exist")
		}
		return &answer{status: 200, body: map[string]int{"status": c.Status}}
	}, nil
}

// searchCases finds tickets, oldest first. Every condition must hold; of the
// words of search_key each must be in the ID or the description. status is one
// status, incident_status a list with commas. Tickets have no labels here.
func (ex *exchange) searchCases(object) (do func() *answer, refusal *answer) {
	offset, limit, refusal := ex.page()
	if refusal != nil {
		return nil, refusal
	}
	if !between(ex.value("group_id"), 0, 64) {
		return nil, outOfLimits("group_id out of limits")
	}
	if len(ex.query["label_id_list"]) > 5 {
		return nil, outOfLimits("Too many labels")
	}
	var wanted [][]int // a list for each parameter sent
	for _, name := range []string{"status", "incident_status"} {
		text, sent := ex.query[name]
		if !sent {
			continue
		}
		var list []int
		for word := range strings.SplitSeq(text[0], ",") {
			n, err := strconv.Atoi(word)
			if err != nil {
				return nil, malformed("Invalid " + name)
			}
			if !slices.Contains(statuses, n) {
				return nil, outOfLimits(name + " out of limits")
			}
			list = append(list, n)
		}
		if name == "status" && len(list) > 1 {
			return nil, malformed("Invalid status")
		}
		wanted = append(wanted, list)
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
		same := func(name, value string) bool { v := ex.value(name); return v == "" || v == value }
		return (c.GroupID == "" || c.GroupID == ex.value("group_id")) &&
			same("label_id_list", "") &&
			same("incident_id", c.ID) &&
			same("x_customer_id", c.XCustomerID) &&
			same("x_customer_name", c.XCustomerName) &&
			!slices.ContainsFunc(wanted, func(list []int) bool { return !slices.Contains(list, c.Status) }) &&
			(start.IsZero() || !c.CreateTime.Before(start)) &&
			(end.IsZero() || !c.CreateTime.After(end))
	}
	return func() *answer {
		s := ex.s
		s.mu.Lock()
		defer s.mu.Unlock()
		total, found := 0, []wireIncident{}
		for _, c := range s.caseOrder {
			if !matches(c) {
				continue
			}
			if total >= offset && len(found) < limit {
				found = append(found, wireIncident{
					IncidentID:        c.ID,
					Status:            c.Status,
					SimpleDescription: c.Description,
					BusinessTypeName:  c.BusinessType,
					IncidentTypeName:  c.IncidentType,
					DCName:            c.Region,
					CustomerID:        c.CustomerID,
					XCustomerID:       c.XCustomerID,
					XCustomerName:     c.XCustomerName,
					CreateTime:        ex.showTime(c.CreateTime),
					LabelList:         []struct{}{},
				})
			}
			total++
		}
		return &answer{status: 200, body: struct {
			Total int            `json:"total_count"`
			List  []wireIncident `json:"incident_info_list"`
		}{total, found}}
	}, nil
}

// statuses of a ticket, from the service's API reference.
var statuses = []int{0, 1, 2, 3, 4, 5, 12, 17}
