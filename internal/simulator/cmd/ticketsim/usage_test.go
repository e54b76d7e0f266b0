package main

import (
	"strings"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

const someURL = "http://127.0.0.1:1"

// Wrong arguments: exit 2, a hint, and nothing was asked of a server.
func TestUsageErrors(t *testing.T) {
	for _, c := range []struct {
		want string // the error's first line
		args []string
	}{
		{`ticketsim: unknown command "other"`, []string{"other"}},
		{`ticketsim: unexpected argument "other"`, []string{"-log", "other"}},
		{"ticketsim: flag provided but not defined: -other", []string{"-other"}},
		{`ticketsim: invalid value "=x" for flag -case: the ID ""`, []string{"-case", "=x"}},
		{`ticketsim: invalid value "other" for flag -fault: `, []string{"-fault", "other"}},
		{`ticketsim: invalid value "n:p" for flag -user: `, []string{"-user", "n:p"}},
		{`ticketsim: invalid value ":p:d" for flag -user: `, []string{"-user", ":p:d"}},
		{`ticketsim: invalid value "n::d" for flag -user: `, []string{"-user", "n::d"}},
		{`ticketsim: invalid value "AK" for flag -access-key: `, []string{"-access-key", "AK"}},
		{`ticketsim: invalid value "x" for flag -seed: `, []string{"-seed", "x"}},

		{"ticketsim requests: -url is required", []string{"requests"}},
		{"ticketsim thread: -url is required", []string{"thread", "case-123"}},
		{`ticketsim wait: invalid value "127.0.0.1:1" for flag -url: `, []string{"wait", "-url", "127.0.0.1:1"}},
		{`ticketsim wait: invalid value "ftp://x" for flag -url: `, []string{"wait", "-url", "ftp://x"}},
		{`ticketsim wait: invalid value "http://" for flag -url: `, []string{"wait", "-url", "http://"}},
		{`ticketsim wait: invalid value "http://x?y" for flag -url: `, []string{"wait", "-url", "http://x?y"}},
		{"ticketsim wait: -timeout must be positive", []string{"wait", "-url", someURL, "-timeout", "0"}},
		{`ticketsim wait: unexpected argument "x"`, []string{"wait", "-url", someURL, "x"}},
		{"ticketsim thread: missing argument; usage: ticketsim thread -url URL", []string{"thread", "-url", someURL}},
		{"ticketsim close: missing argument", []string{"close", "-url", someURL}},
		{`ticketsim close: unexpected argument "-status"; flags come before`, []string{"close", "-url", someURL, "case-123", "-status", "4"}},
		{`ticketsim close: invalid value "shut" for flag -status: unknown status "shut"`, []string{"close", "-url", someURL, "-status", "shut", "x"}},
		{`ticketsim reopen: invalid value "6" for flag -status: unknown status "6"`, []string{"reopen", "-url", someURL, "-status", "6", "x"}},
		{"ticketsim reply: missing argument", []string{"reply", "-url", someURL, "case-123"}},
		{`ticketsim add: the ID ""`, []string{"add", "-url", someURL, "=x"}},
		{`ticketsim add: unexpected argument "y"`, []string{"add", "-url", someURL, "x", "y"}},
		{`ticketsim faults: fault "other": `, []string{"faults", "-url", someURL, "503", "other"}},
	} {
		r := ticketsim(t, "", c.args...)
		if r.code != exitUsage || r.out != "" || !strings.HasPrefix(r.err, c.want) || !strings.HasSuffix(r.err, "-h\" for help.\n") {
			t.Errorf("%q: got %+v, want %s", c.args, r, c.want)
		}
	}
}

// Help goes to standard output, and says what there is to say.
func TestHelp(t *testing.T) {
	var kinds, statuses, names []string
	for _, k := range simulator.FaultKinds() {
		kinds = append(kinds, "\n  "+k.Name+" ")
	}
	for _, s := range simulator.Statuses() {
		statuses = append(statuses, s.Name)
	}
	for _, c := range commands() {
		names = append(names, "\n  "+c.name+" ")
	}
	more := map[string][]string{"faults": kinds, "close": statuses, "reopen": statuses, "add": statuses}
	for _, c := range append(commands(), serveCommand()) {
		args, want := []string{c.name}, append(more[c.name], "Usage: "+c.title()+" "+c.usage+"\n", "  -url URL\n")
		if c.name == "" {
			args, want = nil, append(names, "Usage: ticketsim [flags]\n", "\n  requests  ", "  -accept-closed\n", "Exit status: 0", "TICKETSIM_TOKEN")
		}
		for _, flag := range []string{"-h", "-help", "--help"} {
			out := done(t, append(args, flag)...)
			for _, w := range want {
				if !strings.Contains(out, w) {
					t.Errorf("%s %s: no %q in\n%s", c.title(), flag, w, out)
				}
			}
			for line := range strings.Lines(out) {
				if strings.TrimRight(line, " \t\n") != strings.TrimSuffix(line, "\n") {
					t.Errorf("%s %s: space at the end of %q", c.title(), flag, line)
				}
			}
		}
	}
}

func TestVersion(t *testing.T) {
	defer func(v string) { version = v }(version)
	version = "1.2.3"
	if got := done(t, "-version"); got != "ticketsim 1.2.3\n" {
		t.Errorf("got %q", got)
	}
}

func TestParseStatus(t *testing.T) {
	for text, want := range map[string]int{
		"0": 0, "17": 17, "completed": 3, "Cancelled": 4, "to be accepted": 0, "to-be-accepted": 0, "awaiting_feedback": 17,
	} {
		if got, err := parseStatus(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "6", "03", "-1", "complete", "status 3"} {
		if got, err := parseStatus(text); err == nil {
			t.Errorf("%q: got %d", text, got)
		}
	}
}
