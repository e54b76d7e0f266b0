package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// ticket is what a thread shows of the service's answer.
type ticket struct {
	Detail struct {
		ID          string                  `json:"incident_id"`
		Status      int                     `json:"status"`
		Description string                  `json:"simple_description"`
		Messages    []simulator.WireMessage `json:"message_list"`
	} `json:"incident_detail_info"`
}

func printThread(ctx context.Context, call invocation) error {
	var t ticket
	if err := call.server.do(ctx, http.MethodGet, "/v2/servicerequest/cases/"+url.PathEscape(call.args[0]), nil, &t); err != nil {
		return err
	}
	_, err := io.WriteString(call.out, t.String())
	return err
}

func (t ticket) String() string {
	status := fmt.Sprint("status ", t.Detail.Status)
	if s, known := simulator.FindStatus(t.Detail.Status); known {
		status = s.Name
	}
	var b strings.Builder
	b.WriteString(t.Detail.ID + " (" + status + ")")
	if t.Detail.Description != "" {
		b.WriteString(": " + t.Detail.Description)
	}
	b.WriteString("\n")
	for i, m := range t.Detail.Messages {
		author := []string{"customer", "engineer"}[min(max(m.Type, 0), 1)]
		if m.ReplierName != "" {
			author = m.ReplierName + " (" + author + ")"
		}
		fmt.Fprintf(&b, "\n#%d  %s  %s\n", i+1, author, m.CreateTime)
		for _, a := range m.AccessoryList {
			b.WriteString("    [attached: " + a.Name + "]\n")
		}
		for line := range strings.SplitSeq(strings.TrimRight(m.Content, "\n"), "\n") {
			b.WriteString(strings.TrimRight("    "+line, " \r") + "\n")
		}
	}
	return b.String()
}
