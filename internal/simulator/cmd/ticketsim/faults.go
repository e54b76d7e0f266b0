package main

import (
	"cmp"
	"context"
	"flag"
	"io"
	"net/http"
	"text/tabwriter"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func faultsCommand() command {
	return command{
		name:    "faults",
		usage:   "-url URL [FAULT ...]",
		summary: "Replace the faults of the server; no FAULT clears them",
		about: `A FAULT is KIND, KIND@1,3 (the first and third request from now on) or KIND%0.3
(that share of the requests). Settings may follow: ? and then op=, times=,
delay=, skew=, retry_after= or location=, joined by &. For instance:

  lost-answer@1,3
  503%0.3
  '429@1?retry_after=2'
  '500?op=list&times=2'
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
	_, _ = io.WriteString(w, "Kinds, with the operation that they strike unless op= is set:\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, k := range simulator.FaultKinds() {
		doc := k.Doc
		if k.Operation == simulator.OpSubmit && k.Committed {
			doc += "; the message is on the ticket"
		}
		_, _ = io.WriteString(table, "  "+k.Name+"\t"+cmp.Or(k.Operation, "any")+"\t"+doc+"\n")
	}
	_ = table.Flush()
}
