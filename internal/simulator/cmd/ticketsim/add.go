package main

import (
	"context"
	"flag"
	"net/http"
	"strings"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func addCommand() command {
	return command{
		name:    "add",
		usage:   "-url URL [-group ID] [-status STATUS] CASE[=DESCRIPTION]",
		summary: "Add a ticket",
		about:   `It is an error if the server already has a ticket with this ID.`,
		least:   1,
		most:    1,
		prepare: func(flags *flag.FlagSet) action {
			group := flags.String("group", "", "group `ID` that requests for the ticket must send (default none)")
			status := statusFlag(flags, "to be accepted")
			return func(ctx context.Context, call invocation) error {
				c, err := parseCase(call.args[0])
				if err != nil {
					return usageError{err}
				}
				return call.server.do(ctx, request{method: http.MethodPost, path: simulator.CasesPath, body: map[string]any{
					"id": c.ID, "description": c.Description, "group_id": *group, "status": *status,
				}}, nil)
			}
		},
		more: listStatuses,
	}
}

// parseCase reads a ticket: ID or ID=description.
func parseCase(text string) (simulator.Case, error) {
	var c simulator.Case
	c.ID, c.Description, _ = strings.Cut(text, "=")
	return c, c.Validate()
}
