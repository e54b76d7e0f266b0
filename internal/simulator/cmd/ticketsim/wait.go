package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// pollInterval is how long wait pauses between two attempts.
const pollInterval = 50 * time.Millisecond

func waitCommand() command {
	return command{
		name:    "wait",
		usage:   "-url URL [-timeout TIME]",
		summary: "Wait until the server answers",
		about:   `Fails if the server does not answer in time.`,
		prepare: func(flags *flag.FlagSet) action {
			timeout := flags.Duration("timeout", 30*time.Second, "give up after this `time`")
			return func(ctx context.Context, call invocation) error {
				if *timeout <= 0 {
					return usagef("-timeout must be positive")
				}
				ctx, cancel := context.WithTimeout(ctx, *timeout)
				defer cancel()
				return awaitServer(ctx, call.server)
			}
		},
	}
}

// awaitServer returns once the server answers. When ctx ends first, it returns
// the error of the last attempt that ctx did not cut short.
func awaitServer(ctx context.Context, server client) error {
	pause := time.NewTicker(pollInterval)
	defer pause.Stop()
	var last error
	for {
		var counts map[string]int
		err := server.do(ctx, request{method: http.MethodGet, path: simulator.CountsPath}, &counts)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", last)
		}
	}
}
