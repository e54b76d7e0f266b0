package servicerequest

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// CaseSummary is a ticket as a search shows it. Texts are empty where the
// service does not give them.
type CaseSummary struct {
	ID           Text   `json:"incident_id"`
	Status       Number `json:"status"`
	Description  Text   `json:"simple_description"`
	BusinessType Text   `json:"business_type_name"` // the kind of problem
	IncidentType Text   `json:"incident_type_name"` // the kind of ticket
	Region       Text   `json:"dc_name"`
	CustomerID   Text   `json:"customer_id"`  // the account
	UserID       Text   `json:"xcustomer_id"` // the user of the account whose ticket it is
	UserName     Text   `json:"xcustomer_name"`
	// CreateTime is as the service writes it; Created is zero when that cannot be read.
	CreateTime Text      `json:"create_time"`
	Created    time.Time `json:"-"`
}

// Case is a ticket.
type Case struct {
	CaseSummary
	Severity  Text `json:"severity_name"`
	Source    Text `json:"source_name"`
	Judgement Text `json:"judgement"` // the customer's comment on the service
	// ResolveTime is as the service writes it; Resolved is zero when that
	// cannot be read.
	ResolveTime Text      `json:"resolve_time"`
	Resolved    time.Time `json:"-"`
	// Messages come in the service's order, and each ID once.
	Messages messageList `json:"message_list"`
}

// Case reads a ticket with its messages, in one call. When there is no such
// ticket the error is an *APIError with the code OSM.01010015.
func (c *Client) Case(ctx context.Context, caseID, groupID string) (Case, error) {
	var answer struct {
		Info *Case `json:"incident_detail_info"`
	}
	r := c.request(http.MethodGet, casePath(caseID), inGroup(groupID), nil)
	r.maxBody, r.private = c.maxTicket, true
	o, err := c.doIdempotent(ctx, r, &answer)
	if err != nil {
		return Case{}, err
	}
	if answer.Info == nil {
		return Case{}, c.failure(o) // a 200 without a ticket
	}
	read := *answer.Info
	read.ID = cmp.Or(read.ID, Text(caseID))
	if read.ResolveTime == "0" { // not yet
		read.ResolveTime = ""
	}
	read.Created, read.Resolved = c.parseTime(string(read.CreateTime)), c.parseTime(string(read.ResolveTime))
	ids := map[string]bool{}
	read.Messages = slices.DeleteFunc(read.Messages, func(m Message) bool {
		repeated := m.ID != "" && ids[m.ID]
		ids[m.ID] = true
		return repeated
	})
	for i := range read.Messages {
		read.Messages[i].Created = c.parseTime(read.Messages[i].CreateTime)
	}
	return read, nil
}

// CaseQuery selects tickets. A ticket must match everything that is set.
type CaseQuery struct {
	Keywords []string
	LabelIDs []string // at most 5
	Status   *int64
	// From and To bound the time of creation. The zero time is no bound.
	From, To time.Time
	GroupID  string
}

func (q CaseQuery) values() url.Values {
	v := inGroup(q.GroupID)
	v["search_key"], v["label_id_list"] = q.Keywords, q.LabelIDs // without an element, not sent
	if q.Status != nil {
		v.Set("status", strconv.FormatInt(*q.Status, 10))
	}
	if !q.From.IsZero() {
		v.Set("query_start_time", q.From.UTC().Format(time.RFC3339))
	}
	if !q.To.IsZero() {
		v.Set("query_end_time", q.To.UTC().Format(time.RFC3339))
	}
	return v
}

// inGroup is the query of a call for a ticket of an IAM group; "" is none.
func inGroup(groupID string) url.Values {
	v := url.Values{}
	if groupID != "" {
		v.Set("group_id", groupID)
	}
	return v
}

// Cases searches for tickets. It returns each once, in the service's order, and at
// most limit of them. more reports whether there are others. With an
// *IncompleteError it returns those that it could read.
func (c *Client) Cases(ctx context.Context, q CaseQuery, limit int) (cases []CaseSummary, more bool, err error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	query := q.values()
	seen := map[Text]bool{}
	repeats, total, size := false, 0, 0
	err = paginate(func(offset int) (items, count int, err error) {
		query.Set("offset", strconv.Itoa(offset))
		// Ask for one more than the limit, to see whether there are more.
		query.Set("limit", strconv.Itoa(min(pageSize, limit+1-len(cases))))
		var answer struct {
			Total Number        `json:"total_count"`
			List  []CaseSummary `json:"incident_info_list"`
		}
		r := c.request(http.MethodGet, "v2/servicerequest/cases", query, nil)
		r.maxBody = c.maxTicket
		o, err := c.doIdempotent(ctx, r, &answer)
		if err != nil {
			return 0, 0, err
		}
		if size += len(o.body); size > c.maxTicket {
			return 0, 0, errListTooLong
		}
		fresh := false
		for _, found := range answer.List {
			switch {
			case found.ID == "":
				return 0, 0, errors.New("the service lists a ticket without an ID")
			case seen[found.ID]:
				continue
			case len(cases) == limit:
				more = true
				return 0, 0, nil
			}
			fresh, seen[found.ID] = true, true
			found.Created = c.parseTime(string(found.CreateTime))
			cases = append(cases, found)
		}
		total = answer.Total.or(0)
		if repeats = len(answer.List) > 0 && !fresh; repeats {
			return 0, 0, nil
		}
		return len(answer.List), total, nil
	})
	if errors.Is(err, errOffset) || errors.Is(err, errListTooLong) {
		return cases, false, &IncompleteError{len(cases), err}
	}
	if repeats && len(cases) < total {
		return cases, false, &IncompleteError{len(cases), errCountsMore}
	}
	return cases, more, err
}
