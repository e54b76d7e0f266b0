package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// statusCommand is a command that sets a ticket's status.
func statusCommand(name, summary, byDefault string) command {
	return command{
		name:    name,
		usage:   "-url URL [-status STATUS] CASE",
		summary: summary,
		about: `By default the ticket's status becomes ` + byDefault + `. A server refuses messages on a
closed ticket with OSM.01010002, unless it was started with -accept-closed.`,
		least: 1,
		most:  1,
		prepare: func(flags *flag.FlagSet) action {
			status := statusFlag(flags, byDefault)
			return func(ctx context.Context, call invocation) error {
				return call.server.do(ctx, request{method: http.MethodPut, path: simulator.StatusPath, body: map[string]any{
					"id": call.args[0], "status": *status,
				}}, nil)
			}
		},
		more: listStatuses,
	}
}

// statusFlag defines -status, a number or a name.
func statusFlag(flags *flag.FlagSet, byDefault string) *int {
	status, err := parseStatus(byDefault)
	if err != nil {
		panic(err)
	}
	flags.Func("status", "`status`, by number or name (default "+byDefault+")", func(v string) (err error) {
		status, err = parseStatus(v)
		return err
	})
	return &status
}

// parseStatus reads a status: its number or its name, in which - and _ stand
// for a space.
func parseStatus(text string) (int, error) {
	name := strings.NewReplacer("-", " ", "_", " ").Replace(strings.ToLower(text))
	for _, s := range simulator.Statuses() {
		if name == s.Name || name == strconv.Itoa(s.Number) {
			return s.Number, nil
		}
	}
	return 0, fmt.Errorf("unknown status %q", text)
}

// statusName returns the name of a status.
func statusName(number int) string {
	for _, s := range simulator.Statuses() {
		if s.Number == number {
			return s.Name
		}
	}
	return fmt.Sprint("status ", number)
}

func listStatuses(w io.Writer) {
	_, _ = io.WriteString(w, "Statuses:\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range simulator.Statuses() {
		note := ""
		if s.Closed {
			note = " (closed)"
		}
		_, _ = fmt.Fprintf(table, "  %d\t%s%s\n", s.Number, s.Name, note)
	}
	_ = table.Flush()
}
