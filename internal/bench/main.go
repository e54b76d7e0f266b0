//go:build unix

// Command bench measures what the provider costs: beside terraform_data, which
// is what Terraform itself takes, and beside curl in a local-exec provisioner.
// The service is the simulator, on loopback. Run it with `make bench`.
//
// Subjects take turns, so that a busy machine slows all of them down. A time is
// the median over the rounds, and a ratio the median of the ratios to
// terraform_data in the same round.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	if provider := os.Getenv(measuredProvider); provider != "" {
		os.Exit(measureProvider(provider, os.Getenv(measuredUsage)))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options is what the flags say.
type options struct {
	cli      string // path of terraform or tofu
	host     string // its default registry
	provider string // path of the provider's binary
	sizes    []int  // numbers of messages
	rounds   []int  // rounds for each of sizes
	networks []network
	others   []other
	out      string // directory for results.json, README.md and the charts
	from     string // results.json to draw anew instead of measuring
}

// other is one more binary to measure beside the provider's.
type other struct{ kind, name, path string }

func run(ctx context.Context) error {
	o := options{cli: os.Getenv("TF_CLI"), host: os.Getenv("TF_CLI_HOST"), networks: networks, sizes: []int{1, 100, 1000}, rounds: []int{9, 5, 3}}
	flag.StringVar(&o.provider, "provider", "", "`path` of the provider's binary")
	flag.StringVar(&o.out, "out", "", "`directory` to write results.json, README.md and the charts to (default: print only)")
	flag.StringVar(&o.from, "from", "", "results.json `file` to print and draw again, without measuring")
	flag.Func("sizes", "numbers of messages, `N,...` (default 1,100,1000)", numbers(&o.sizes))
	flag.Func("rounds", "rounds for each of -sizes, `N,...` (default 9,5,3)", numbers(&o.rounds))
	flag.Func("network", "only this `network`: plain or slow", func(name string) error {
		for _, n := range networks {
			if n.Name == name {
				o.networks = []network{n}
				return nil
			}
		}
		return errors.New("not plain or slow")
	})
	flag.Func("other", "`KIND:NAME=PATH` of another binary to measure: build (another build of this provider), null (hashicorp/null) or start (only its start and size); repeatable", func(text string) error {
		kind, rest, _ := strings.Cut(text, ":")
		name, path, ok := strings.Cut(rest, "=")
		if !ok || name == "" || path == "" || kind != "build" && kind != "null" && kind != "start" {
			return errors.New("not KIND:NAME=PATH")
		}
		o.others = append(o.others, other{kind, name, path})
		return nil
	})
	flag.Parse()
	if len(o.rounds) != len(o.sizes) {
		return errors.New("-rounds must have as many numbers as -sizes")
	}

	var r results
	if o.from != "" {
		b, err := os.ReadFile(o.from)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &r); err != nil {
			return fmt.Errorf("%s: %w", o.from, err)
		}
	} else {
		if o.cli == "" || o.provider == "" {
			return errors.New("run it with make bench")
		}
		var err error
		if r, err = measure(ctx, o); err != nil {
			return err
		}
		if r.Submit, err = submitBenchmark(ctx); err != nil {
			return err
		}
	}
	fmt.Print(r.markdown())
	if o.out == "" {
		return nil
	}
	return r.write(o.out)
}

func numbers(to *[]int) func(string) error {
	return func(text string) error {
		*to = nil
		for _, part := range strings.Split(text, ",") {
			n, err := strconv.Atoi(part)
			if err != nil || n < 1 {
				return fmt.Errorf("%q is not a positive number", part)
			}
			*to = append(*to, n)
		}
		return nil
	}
}

// measure makes all runs: for each network and number of messages, all subjects
// in each round.
func measure(ctx context.Context, o options) (results, error) {
	work, err := os.MkdirTemp("", "servicerequest-bench-")
	if err != nil {
		return results{}, err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a temporary directory

	r, err := describe(ctx, o)
	if err != nil {
		return r, err
	}
	for _, net := range o.networks {
		for i, size := range o.sizes {
			var subjects []*subject
			for _, s := range allSubjects(o) {
				subjects = append(subjects, &s)
				if err := s.prepare(o, filepath.Join(work, net.Name, strconv.Itoa(size), s.Name)); err != nil {
					return r, err
				}
			}
			for round := range o.rounds[i] {
				for j := range subjects {
					s := subjects[(round+j)%len(subjects)] // each comes first in turn
					fmt.Fprintf(os.Stderr, "%s, %d messages, round %d of %d: %s\n", net.Name, size, round+1, o.rounds[i], s.Name)
					if err := s.round(ctx, o, net, size, &r, round == 0); err != nil {
						return r, fmt.Errorf("%s: %w", s.Name, err)
					}
				}
			}
		}
	}
	r.summarize()
	return r, nil
}
