//go:build unix

package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// results is all that was measured.
type results struct {
	scenarios []scenario
	subjects  []subject
	cells     map[[3]string]*measured // by scenario, operation and subject

	cli  string // its version
	size int64  // of the provider's binary, in bytes
}

// measured is what was measured of one command.
type measured struct {
	seconds               []float64 // in the order of the rounds
	requests, connections int64     // of an apply
	peak                  int64     // bytes of memory of the provider's largest process
}

func (r *results) cell(sc scenario, op operation, subject string) *measured {
	c := [3]string{sc.String(), op.name, subject}
	if r.cells[c] == nil {
		r.cells[c] = &measured{}
	}
	return r.cells[c]
}

// time returns the median of the seconds, and that of the ratios to terraform_data in
// the same round.
func (r *results) time(sc scenario, op operation, subject string) (seconds, ratio float64) {
	m, base := r.cell(sc, op, subject), r.cell(sc, op, floor)
	var ratios []float64
	for i, s := range m.seconds {
		ratios = append(ratios, s/base.seconds[i])
	}
	return median(m.seconds), median(ratios)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// describe adds what was measured with.
func (r *results) describe(ctx context.Context, o options) error {
	info, err := os.Stat(o.provider)
	if err != nil {
		return err
	}
	r.size = info.Size()
	version, err := exec.CommandContext(ctx, o.cli, "version").Output() //nolint:gosec // the CLI that the caller chose
	if err != nil {
		return err
	}
	r.cli, _, _ = strings.Cut(string(version), "\n")
	return nil
}

// markdown is what results/README.md shows as the results.
func (r *results) markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("Measured by `make bench` on %s with %s, on %d CPUs, %s/%s, %s. The provider's binary has %.1f MB.\n", time.Now().UTC().Format(time.DateOnly),
		r.cli, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), float64(r.size)/1e6)
	b.WriteString(r.chart())

	head := []string{"messages", "command"}
	for _, s := range r.subjects {
		head = append(head, s.name)
	}
	head = append(head, "requests", "connections", "memory")
	line("| %s |", strings.Join(head, " | "))
	line("|%s", strings.Repeat("---|", len(head)))
	for _, sc := range r.scenarios {
		for _, op := range sc.operations() {
			cells := []string{sc.String(), op.name}
			for _, s := range r.subjects {
				seconds, ratio := r.time(sc, op, s.name)
				cells = append(cells, fmt.Sprintf("%.2f s (%.2f)", seconds, ratio))
			}
			m := r.cell(sc, op, keyed)
			line("| %s | %d | %d | %.0f MB |", strings.Join(cells, " | "), m.requests, m.connections, float64(m.peak)/1e6)
		}
	}
	return b.String()
}

// chart draws the times of the applies as multiples of terraform_data, in Mermaid. An apply
// of one message is Terraform's own start, and left out.
func (r *results) chart() string {
	var bars []string
	var ratios []float64
	for _, sc := range r.scenarios {
		for _, s := range r.subjects {
			if sc.messages == 1 || s.name == floor {
				continue
			}
			_, ratio := r.time(sc, apply, s.name)
			bars = append(bars, fmt.Sprintf("%q", sc.String()+", "+s.name))
			ratios = append(ratios, math.Round(ratio*100)/100)
		}
	}
	if bars == nil {
		return ""
	}
	return fmt.Sprintf("```mermaid\n"+barChart+"```\n\n",
		100+25*len(bars), strings.Join(bars, ", "), math.Ceil(slices.Max(ratios)), strings.ReplaceAll(fmt.Sprint(ratios), " ", ", "))
}

// barChart is a chart in Mermaid.
const barChart = `---
config:
  xyChart: { width: 760, height: %d, chartOrientation: horizontal, showDataLabel: true }
  themeVariables: { xyChart: { plotColorPalette: "#54aeff" } }
---
xychart-beta
  title "terraform apply: time as a multiple of terraform_data"
  x-axis [%s]
  y-axis "shorter is faster" 0 --> %.0f
  bar %s
`
