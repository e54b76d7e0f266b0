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
		about: `It prints a line for each operation that had requests: the operation, a space
and the number. "submit 2" says that the server had two requests to add a
message. The requests of these commands do not count, but for thread: it reads
the ticket as a client of the service does.`,
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
