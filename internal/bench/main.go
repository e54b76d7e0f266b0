//go:build unix

// Command bench measures what the provider costs: beside terraform_data, which
// is what Terraform itself takes, and beside curl in a local-exec provisioner.
// The service is the simulator, on loopback. `make bench` prints the results,
// and results/README.md explains them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	if provider := os.Getenv(measuredProvider); provider != "" {
		measureProvider(provider)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	b := benchmark{cli: os.Getenv("TF_CLI")}
	only := regexp.MustCompile("")
	flag.StringVar(&b.provider, "provider", "", "absolute `path` of the provider's binary")
	flag.TextVar(only, "run", only, "only the scenarios that match this `regexp`, such as \"^1000 after 2000$\" or \"HTTPS\"")
	flag.Parse()
	if b.cli == "" || b.provider == "" {
		return errors.New("run it with make bench")
	}
	binary, err := os.Stat(b.provider)
	if err != nil {
		return err
	}
	output, err := exec.CommandContext(ctx, b.cli, "version").Output() //nolint:gosec // the CLI that the caller chose
	if err != nil {
		return err
	}
	cliVersion, _, _ := strings.Cut(string(output), "\n")
	b.scenarios = slices.DeleteFunc(slices.Clone(scenarios), func(sc scenario) bool { return !only.MatchString(sc.String()) })
	if len(b.scenarios) == 0 {
		return fmt.Errorf("no such scenario: there are %v", scenarios)
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	fmt.Printf("Measured by `make bench` on %s with %s, on %d CPUs, %s/%s, %s. The provider's binary has %.1f MB.\n\n", time.Now().UTC().Format(time.DateOnly),
		cliVersion, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), float64(binary.Size())/1e6)
	fmt.Print(b.chart(), b.table())
	return nil
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

func (sc scenario) String() string {
	text := fmt.Sprint(sc.messages)
	if sc.existing > 0 {
		text += fmt.Sprint(" after ", sc.existing)
	}
	if sc.https {
		text += ", HTTPS"
	}
	return text
}

// commands returns the names of the timed commands, in their order.
func (sc scenario) commands() []string {
	if sc.https || sc.existing > 0 { // no other command makes a request
		return []string{"apply"}
	}
	return []string{"plan", "apply", "no-op plan", "destroy"}
}

// arguments are those that the CLI gets for a command.
var arguments = map[string][]string{
	"init":       {"init"},
	"plan":       {"plan"},
	"apply":      {"apply", "-auto-approve"},
	"no-op plan": {"plan", "-detailed-exitcode"}, // fails if there is anything to change
	"destroy":    {"destroy", "-auto-approve"},
}

// benchmark is what to measure, and what was measured.
type benchmark struct {
	cli       string // path of terraform or tofu
	provider  string // absolute path of the provider's binary
	scenarios []scenario
	results   map[cell]measured
}

// cell is the place of a result in the table.
type cell struct {
	scenario         scenario
	command, subject string
}

type measured struct {
	seconds               []float64 // in the order of the rounds
	requests, connections int
	peak                  int64 // bytes of memory of the provider's largest process
}

// measure runs all subjects in each round of each scenario. They take turns, so that a
// busy machine slows all of them down.
func (b *benchmark) measure(ctx context.Context) error {
	b.results = map[cell]measured{}
	for _, sc := range b.scenarios {
		for round := range sc.rounds {
			for i := range subjects {
				subject := subjects[(round+i)%len(subjects)] // each comes first in turn
				fmt.Fprintf(os.Stderr, "%s: round %d of %d: %s\n", sc, round+1, sc.rounds, subject)
				if err := b.run(ctx, sc, subject, false); err != nil {
					return fmt.Errorf("%s: %w", subject, err)
				}
			}
		}
		if err := b.run(ctx, sc, withKeys, true); err != nil { // apart from the rounds, since it slows the command down
			return fmt.Errorf("memory %s: %w", withKeys, err)
		}
	}
	return nil
}

// time returns the median of the seconds, and that of the ratios to terraform_data in
// the same round.
func (b *benchmark) time(c cell) (seconds, ratio float64) {
	base := b.results[cell{c.scenario, c.command, terraformData}]
	var ratios []float64
	for i, s := range b.results[c].seconds {
		ratios = append(ratios, s/base.seconds[i])
	}
	return median(b.results[c].seconds), median(ratios)
}

// median returns the middle one of an odd number of values. All scenarios have an odd
// number of rounds.
func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// chart draws the times of the applies as multiples of terraform_data, in Mermaid. An apply
// of one message is Terraform's own start, and left out.
func (b *benchmark) chart() string {
	var names, bars []string
	var longest float64
	for _, sc := range b.scenarios {
		for _, subject := range subjects {
			if sc.messages == 1 || subject == terraformData {
				continue
			}
			_, ratio := b.time(cell{sc, "apply", subject})
			names = append(names, fmt.Sprintf("%q", sc.String()+", "+subject))
			bars = append(bars, fmt.Sprintf("%.2f", ratio))
			longest = max(longest, ratio)
		}
	}
	if bars == nil {
		return ""
	}
	return fmt.Sprintf(barChart, 100+25*len(bars), strings.Join(names, ", "), math.Ceil(longest), strings.Join(bars, ", "))
}

const barChart = "```mermaid" + `
---
config:
  xyChart: { width: 760, height: %d, chartOrientation: horizontal, showDataLabel: true }
  themeVariables: { xyChart: { plotColorPalette: "#54aeff" } }
---
xychart-beta
  title "terraform apply: time as a multiple of terraform_data"
  x-axis [%s]
  y-axis "shorter is faster" 0 --> %.0f
  bar [%s]
` + "```\n\n"

// table has a row for each command. Requests, connections and memory are those with keys.
func (b *benchmark) table() string {
	var t strings.Builder
	fmt.Fprintf(&t, "| messages | command | %s | requests | connections | memory |\n", strings.Join(subjects, " | "))
	fmt.Fprintf(&t, "|%s\n", strings.Repeat("---|", len(subjects)+5))
	for _, sc := range b.scenarios {
		for _, command := range sc.commands() {
			fmt.Fprintf(&t, "| %s | %s |", sc, command)
			for _, subject := range subjects {
				seconds, ratio := b.time(cell{sc, command, subject})
				fmt.Fprintf(&t, " %.2f s (%.2f) |", seconds, ratio)
			}
			m := b.results[cell{sc, command, withKeys}]
			fmt.Fprintf(&t, " %d | %d | %.0f MB |\n", m.requests, m.connections, float64(m.peak)/1e6)
		}
	}
	return t.String()
}
