//go:build unix

// Command bench measures what the provider costs: beside terraform_data, which
// is what Terraform itself takes, and beside curl in a local-exec provisioner.
// The service is the simulator, on loopback. `make bench` prints the
// results, and results/README.md explains them.
//
// Subjects take turns, so that a busy machine slows all of them down. A time is
// the median over the rounds, and a ratio the median of the ratios to
// terraform_data in the same round.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
)

func main() {
	if provider := os.Getenv(measuredProvider); provider != "" {
		os.Exit(measureProvider(provider, os.Getenv(measuredPeaks)))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options is what the flags say, and the environment of tools/cli.sh.
type options struct {
	cli      string // path of terraform or tofu
	provider string // absolute path of the provider's binary
}

// scenario is what all subjects do in a round.
type scenario struct {
	messages int  // to post
	existing int  // on the ticket before
	https    bool // with latency, else plain HTTP
	rounds   int
}

var scenarios = []scenario{
	{1, 0, false, 9}, {100, 0, false, 5}, {1000, 0, false, 3}, {1000, 2000, false, 3},
	{1, 0, true, 9}, {100, 0, true, 5}, {1000, 0, true, 3}, {1000, 2000, true, 3},
}

func (s scenario) String() string {
	text := fmt.Sprint(s.messages)
	if s.existing > 0 {
		text += fmt.Sprint(" after ", s.existing)
	}
	if s.https {
		text += ", HTTPS"
	}
	return text
}

// operations are the timed commands, in their order.
func (s scenario) operations() []operation {
	if s.https || s.existing > 0 { // no other command makes a request
		return []operation{apply}
	}
	return []operation{
		{"plan", []string{"plan"}}, apply,
		{"no-op plan", []string{"plan", "-detailed-exitcode"}}, // fails if there is anything to change
		{"destroy", []string{"destroy", "-auto-approve"}},
	}
}

type operation struct {
	name string
	args []string
}

var apply = operation{"apply", []string{"apply", "-auto-approve"}}

func run(ctx context.Context) error {
	o := options{cli: os.Getenv("TF_CLI")}
	only := regexp.MustCompile("")
	flag.StringVar(&o.provider, "provider", "", "`path` of the provider's binary")
	flag.TextVar(only, "run", only, "only the scenarios that match this `regexp`, such as \"^1000 after 2000$\" or \"HTTPS\"")
	flag.Parse()
	if o.cli == "" || o.provider == "" {
		return errors.New("run it with make bench")
	}
	var err error
	if o.provider, err = filepath.Abs(o.provider); err != nil { // the CLI runs elsewhere
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(scenarios), func(s scenario) bool { return !only.MatchString(s.String()) })
	if len(chosen) == 0 {
		return fmt.Errorf("no such scenario: there are %v", scenarios)
	}
	r, err := measure(ctx, o, chosen)
	if err != nil {
		return err
	}
	if err := r.describe(ctx, o); err != nil {
		return err
	}
	fmt.Print(r.markdown())
	return nil
}

// measure runs all subjects in each round of each scenario.
func measure(ctx context.Context, o options, chosen []scenario) (*results, error) {
	r := &results{scenarios: chosen, subjects: subjects(), cells: map[[3]string]*measured{}}
	for _, sc := range chosen {
		for round := range sc.rounds {
			for i := range r.subjects {
				s := r.subjects[(round+i)%len(r.subjects)] // each comes first in turn
				fmt.Fprintf(os.Stderr, "%s: round %d of %d: %s\n", sc, round+1, sc.rounds, s.name)
				if err := s.run(ctx, o, sc, false, r); err != nil {
					return r, fmt.Errorf("%s: %w", s.name, err)
				}
			}
		}
		for _, s := range r.subjects {
			if s.ours { // once more for the memory, since that costs time
				if err := s.run(ctx, o, sc, true, r); err != nil {
					return r, fmt.Errorf("%s: %w", s.name, err)
				}
			}
		}
	}
	return r, nil
}
