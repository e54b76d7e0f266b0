//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestMain takes the provider's place where the bench measures memory.
func TestMain(m *testing.M) {
	if provider := os.Getenv(measuredProvider); provider != "" {
		measureProvider(provider)
		return
	}
	m.Run()
}

// TestBench makes the smallest run there is, over HTTPS and on a ticket with two pages.
func TestBench(t *testing.T) {
	sc := scenario{messages: 2, existing: 150, https: true, rounds: 1}
	b := benchmark{cli: os.Getenv("TF_CLI"), provider: filepath.Join(t.TempDir(), "terraform-provider-servicerequest"), scenarios: []scenario{sc}}
	if b.cli == "" {
		t.Fatal("run it with make test, or through tools/cli.sh")
	}
	version, err := exec.Command(b.cli, "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`^Terraform v1\.[0-3]\.`).Match(version) {
		t.Skip("terraform_data needs Terraform 1.4")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not on PATH")
	}
	if out, err := exec.Command("go", "build", "-o", b.provider, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%s\n%s", err, out)
	}
	if err := b.measure(t.Context()); err != nil {
		t.Fatal(err)
	}
	const lists = 2 // pages of the ticket
	for subject, want := range map[string]int{terraformData: 0, "without keys": 2 + lists, withKeys: 2 + 2*lists, "curl": 2} {
		m := b.results[cell{sc, "apply", subject}]
		if len(m.seconds) != 1 || (m.peak >= 1<<20) != (subject == withKeys) {
			t.Errorf("%s: %+v", subject, m)
		}
		got := m.requests
		if subject == withKeys && got == want+lists { // the first message ended before the second came
			got = want
		}
		if got != want || (m.connections > 0) != (want > 0) {
			t.Errorf("%s: %+v, want %d requests", subject, m, want)
		}
	}

	bars := regexp.MustCompile(`x-axis \["2 after 150, HTTPS, without keys", "2 after 150, HTTPS, with keys", "2 after 150, HTTPS, curl"\]\n.*\n  bar \[[\d.]+, [\d.]+, [\d.]+\]\n`)
	if chart := b.chart(); !bars.MatchString(chart) {
		t.Errorf("%s\nwant a chart of the subjects but terraform_data: %s", chart, bars)
	}
	row := regexp.MustCompile(`\| 2 after 150, HTTPS \| apply \| [\d.]+ s \(1\.00\) \|( [\d.]+ s \([\d.]+\) \|){3} \d+ \| \d+ \| \d+ MB \|\n$`)
	if table := b.table(); !row.MatchString(table) {
		t.Errorf("%s\nwant one row: %s", table, row)
	}
}

func TestRatiosAreOfOneRound(t *testing.T) {
	keyed := cell{scenario{messages: 1}, "apply", withKeys}
	b := benchmark{results: map[cell]measured{
		{keyed.scenario, "apply", terraformData}: {seconds: []float64{1, 2, 10}},
		keyed:                                    {seconds: []float64{3, 4, 10}}, // ratios 3, 2 and 1
	}}
	if seconds, ratio := b.time(keyed); seconds != 4 || ratio != 2 {
		t.Errorf("%v s, ratio %v", seconds, ratio)
	}
}
