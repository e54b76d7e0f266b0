package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func faultsCommand() command {
	return command{
		name:    "faults",
		usage:   "-url URL [FAULT ...]",
		summary: "Replace the faults of the server, or clear them",
		about: `Without a FAULT, all faults are cleared. A FAULT is one of:

  KIND      affects every request
  KIND@1,3  affects the first and the third request from now on
  KIND%0.3  affects 30 % of the requests, at random

Parameters may follow after a ?, joined by &. A status alone is short for the kind
answer, with the documented code for this status, if any. Examples:

  lost-answer@1,3
  503%0.3
  '429@1?retry_after=2'
  '500?op=list&times=2'
  '502@1?stored=true'
  '200@1?code=OSM.01010014'
  'late-list?delay=3s'`,
		most: -1,
		prepare: func(*flag.FlagSet) action {
			return func(ctx context.Context, call invocation) error {
				for _, text := range call.args {
					if _, err := simulator.ParseFault(text); err != nil {
						return usageError{err}
					}
				}
				faults := append([]string{}, call.args...) // never null
				return call.server.do(ctx, request{method: http.MethodPut, path: simulator.FaultsPath, body: map[string]any{
					"faults": faults,
				}}, nil)
			}
		},
		more: listFaultKinds,
	}
}

func listFaultKinds(w io.Writer) {
	_, _ = io.WriteString(w, "Kinds, with the operations that each affects unless op= is set:\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, k := range simulator.FaultKinds() {
		doc := k.Doc
		if len(k.Parameters) > 0 {
			doc += " (" + strings.Join(k.Parameters, ", ") + ")"
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", k.Name, cmp.Or(strings.Join(k.Operations, ", "), "any"), doc)
	}
	_ = table.Flush()
	_, _ = io.WriteString(w, "\nParameters; each kind takes op and times:\n")
	new(simulator.Fault).Parameters().VisitAll(func(p *flag.Flag) {
		_, _ = fmt.Fprintf(table, "  %s=\t%s\n", p.Name, p.Usage)
	})
	_ = table.Flush()
}
