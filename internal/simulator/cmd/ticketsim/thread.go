package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// ticket is what a thread shows of the service's answer.
type ticket struct {
	Detail struct {
		ID          string    `json:"incident_id"`
		Status      int       `json:"status"`
		Description string    `json:"simple_description"`
		Messages    []message `json:"message_list"`
	} `json:"incident_detail_info"`
}

type message struct {
	Type        int    `json:"type"`
	Name        string `json:"replier_name"`
	Content     string `json:"content"`
	Time        string `json:"create_time"`
	Accessories []struct {
		Name string `json:"file_actual_name"`
	} `json:"accessory_list"`
}

func threadCommand() command {
	return command{
		name:    "thread",
		usage:   "-url URL [-token TOKEN] [-group ID] CASE",
		summary: "Print a ticket and its messages",
		about: `Reads the ticket as a client of the service does: with a token, and subject to
the faults of the server.`,
		least: 1,
		most:  1,
		prepare: func(flags *flag.FlagSet) action {
			token := flags.String("token", "", "`token` that the server accepts (default $TICKETSIM_TOKEN, else demo-token)")
			group := flags.String("group", "", "group `ID` of the ticket (default none)")
			return func(ctx context.Context, call invocation) error {
				path := "/v2/servicerequest/cases/" + url.PathEscape(call.args[0])
				if *group != "" {
					path += "?group_id=" + url.QueryEscape(*group)
				}
				if *token == "" {
					*token = defaultToken()
				}
				var t ticket
				if err := call.server.do(ctx, request{method: http.MethodGet, path: path, token: *token}, &t); err != nil {
					return err
				}
				_, err := io.WriteString(call.out, t.String())
				return err
			}
		},
	}
}

func (t ticket) String() string {
	var b strings.Builder
	b.WriteString(t.Detail.ID + " (" + statusName(t.Detail.Status) + ")")
	if t.Detail.Description != "" {
		b.WriteString(": " + t.Detail.Description)
	}
	b.WriteString("\n")
	for i, m := range t.Detail.Messages {
		author := []string{"customer", "engineer"}[min(max(m.Type, 0), 1)]
		if m.Name != "" {
			author = m.Name + " (" + author + ")"
		}
		fmt.Fprintf(&b, "\n#%d  %s  %s\n", i+1, author, m.Time)
		for _, a := range m.Accessories {
			b.WriteString("    [attached: " + a.Name + "]\n")
		}
		for line := range strings.SplitSeq(strings.TrimRight(m.Content, "\n"), "\n") {
			b.WriteString(strings.TrimRight("    "+line, " \r") + "\n")
		}
	}
	return b.String()
}
