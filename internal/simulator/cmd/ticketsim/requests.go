package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func requestsCommand() command {
	return command{
		name:    "requests",
		usage:   "-url URL",
		summary: "Count the requests by operation",
		about: `Prints one line for each operation: its name and the number of requests. For
example, "submit 2" means two requests to post a message. Requests of ticketsim's
own commands do not count, except those of thread, which reads the ticket as a
client of the service does.`,
		prepare: func(*flag.FlagSet) action {
			return func(ctx context.Context, call invocation) error {
				var counts map[string]int
				if err := call.server.do(ctx, request{method: http.MethodGet, path: simulator.CountsPath}, &counts); err != nil {
					return err
				}
				for _, op := range slices.Sorted(maps.Keys(counts)) {
					if _, err := fmt.Fprintln(call.out, op, counts[op]); err != nil {
						return err
					}
				}
				return nil
			}
		},
	}
}
